// Damages a good model, and one with sparse matrices, in every small way and many clever ones. Most damage has its
// checksum repaired, as an attacker would, so that the rules behind the checksum are really reached.
//
//     test_blob_damage sdk/models/tiny.linnet [brief]
//
// "brief" tries every seventh byte of what is tried alike at every byte: for emulators, once all were tried elsewhere.
#include <utility>

#include "blob_cases.h"

using namespace blob_cases;  // NOLINT: this program is about nothing else

namespace {

// What damage at this place of the header or behind it must be called.
Outcome refusal_at(size_t offset) {
  if (offset < offsetof(Header, format_version)) return kNotABlob;
  return offset < offsetof(Header, topology) ? kVersion : kCorrupt;
}

// Whether it may be called that once the checksum fits: only then is it asked for the network that it is a model of.
bool refused_as(Outcome outcome, size_t offset) {
  if (offset >= offsetof(Header, topology) && offset < offsetof(Header, lookahead)) {
    return outcome == kVersion || outcome == kUnbound;  // the other topology has other records
  }
  return outcome == refusal_at(offset) || (outcome == kUnbound && offset >= offsetof(Header, lookahead));
}

void test_checksum() {
  const char *digits = "123456789";
  CHECK_THAT(base::crc32(0, digits, 9) == 0xcbf43926u, "the standard check value");
  for (size_t cut = 0; cut <= 9; ++cut) {
    CHECK_THAT(base::crc32(base::crc32(0, digits, cut), digits + cut, 9 - cut) == 0xcbf43926u, "in two parts at %zu",
               cut);
  }
}

void test_truncation(const Bytes &good, size_t stride) {
  for (size_t size = 0; size < good.size(); size += stride) {
    Bytes bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    Outcome expected = size < sizeof(model::kMagic) ? kNotABlob : kCorrupt;
    CHECK_THAT(outcome_of(bytes) == expected, "cut to %zu bytes", size);
    if (size < sizeof(Header)) continue;
    uint64_t claimed = size;
    memcpy(bytes.data() + offsetof(Header, file_size), &claimed, sizeof claimed);
    repair_checksum(&bytes);
    CHECK_THAT(outcome_of(bytes) == kCorrupt, "cut to %zu bytes, size and checksum repaired", size);
  }
  for (size_t extra : {1, 63, 64, 4096}) {
    Bytes bytes = good;
    bytes.resize(good.size() + extra);
    CHECK_THAT(outcome_of(bytes) == kCorrupt, "%zu bytes appended", extra);
    uint64_t claimed = bytes.size();
    memcpy(bytes.data() + offsetof(Header, file_size), &claimed, sizeof claimed);
    repair_checksum(&bytes);
    CHECK_THAT(outcome_of(bytes) == kCorrupt, "%zu bytes appended, size and checksum repaired", extra);
  }
}

void test_bit_flips(const Bytes &good, size_t stride) {
  Bytes bytes = good;
  for (size_t offset = 0; offset < good.size(); offset += stride) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[offset] = static_cast<uint8_t>(good[offset] ^ (1 << bit));
      BlobView view;
      BlobError error = model::parse_blob(bytes.data(), bytes.size(), &view);
      Outcome expected = refusal_at(offset);
      bool same = expected == kNotABlob  ? error == BlobError::kNotABlob
                  : expected == kVersion ? error == BlobError::kVersion
                                         : error == BlobError::kCorrupt;
      CHECK_THAT(same && view.header == nullptr, "bit %d of byte %zu", bit, offset);
    }
    bytes[offset] = good[offset];
  }
  // With the checksum repaired, every bit of the header and the records; two bits of the look-ahead stay in rule.
  size_t described = sizeof(Header) + header_of(good).record_count * sizeof(Record);
  int ran = 0;
  for (size_t offset = 0; offset < described; ++offset) {
    if (offset >= offsetof(Header, crc) && offset < sizeof(Header)) continue;
    for (int bit = 0; bit < 8; ++bit) {
      Outcome outcome = outcome_with(good, offset, static_cast<uint8_t>(good[offset] ^ (1 << bit)));
      bool in_rule = offset == offsetof(Header, lookahead) && bit < 2;
      CHECK_THAT(in_rule ? outcome == kRan : refused_as(outcome, offset), "bit %d of byte %zu, checksum repaired: %s",
                 bit, offset, kOutcomeNames[outcome]);
      ran += outcome == kRan;
    }
  }
  CHECK_THAT(ran == 2, "%d repaired bit flips ran", ran);
}

struct Field {
  const char *name;
  size_t offset;
  int size;
};

// Each field set to 0, 1, -1, the largest and the smallest signed value and the two neighbours of its own.
void test_fields(const Bytes &good) {
  const Field header_fields[] = {
      {"format_version", offsetof(Header, format_version), 4},
      {"feature_version", offsetof(Header, feature_version), 4},
      {"topology", offsetof(Header, topology), 4},
      {"lookahead", offsetof(Header, lookahead), 4},
      {"dense_width", offsetof(Header, dense_width), 4},
      {"hidden_width", offsetof(Header, hidden_width), 4},
      {"strength_width", offsetof(Header, strength_width), 4},
      {"record_count", offsetof(Header, record_count), 4},
      {"file_size", offsetof(Header, file_size), 8},
      {"shape[0]", offsetof(Header, shape), 4},
      {"shape[4]", offsetof(Header, shape) + 4, 4},
      {"shape[8]", offsetof(Header, shape) + 8, 4},
  };
  const Field record_fields[] = {
      {"kind", offsetof(Record, kind), 4}, {"rows", offsetof(Record, rows), 4},     {"cols", offsetof(Record, cols), 4},
      {"zero", offsetof(Record, zero), 4}, {"offset", offsetof(Record, offset), 8}, {"size", offsetof(Record, size), 8},
  };
  int ran = 0;
  auto set_all = [&](const Field &field, size_t base_offset) {
    size_t offset = base_offset + field.offset;
    uint64_t value = 0;
    memcpy(&value, good.data() + offset, static_cast<size_t>(field.size));
    uint64_t largest = field.size == 8 ? uint64_t(INT64_MAX) : uint64_t(INT32_MAX);
    for (uint64_t changed : {uint64_t(0), uint64_t(1), ~uint64_t(0), largest, largest + 1, value + 1, value - 1}) {
      Bytes bytes = good;
      memcpy(bytes.data() + offset, &changed, static_cast<size_t>(field.size));
      if (bytes == good) continue;
      repair_checksum(&bytes);
      Outcome outcome = outcome_of(bytes);
      bool in_rule = offset == offsetof(Header, lookahead) && changed <= 3;
      CHECK_THAT(in_rule ? outcome == kRan : refused_as(outcome, offset), "%s at %zu set to %llu: %s", field.name,
                 offset, static_cast<unsigned long long>(changed), kOutcomeNames[outcome]);
      ran += outcome == kRan;
    }
  };
  for (const Field &field : header_fields) set_all(field, 0);
  for (uint32_t i = 0; i < header_of(good).record_count; ++i) {
    for (const Field &field : record_fields) set_all(field, sizeof(Header) + i * sizeof(Record));
  }
  CHECK_THAT(ran == 4, "%d changed fields ran: look-ahead 0, 1, 2 + 1 and 2 - 1 should", ran);
}

void test_payload_values(const Bytes &good, size_t stride) {
  const uint32_t refused_floats[] = {
      0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00000u, 0x7f800001u,  // infinities and NaNs
      0x00000001u, 0x80000001u, 0x217fffffu, 0xa17fffffu,               // denormals and just below 2^-60
      0x49800001u, 0xc9800001u, 0x7f7fffffu,                            // just above 2^20, largest
  };
  const uint32_t positive_floats[] = {0x21800000u, 0x49800000u, 0x3f800000u};               // 2^-60, 2^20, 1
  const uint32_t other_floats[] = {0, 0x80000000u, 0xa1800000u, 0xc9800000u, 0xbf800000u};  // +-0 and negative
  for (uint32_t i = 0; i < header_of(good).record_count; ++i) {
    Record record = record_of(good, i);
    size_t last = record.offset + record.size;
    if (record.kind == static_cast<uint32_t>(Kind::kInt8SparseBlocks)) continue;  // test_blob_sparse
    if (record.kind == static_cast<uint32_t>(Kind::kInt8Blocks)) {
      for (size_t at = record.offset; at < last; at += stride) {
        CHECK_THAT(outcome_with(good, at, int8_t{-128}) == kCorrupt, "-128 at byte %zu", at);
      }
      CHECK_THAT(outcome_with(good, record.offset, int8_t{-127}) == kRan, "-127 in record %u", i);
      continue;
    }
    for (size_t at : {size_t(record.offset), last - 4}) {
      for (uint32_t bits : refused_floats) {
        CHECK_THAT(outcome_with(good, at, bits) == kCorrupt, "float %08x in record %u", bits, i);
      }
      for (uint32_t bits : positive_floats) {
        CHECK_THAT(outcome_with(good, at, bits) == kRan, "float %08x in record %u", bits, i);
      }
      Outcome expected = record.kind == static_cast<uint32_t>(Kind::kScale) ? kCorrupt : kRan;
      for (uint32_t bits : other_floats) {
        CHECK_THAT(outcome_with(good, at, bits) == expected, "float %08x in record %u", bits, i);
      }
    }
  }
}

// Every byte that must be zero: between the payloads, and the rows of int8 matrices that only fill a block.
void test_padding(const Bytes &good) {
  uint32_t count = header_of(good).record_count;
  size_t end = sizeof(Header) + count * sizeof(Record);
  size_t gaps = 0, filler = 0;
  for (uint32_t i = 0; i <= count; ++i) {
    size_t begin = i < count ? size_t(record_of(good, i).offset) : good.size();
    for (; end < begin; ++end, ++gaps) {
      CHECK_THAT(outcome_with(good, end, uint8_t{1}) == kCorrupt, "padding byte %zu", end);
    }
    if (i == count) break;
    Record record = record_of(good, i);
    end = record.offset + record.size;
    if (record.kind != static_cast<uint32_t>(Kind::kInt8Blocks)) continue;
    size_t blocks = record.cols / 4;
    for (size_t row = record.rows; row % 8 != 0; ++row) {
      for (size_t col = 0; col < record.cols; ++col, ++filler) {
        size_t at = record.offset + ((row / 8 * blocks + col / 4) * 8 + row % 8) * 4 + col % 4;
        CHECK_THAT(outcome_with(good, at, int8_t{1}) == kCorrupt, "row %zu of record %u", row, i);
      }
    }
  }
  CHECK_THAT(gaps > 0 && filler > 0, "%zu bytes of padding, %zu of filled rows", gaps, filler);
}

// Eight more rows, in rule: zeros, no blocks, or scales of 1.
void grow(Entry *entry) {
  if (entry->kind == Kind::kInt8SparseBlocks) {
    entry->rows += 8;
    entry->payload = empty_sparse(entry->rows);
    return;
  }
  size_t more = entry->kind == Kind::kInt8Blocks ? size_t(8) * entry->cols : size_t(8) * entry->cols * sizeof(float);
  size_t at = entry->payload.size();
  entry->rows += 8;
  entry->payload.resize(at + more);
  const float one = 1.0f;
  if (entry->kind != Kind::kScale) return;
  for (; at < entry->payload.size(); at += 4) memcpy(entry->payload.data() + at, &one, 4);
}

void test_other_lists(const Bytes &good) {
  const Header header = header_of(good);
  const std::vector<Entry> entries = entries_of(good);
  CHECK_THAT(assemble(header, entries) == good, "the test's own writer");

  check_counts_of_records(header, entries);
  for (size_t i = 0; i < entries.size(); ++i) {
    std::vector<Entry> swapped = entries;
    std::swap(swapped[i], swapped[(i + 1) % entries.size()]);
    CHECK_THAT(outcome_of(assemble(header, swapped)) == kUnbound, "records %zu and the next swapped", i);
    std::vector<Entry> taller = entries;
    grow(&taller[i]);
    CHECK_THAT(outcome_of(assemble(header, taller)) == kUnbound, "record %zu with 8 more rows", i);
    if (entries[i].cols == 1) continue;
    std::vector<Entry> narrower = entries;
    narrower[i].cols -= 4;
    narrower[i].payload.resize(entries[i].payload.size() / entries[i].cols * narrower[i].cols);
    if (entries[i].kind == Kind::kInt8Blocks) memset(narrower[i].payload.data(), 0, narrower[i].payload.size());
    if (entries[i].kind == Kind::kInt8SparseBlocks) narrower[i].payload = empty_sparse(narrower[i].rows);
    CHECK_THAT(outcome_of(assemble(header, narrower)) == kUnbound, "record %zu with 4 columns less", i);
  }
  CHECK_THAT(outcome_of(assemble(header, {})) == kCorrupt, "no records");
  CHECK_THAT(outcome_of(assemble(header, std::vector<Entry>(2000, entries.back()))) == kCorrupt, "2000 records");

  // Shapes at the edges of what any topology may use: columns that only fill a block, and dimensions out of range.
  Entry narrow = {Kind::kInt8Blocks, 8, 5, Bytes(64)};
  narrow.payload[0] = 1;
  CHECK_THAT(outcome_of(assemble(header, {narrow})) == kUnbound, "5 columns are in the format's rule");
  for (size_t at = 32; at < 64; ++at) {
    Entry filled = narrow;
    filled.payload[at] = 1;
    CHECK_THAT(outcome_of(assemble(header, {filled})) == (at % 4 == 0 ? kUnbound : kCorrupt), "filled column at %zu",
               at);
  }
  Entry largest = {Kind::kBias, 65536, 1, Bytes(65536 * 4)};
  CHECK_THAT(outcome_of(assemble(header, {largest})) == kUnbound, "65536 rows");
  Entry larger = {Kind::kBias, 65537, 1, Bytes(65537 * 4)};
  CHECK_THAT(outcome_of(assemble(header, {larger})) == kCorrupt, "65537 rows");
  Entry wide = {Kind::kFloatMatrix, 1, 65537, Bytes(65537 * 4)};
  CHECK_THAT(outcome_of(assemble(header, {wide})) == kCorrupt, "65537 columns");
  Entry columns = {Kind::kBias, 8, 2, Bytes(32)};  // the size of one column
  CHECK_THAT(outcome_of(assemble(header, {columns})) == kCorrupt, "a bias of two columns");
  Entry product = {Kind::kFloatMatrix, 65536, 65536, Bytes()};  // 2^34 bytes: 0 in 32 bits
  CHECK_THAT(outcome_of(assemble(header, {product})) == kCorrupt, "a product that overflows 32 bits");
  for (uint32_t rows : {255, 256}) {
    Entry heavy = {Kind::kFloatMatrix, rows, 65536, Bytes(size_t(rows) * 65536 * 4)};
    Outcome expected = rows == 255 ? kUnbound : kCorrupt;
    CHECK_THAT(outcome_of(assemble(header, {heavy})) == expected, "64 MiB and the header are too much, less is not");
  }

  // The most violent weights in rule still give numbers.
  std::vector<Entry> violent = entries;
  for (Entry &entry : violent) {
    const float extreme = 1048576.0f;
    const bool sparse = entry.kind == Kind::kInt8SparseBlocks, int8 = sparse || entry.kind == Kind::kInt8Blocks;
    for (size_t at = 0; !int8 && at < entry.payload.size(); at += 4) {
      float value = entry.kind != Kind::kScale && at % 8 == 0 ? -extreme : extreme;
      memcpy(entry.payload.data() + at, &value, 4);
    }
    for (size_t at = sparse ? sparse_head(entry) : 0; int8 && at < entry.payload.size(); ++at) {
      if (entry.payload[at] != 0) entry.payload[at] = static_cast<uint8_t>(at % 3 == 0 ? -127 : 127);
    }
  }
  CHECK_THAT(outcome_of(assemble(header, violent)) == kRan, "largest weights");
}

}  // namespace

int main(int argc, char **argv) {
  Bytes good;
  const int brief = is_brief(argc, argv);
  if (argc != 2 + brief || !load(argv[1], &good)) {
    printf("usage: test_blob_damage sdk/models/tiny.linnet [brief] (a readable model file)\n");
    return 1;
  }
  const size_t stride = brief ? 7 : 1;
  test_checksum();
  const Bytes thin = assemble(header_of(good), thinned(entries_of(good)));
  for (const Bytes &undamaged : {good, thin}) {
    Outcome outcome = outcome_of(undamaged);
    CHECK_THAT(outcome == kRan, "the undamaged model: %s", kOutcomeNames[outcome]);
    if (outcome != kRan) break;
    test_truncation(undamaged, stride);
    test_bit_flips(undamaged, stride);
    test_fields(undamaged);
    test_payload_values(undamaged, stride);
    test_padding(undamaged);
    test_other_lists(undamaged);
  }
  return check_summary();
}
