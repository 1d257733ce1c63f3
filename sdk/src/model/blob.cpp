// The loader's checks: every rule of blob.h, once, in 64-bit arithmetic, from the outside in, so that nothing is read
// before its bounds are known. The rules do not lean on the checksum, which an attacker can repair: whatever passes
// here is safe to run through the network blindly. Lessons of other loaders that shaped it: offsets must tile the file
// with no hole or tail, and shapes are multiplied in a type that cannot overflow.
#include "model/blob.h"

#include <cstring>

#include "base/crc32.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "linnet reads its little-endian model files in place: big-endian hosts are not supported"
#endif

namespace linnet::model {

namespace {

constexpr uint32_t kMaxDimension = 65536;
constexpr uint32_t kMaxRecords = 1024;  // far above any topology; bounds the work on a hostile file
constexpr int kBlockRows = 8, kBlockCols = 4;
constexpr uint32_t kSmallestFloat = (127u - 60u) << 23;  // bits of 2^-60
constexpr uint32_t kLargestFloat = (127u + 20u) << 23;   // bits of 2^20

constexpr uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

bool all_zero(const uint8_t *bytes, uint64_t size) {
  uint8_t any = 0;
  for (uint64_t i = 0; i < size; ++i) any |= bytes[i];
  return any == 0;
}

// Bytes of the counts and columns of a sparse matrix, with the padding behind them.
constexpr uint64_t sparse_head(uint64_t stripes, uint64_t stored) {
  return round_up((stripes + stored) * sizeof(uint16_t), kSparseAlignment);
}

uint16_t load_u16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

// Bytes that a record of this kind and shape must have; 0 if the kind is unknown or the shape empty or too large. For a
// sparse matrix, whose contents decide, its own number, if the counts at least have room.
uint64_t payload_size(const Record &record) {
  uint64_t rows = record.rows, cols = record.cols;
  if (rows > kMaxDimension || cols > kMaxDimension) return 0;
  switch (static_cast<Kind>(record.kind)) {
    case Kind::kFloatMatrix:
      return rows * cols * sizeof(float);
    case Kind::kInt8Blocks:
      return round_up(rows, kBlockRows) * round_up(cols, kBlockCols);
    case Kind::kScale:
    case Kind::kBias:
      return cols == 1 ? rows * sizeof(float) : 0;
    case Kind::kInt8SparseBlocks:
      return cols > 0 && record.size >= sparse_head(round_up(rows, kBlockRows) / kBlockRows, 0) ? record.size : 0;
  }
  return 0;
}

// Magnitudes as integers: positive IEEE floats are ordered as their bits, and infinity and NaN lie above every number.
bool floats_in_rule(const uint8_t *payload, uint64_t count, bool positive) {
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, payload + 4 * i, 4);
    uint32_t magnitude = bits & 0x7fffffffu;
    if (positive && bits != magnitude) return false;
    if (magnitude == 0 && !positive) continue;
    if (magnitude < kSmallestFloat || magnitude > kLargestFloat) return false;
  }
  return true;
}

bool int8_in_rule(const uint8_t *payload, uint64_t rows, uint64_t cols) {
  uint64_t stripes = round_up(rows, kBlockRows) / kBlockRows, blocks = round_up(cols, kBlockCols) / kBlockCols;
  constexpr uint64_t kBlockSize = kBlockRows * kBlockCols;
  uint8_t any_lowest = 0;
  for (uint64_t i = 0; i < stripes * blocks * kBlockSize; ++i) any_lowest |= payload[i] == 0x80;
  if (any_lowest) return false;

  if (rows % kBlockRows != 0) {
    const uint8_t *stripe = payload + (stripes - 1) * blocks * kBlockSize;
    uint64_t used = rows % kBlockRows * kBlockCols;  // leading bytes of each block that hold real rows
    for (uint64_t block = 0; block < blocks; ++block) {
      if (!all_zero(stripe + block * kBlockSize + used, kBlockSize - used)) return false;
    }
  }
  if (cols % kBlockCols != 0) {
    uint64_t used = cols % kBlockCols;
    for (uint64_t row = 0; row < stripes * kBlockRows; ++row) {
      uint64_t block = row / kBlockRows * blocks + blocks - 1;
      const uint8_t *quad = payload + block * kBlockSize + row % kBlockRows * kBlockCols;
      if (!all_zero(quad + used, kBlockCols - used)) return false;
    }
  }
  return true;
}

// The stored blocks of one group of 8 rows, of which `used_rows` are real. Their columns rise below `columns`, of which
// the last holds `used_cols` real ones.
bool sparse_group_in_rule(const uint8_t *column, const uint8_t *block, uint64_t count, uint64_t columns,
                          uint64_t used_rows, uint64_t used_cols) {
  uint64_t smallest = 0;  // that the next column may be
  for (uint64_t i = 0; i < count; ++i, column += 2, block += kBlockRows * kBlockCols) {
    uint64_t at = load_u16(column);
    if (at < smallest || at >= columns) return false;
    smallest = at + 1;
    if (all_zero(block, kBlockRows * kBlockCols)) return false;
    uint64_t real_cols = at + 1 == columns ? used_cols : kBlockCols;
    for (uint64_t k = 0; k < kBlockRows * kBlockCols; ++k) {
      bool real = k / kBlockCols < used_rows && k % kBlockCols < real_cols;
      if (block[k] == 0x80 || (!real && block[k] != 0)) return false;
    }
  }
  return true;
}

// size holds the counts at least. The counts are added before anything behind them is read; the sum fits: at most 8192
// groups of 16384 blocks.
bool sparse_in_rule(const uint8_t *payload, uint64_t size, uint64_t rows, uint64_t cols) {
  uint64_t stripes = round_up(rows, kBlockRows) / kBlockRows, columns = round_up(cols, kBlockCols) / kBlockCols;
  uint64_t stored = 0;
  for (uint64_t stripe = 0; stripe < stripes; ++stripe) {
    uint64_t count = load_u16(payload + 2 * stripe);
    if (count > columns) return false;
    stored += count;
  }
  uint64_t head = sparse_head(stripes, stored), used = (stripes + stored) * sizeof(uint16_t);
  if (size != head + stored * kBlockRows * kBlockCols || !all_zero(payload + used, head - used)) return false;

  const uint8_t *column = payload + 2 * stripes, *block = payload + head;
  for (uint64_t stripe = 0; stripe < stripes; ++stripe) {
    uint64_t count = load_u16(payload + 2 * stripe);
    uint64_t used_rows = stripe + 1 == stripes ? rows - stripe * kBlockRows : kBlockRows;
    uint64_t used_cols = cols - (columns - 1) * kBlockCols;
    if (!sparse_group_in_rule(column, block, count, columns, used_rows, used_cols)) return false;
    column += 2 * count;
    block += count * kBlockRows * kBlockCols;
  }
  return true;
}

// For a record whose kind and size have been checked.
bool payload_in_rule(const Record &record, const uint8_t *payload) {
  Kind kind = static_cast<Kind>(record.kind);
  if (kind == Kind::kInt8Blocks) return int8_in_rule(payload, record.rows, record.cols);
  if (kind == Kind::kInt8SparseBlocks) return sparse_in_rule(payload, record.size, record.rows, record.cols);
  return floats_in_rule(payload, record.size / sizeof(float), kind == Kind::kScale);
}

// Records and payloads of a file whose header holds. end is the first byte behind what has been accepted so far.
bool records_in_rule(const uint8_t *file, uint64_t file_size, const Record *records, uint32_t count) {
  uint64_t end = sizeof(Header) + uint64_t(count) * sizeof(Record);
  for (uint32_t i = 0; i < count; ++i) {
    const Record &record = records[i];
    uint64_t begin = round_up(end, kPayloadAlignment);
    uint64_t size = payload_size(record);
    if (size == 0 || record.size != size || record.zero != 0 || record.offset != begin) return false;
    if (begin > file_size || size > file_size - begin) return false;
    if (!all_zero(file + end, begin - end) || !payload_in_rule(record, file + begin)) return false;
    end = begin + size;
  }
  return round_up(end, kPayloadAlignment) == file_size && all_zero(file + end, file_size - end);
}

}  // namespace

SparseBlocks BlobView::sparse(const Record &record) const {
  const uint16_t *counts = payload<uint16_t>(record);
  const uint64_t stripes = round_up(record.rows, kBlockRows) / kBlockRows;
  uint64_t stored = 0;
  for (uint64_t stripe = 0; stripe < stripes; ++stripe) stored += counts[stripe];
  return {counts, counts + stripes, payload<int8_t>(record) + sparse_head(stripes, stored)};
}

BlobError check_header(const void *data, size_t size) {
  if (size < sizeof(kMagic) || memcmp(data, kMagic, sizeof(kMagic)) != 0) return BlobError::kNotABlob;
  if (size < sizeof(Header)) return BlobError::kCorrupt;
  const Header *header = static_cast<const Header *>(data);
  if (header->format_version != kFormatVersion || header->feature_version != kFeatureVersion) {
    return BlobError::kVersion;
  }
  return header->file_size > sizeof(Header) && header->file_size <= kMaxBlobSize ? BlobError::kNone
                                                                                 : BlobError::kCorrupt;
}

BlobError parse_blob(const void *data, size_t size, BlobView *view) {
  const BlobError error = check_header(data, size);
  if (error != BlobError::kNone) return error;
  const uint8_t *file = static_cast<const uint8_t *>(data);
  const Header *header = reinterpret_cast<const Header *>(file);
  if (header->file_size != size) return BlobError::kCorrupt;
  uint32_t count = header->record_count;
  if (count < 1 || count > kMaxRecords || sizeof(Header) + uint64_t(count) * sizeof(Record) > size) {
    return BlobError::kCorrupt;
  }
  uint32_t crc = base::crc32(0, file, offsetof(Header, crc));
  if (base::crc32(crc, file + sizeof(Header), size - sizeof(Header)) != header->crc) return BlobError::kCorrupt;

  const Record *records = reinterpret_cast<const Record *>(file + sizeof(Header));
  if (!records_in_rule(file, size, records, count)) return BlobError::kCorrupt;
  view->header = header;
  view->records = {records, count};
  return BlobError::kNone;
}

}  // namespace linnet::model
