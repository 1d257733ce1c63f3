// What the tests of the loader share: taking a model apart and putting one together, and what becomes of it. Whatever
// the loader refuses must carry the documented error; whatever it accepts must bind to the network and run three frames
// on every kernel table with outputs in 0..1. Each copy lies in an allocation of its exact size: under AddressSanitizer
// a read past the end is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../check.h"
#include "base/arena.h"
#include "base/crc32.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/network.h"

namespace blob_cases {

using linnet::base::Arena;
using linnet::model::BlobError;
using linnet::model::BlobView;
using linnet::model::Header;
using linnet::model::Kind;
using linnet::model::Record;
using linnet::nn::Network;
using linnet::nn::NetworkOutput;
namespace base = linnet::base;
namespace kernels = linnet::kernels;
namespace model = linnet::model;
namespace nn = linnet::nn;

// CHECK_CASE with a formatted note.
#define CHECK_THAT(condition, ...)                              \
  do {                                                          \
    bool holds = (condition);                                   \
    char note[160] = "";                                        \
    if (!holds) (void)snprintf(note, sizeof note, __VA_ARGS__); \
    check_report(holds, #condition, __FILE__, __LINE__, note);  \
  } while (0)

using Bytes = std::vector<uint8_t>;

enum Outcome { kNotABlob, kVersion, kCorrupt, kUnbound, kRan, kMisbehaved };
const char *const kOutcomeNames[] = {"not a blob", "version", "corrupt", "refused by the network", "ran", "misbehaved"};

inline bool in_unit_range(const float *values, int count) {
  for (int i = 0; i < count; ++i) {
    if (!(values[i] >= 0.0f && values[i] <= 1.0f)) return false;  // NaN fails both
  }
  return true;
}

constexpr int kFrames = 3;

// Three frames, quiet, ordinary and far out of range, on every table, one by one and in one call; all must agree to the
// bit. first receives what they agree on.
inline bool runs_clean(const nn::Weights &weights, NetworkOutput first[kFrames]) {
  Network network;
  network.attach(weights);
  Arena measure;
  network.place(measure);
  void *memory = aligned_alloc(Arena::kAlignment, measure.used());
  if (!memory) return false;
  memset(memory, 0xa5, measure.used());
  Arena arena(memory);
  network.place(arena);
  bool good = true;
  float features[kFrames][nn::kFeatures], fine[kFrames][nn::kFineInputs];
  nn::NetworkInput in[kFrames];
  for (int frame = 0; frame < kFrames; ++frame) {
    const float size = frame == 0 ? 0.0f : frame == 1 ? 0.03f : 1000.0f;
    for (int i = 0; i < nn::kFeatures; ++i) features[frame][i] = static_cast<float>((i * 37) % 71 - 35) * size;
    for (int i = 0; i < nn::kFineInputs; ++i) fine[frame][i] = static_cast<float>((i * 41) % 71 - 35) * size;
    in[frame] = {features[frame], fine[frame]};
  }
  NetworkOutput found[kFrames];
  memset(static_cast<void *>(found), 0, sizeof found);  // what lies between its fields is compared too
  const size_t taps = size_t{2} * nn::kLowBins * static_cast<size_t>(weights.taps());
  std::vector<float> first_taps, found_taps;
  bool is_first = true;
  for (const kernels::Kernels *table : kernels::available()) {
    for (int step : {1, nn::kMaxBatch}) {
      network.reset();
      found_taps.clear();
      for (int frame = 0; frame < kFrames; frame += step) {
        const int count = step < kFrames - frame ? step : kFrames - frame;
        network.process(*table, in + frame, count, found + frame);
        for (int i = frame; i < frame + count; ++i) {
          found_taps.insert(found_taps.end(), found[i].taps, found[i].taps + taps);
          found[i].taps = nullptr;
        }
      }
      if (is_first) memcpy(first, found, sizeof found);
      if (is_first) first_taps = found_taps;
      is_first = false;
      for (int frame = 0; frame < kFrames; ++frame) {
        const NetworkOutput &out = found[frame];
        good = good && in_unit_range(out.gains, nn::kBands) && in_unit_range(out.strengths, nn::kBands) &&
               in_unit_range(&out.speech_probability, 1) && memcmp(&out, &first[frame], sizeof out) == 0;
      }
      good = good && memcmp(found_taps.data(), first_taps.data(), found_taps.size() * sizeof(float)) == 0;
    }
  }
  free(memory);
  return good;
}

inline Outcome outcome_of(const Bytes &bytes, NetworkOutput outputs[kFrames]) {
  BlobView view;
  switch (model::parse_blob(bytes.data(), bytes.size(), &view)) {
    case BlobError::kNotABlob:
      return kNotABlob;
    case BlobError::kVersion:
      return kVersion;
    case BlobError::kCorrupt:
      return kCorrupt;
    case BlobError::kIo:
    case BlobError::kNoMemory:
      return kMisbehaved;
    case BlobError::kNone:
      break;
  }
  nn::Weights weights;
  const BlobError error = weights.bind(view);
  if (error != BlobError::kNone) return error == BlobError::kVersion ? kVersion : kUnbound;
  return runs_clean(weights, outputs) ? kRan : kMisbehaved;
}

inline Outcome outcome_of(const Bytes &bytes) {
  NetworkOutput outputs[kFrames];
  return outcome_of(bytes, outputs);
}

inline Header header_of(const Bytes &bytes) {
  Header header;
  memcpy(&header, bytes.data(), sizeof header);
  return header;
}

inline Record record_of(const Bytes &bytes, uint32_t index) {
  Record record;
  memcpy(&record, bytes.data() + sizeof(Header) + index * sizeof(Record), sizeof record);
  return record;
}

inline void repair_checksum(Bytes *bytes) {
  uint32_t crc = base::crc32(0, bytes->data(), offsetof(Header, crc));
  crc = base::crc32(crc, bytes->data() + sizeof(Header), bytes->size() - sizeof(Header));
  memcpy(bytes->data() + offsetof(Header, crc), &crc, sizeof crc);
}

// Outcome after size bytes at offset are overwritten and the checksum repaired.
template <class T>
Outcome outcome_with(const Bytes &good, size_t offset, T value) {
  Bytes bytes = good;
  memcpy(bytes.data() + offset, &value, sizeof value);
  repair_checksum(&bytes);
  return outcome_of(bytes);
}

struct Entry {
  Kind kind;
  uint32_t rows, cols;
  Bytes payload;
};

inline std::vector<Entry> entries_of(const Bytes &good) {
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < header_of(good).record_count; ++i) {
    Record record = record_of(good, i);
    const uint8_t *payload = good.data() + record.offset;
    entries.push_back(
        {static_cast<Kind>(record.kind), record.rows, record.cols, Bytes(payload, payload + record.size)});
  }
  return entries;
}

// A well-formed file of any entries: nothing but the contents is left to object to.
inline Bytes assemble(Header header, const std::vector<Entry> &entries) {
  auto aligned = [](size_t size) { return (size + model::kPayloadAlignment - 1) / model::kPayloadAlignment * 64; };
  Bytes bytes(aligned(sizeof(Header) + entries.size() * sizeof(Record)));
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry &entry = entries[i];
    Record record = {static_cast<uint32_t>(entry.kind), entry.rows, entry.cols, 0, bytes.size(), entry.payload.size()};
    memcpy(bytes.data() + sizeof(Header) + i * sizeof(Record), &record, sizeof record);
    bytes.insert(bytes.end(), entry.payload.begin(), entry.payload.end());
    bytes.resize(aligned(bytes.size()));
  }
  header.record_count = static_cast<uint32_t>(entries.size());
  header.file_size = bytes.size();
  memcpy(bytes.data(), &header, sizeof header);
  repair_checksum(&bytes);
  return bytes;
}

// Each record left out, and each there twice: refused.
inline void check_counts_of_records(const Header &header, const std::vector<Entry> &entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    std::vector<Entry> fewer = entries;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK_THAT(outcome_of(assemble(header, fewer)) == kUnbound, "without record %zu", i);
    std::vector<Entry> more = entries;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), entries[i]);
    CHECK_THAT(outcome_of(assemble(header, more)) == kUnbound, "with record %zu twice", i);
  }
}

inline bool load(const char *path, Bytes *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  uint8_t buffer[4096];
  size_t got = sizeof buffer;
  while (got == sizeof buffer) {
    got = fread(buffer, 1, sizeof buffer, file);
    bytes->insert(bytes->end(), buffer, buffer + got);
  }
  return fclose(file) == 0;
}

// An int8 matrix whose blocks are stored each by itself.
struct Sparse {
  std::vector<uint16_t> counts, columns;
  Bytes blocks;

  // The payload, whatever rules the contents break.
  Bytes payload() const {
    Bytes bytes;
    for (const std::vector<uint16_t> &part : {counts, columns}) {
      for (uint16_t value : part) bytes.insert(bytes.end(), {uint8_t(value & 0xff), uint8_t(value >> 8)});
    }
    bytes.resize((bytes.size() + 31) / 32 * 32);
    bytes.insert(bytes.end(), blocks.begin(), blocks.end());
    return bytes;
  }
};

// Offset of the blocks in a sparse payload.
inline size_t sparse_head(const Entry &entry) {
  const size_t stripes = (entry.rows + 7) / 8;
  size_t used = 2 * stripes;
  for (size_t stripe = 0; stripe < stripes; ++stripe) {
    uint16_t count;
    memcpy(&count, entry.payload.data() + 2 * stripe, sizeof count);
    used += 2 * size_t(count);
  }
  return (used + 31) / 32 * 32;
}

// A payload of so many rows without blocks.
inline Bytes empty_sparse(size_t rows) {
  Sparse sparse;
  sparse.counts.resize((rows + 7) / 8);
  return sparse.payload();
}

// The blocks of a dense int8 matrix that keep(stripe, column) chooses and that are not zero.
template <class Keep>
inline Sparse sparse_of(const Entry &dense, Keep keep) {
  Sparse sparse;
  const size_t stripes = (dense.rows + 7) / 8, columns = (dense.cols + 3) / 4;
  for (size_t stripe = 0; stripe < stripes; ++stripe) {
    uint16_t count = 0;
    for (size_t column = 0; column < columns; ++column) {
      const uint8_t *block = dense.payload.data() + 32 * (stripe * columns + column);
      if (!keep(stripe, column) || Bytes(block, block + 32) == Bytes(32)) continue;
      ++count;
      sparse.columns.push_back(static_cast<uint16_t>(column));
      sparse.blocks.insert(sparse.blocks.end(), block, block + 32);
    }
    sparse.counts.push_back(count);
  }
  return sparse;
}

// Whether the network takes the record in either form: conv2 and the GRU matrices, records 5 to 37, each followed by
// its scale and bias.
inline bool may_be_sparse(size_t index) { return index >= 5 && index <= 35 && (index - 5) % 3 == 0; }

inline bool keep_some(size_t stripe, size_t column) { return (stripe * 5 + column * 3) % 4 != 1; }

// The model with some blocks of these matrices dropped, stored sparse.
inline std::vector<Entry> thinned(std::vector<Entry> entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (may_be_sparse(i)) {
      entries[i].payload = sparse_of(entries[i], keep_some).payload();
      entries[i].kind = Kind::kInt8SparseBlocks;
    }
  }
  return entries;
}

}  // namespace blob_cases
