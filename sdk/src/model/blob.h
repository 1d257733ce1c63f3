// The model blob: little-endian fixed binary records, no strings, no optional parts. A 64-byte header, record_count
// records of 32 bytes, zero padding to 64, then payloads, each starting at a multiple of 64, in record order,
// zero-padded to a multiple of 64, tiling the file to its last byte. Checked whole, once; afterwards the views are used
// blind. The one writer is python/linnet/model/blob.py.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/span.h"

namespace linnet::model {

constexpr char kMagic[8] = {'l', 'i', 'n', 'n', 'e', 't', '\x1a', '\n'};
constexpr uint32_t kFormatVersion = 1;   // of this layout
constexpr uint32_t kFeatureVersion = 1;  // of the features that the weights were trained on
constexpr size_t kMaxBlobSize = size_t(64) << 20;
constexpr size_t kPayloadAlignment = 64;

enum class Topology : uint32_t { kPercepNet = 1, kBandSplit = 2 };

// Of a model of kBandSplit, whose three widths in the header are those of its trunk, 0 without one.
struct BandSplitShape {
  enum Flag : uint8_t { kFine = 1, kComb = 2, kPitch = 4, kTrunk = 8 };

  uint16_t channels;  // of a token, 8..256, multiple of 8
  uint16_t context;   // of the whole spectrum, 8..512, multiple of 8
  uint8_t blocks;     // 1..8
  uint8_t summary;    // numbers of a token that the context reads, 1..16
  uint8_t taps;       // frames that filters of low bins see: 0, 1, 3 or 5, of which half lie within the look-ahead
  uint8_t flags;      // kComb needs kPitch, kTrunk needs both
  uint32_t zero;
};

// What a topology has to say beyond the widths.
union TopologyShape {
  uint8_t none[12];  // kPercepNet: zeros
  BandSplitShape band_split;
};
static_assert(sizeof(TopologyShape) == 12);

struct Header {
  char magic[8];
  uint32_t format_version;
  uint32_t feature_version;
  uint32_t topology;
  uint32_t lookahead;       // frames, 0..3
  uint32_t dense_width;     // first layer, 8..512, multiple of 8
  uint32_t hidden_width;    // convolutions and GRUs, 8..1024, multiple of 8
  uint32_t strength_width;  // GRU of the strength branch, 8..512, multiple of 8
  uint32_t record_count;
  uint64_t file_size;
  TopologyShape shape;
  uint32_t crc;  // CRC-32 (IEEE) of all bytes of the file but these four
};
static_assert(sizeof(Header) == 64);

enum class Kind : uint32_t {
  kFloatMatrix = 1,  // float32 [rows][cols], row-major: the unquantised first layer
  kInt8Blocks = 2,   // int8 [ceil(rows / 8)][ceil(cols / 4)][8][4], rows and cols padded with zeros; -128 never
  kScale = 3,        // float32 [rows], cols 1: per-row factor from accumulator to value, 1/127 of the input included
  kBias = 4,         // float32 [rows], cols 1
  kInt8SparseBlocks = 5,  // of kInt8Blocks those blocks alone that hold a non-zero weight: see SparseBlocks
};

// Every float is 0 or has a magnitude of 2^-60..2^20; scales are positive.
struct Record {
  uint32_t kind;
  uint32_t rows;
  uint32_t cols;
  uint32_t zero;
  uint64_t offset;  // from the start of the file
  uint64_t size;    // bytes without padding
};
static_assert(sizeof(Record) == 32);

// A payload of kInt8SparseBlocks, three arrays: how many blocks each group of 8 rows has; their block columns, rising
// within a group, each below ceil(cols / 4); zeros to a multiple of 32 bytes; the blocks, int8 [8][4] each. Group after
// group throughout. Rows and columns that only fill a block are zero, as in kInt8Blocks.
struct SparseBlocks {
  const uint16_t *counts;   // [ceil(rows / 8)]
  const uint16_t *columns;  // [sum of counts]
  const int8_t *blocks;     // [sum of counts][8][4]
};

constexpr size_t kSparseAlignment = 32;

enum class BlobError { kNone, kNotABlob, kVersion, kCorrupt, kIo, kNoMemory };  // the last two of files alone

// A checked blob, borrowed.
struct BlobView {
  const Header *header = nullptr;
  base::Span<const Record> records;

  template <class T>
  const T *payload(const Record &record) const {
    return reinterpret_cast<const T *>(reinterpret_cast<const uint8_t *>(header) + record.offset);
  }

  // The arrays of a record of kInt8SparseBlocks.
  SparseBlocks sparse(const Record &record) const;
};

// What the first bytes of a file tell: kNone if a model of this version may follow, whose Header then lies there whole.
BlobError check_header(const void *data, size_t size);

// Checks everything that does not depend on the topology. data must be aligned to 8 bytes and is borrowed; payloads are
// aligned to 64 in the file, and so to 8 in memory. *view is set only on kNone.
BlobError parse_blob(const void *data, size_t size, BlobView *view);

}  // namespace linnet::model
