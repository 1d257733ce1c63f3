// The loader and the network of the topology with shared layers: models of random weights and of many shapes run on
// every kernel table, one frame at a time and two, with the same bits; what their header says beyond the widths, and
// their list of records, is changed in every way and refused.
#include "blob_cases.h"

using namespace blob_cases;  // NOLINT: a test of its own

namespace {

using nn::BandSplitWeights;
using nn::Shape;

struct Form {
  const char *name;
  uint32_t lookahead;
  nn::PercepNetWeights::Widths trunk;
  model::BandSplitShape shape;
};

constexpr uint8_t kFine = model::BandSplitShape::kFine, kComb = model::BandSplitShape::kComb,
                  kPitch = model::BandSplitShape::kPitch, kTrunk = model::BandSplitShape::kTrunk;

// channels, context, blocks, summary, taps, parts
const Form kForms[] = {
    {"tokens alone", 2, {0, 0, 0}, {8, 8, 1, 1, 0, 0, 0}},
    {"low bins read and filtered", 1, {0, 0, 0}, {16, 24, 2, 6, 3, kFine, 0}},
    {"a filter of this frame alone", 0, {0, 0, 0}, {8, 16, 1, 3, 1, kFine, 0}},
    {"pitch without a comb", 2, {0, 0, 0}, {24, 8, 1, 5, 0, kPitch, 0}},
    {"with a trunk", 2, {8, 16, 8}, {16, 16, 3, 4, 5, kFine | kComb | kPitch | kTrunk, 0}},
    {"a wide trunk that is all", 3, {24, 64, 32}, {8, 8, 1, 16, 0, kComb | kPitch | kTrunk, 0}},
    {"as many blocks as there may be", 2, {0, 0, 0}, {8, 8, 8, 2, 5, kComb | kPitch, 0}},
};

Header header_for(const Form &form) {
  Header header = {};
  memcpy(header.magic, model::kMagic, sizeof header.magic);
  header.format_version = model::kFormatVersion;
  header.feature_version = model::kFeatureVersion;
  header.topology = static_cast<uint32_t>(model::Topology::kBandSplit);
  header.lookahead = form.lookahead;
  header.dense_width = form.trunk.dense;
  header.hidden_width = form.trunk.hidden;
  header.strength_width = form.trunk.strength;
  header.shape.band_split = form.shape;
  return header;
}

uint32_t random_state = 1;
uint32_t next_random() { return (random_state = random_state * 1664525u + 1013904223u) >> 8; }

Bytes floats_of(size_t count, float low, float high) {
  Bytes bytes(4 * count);
  for (size_t i = 0; i < count; ++i) {
    const float value = low + (high - low) * static_cast<float>(next_random() % 1001) / 1000.0f;
    memcpy(bytes.data() + 4 * i, &value, sizeof value);
  }
  return bytes;
}

// Blocks of random weights; rows and columns that only fill them are zero.
Bytes blocks_of(uint32_t rows, uint32_t cols) {
  const uint32_t stripes = (rows + 7) / 8, columns = (cols + 3) / 4;
  Bytes bytes(size_t{32} * stripes * columns);
  for (uint32_t row = 0; row < rows; ++row) {
    for (uint32_t col = 0; col < cols; ++col) {
      bytes[((size_t{row / 8} * columns + col / 4) * 8 + row % 8) * 4 + col % 4] =
          static_cast<uint8_t>(static_cast<int8_t>(static_cast<int>(next_random() % 255) - 127));
    }
  }
  return bytes;
}

std::vector<Entry> records_for(const Header &header) {
  BandSplitWeights::Widths widths;
  std::vector<Entry> entries;
  if (!BandSplitWeights::read(header, &widths)) return entries;
  for (int i = 0; i < BandSplitWeights::matrices(widths); ++i) {
    const Shape shape = BandSplitWeights::shape(i, widths);
    if (shape.form == Shape::kFloat) {
      entries.push_back(
          {Kind::kFloatMatrix, shape.rows, shape.cols, floats_of(size_t{shape.rows} * shape.cols, -0.3f, 0.3f)});
    } else {
      const float scale = 4.0f / (127 * 127 * static_cast<float>(shape.cols));
      entries.push_back({Kind::kInt8Blocks, shape.rows, shape.cols, blocks_of(shape.rows, shape.cols)});
      entries.push_back({Kind::kScale, shape.rows, 1, floats_of(shape.rows, scale, 4 * scale)});
    }
    const uint32_t biases = shape.rows * shape.biases;
    entries.push_back({Kind::kBias, biases, 1, floats_of(biases, -0.5f, 0.5f)});
  }
  return entries;
}

void test_forms_run() {
  for (const Form &form : kForms) {
    const Header header = header_for(form);
    const std::vector<Entry> entries = records_for(header);
    CHECK_THAT(!entries.empty(), "%s: out of range", form.name);
    NetworkOutput outputs[kFrames];
    const Outcome outcome = outcome_of(assemble(header, entries), outputs);
    CHECK_THAT(outcome == kRan, "%s: %s", form.name, kOutcomeNames[outcome]);
    bool any_strength = false, same = true;
    for (int band = 0; band < nn::kBands; ++band) {
      any_strength = any_strength || outputs[2].strengths[band] != 0;
      same = same && outputs[1].gains[band] == outputs[2].gains[band];
    }
    CHECK_THAT(any_strength == ((form.shape.flags & kComb) != 0), "%s: strengths", form.name);
    CHECK_THAT(!same, "%s: the gains do not follow the input", form.name);
  }
}

// Another value in any byte of the shape, or of the widths, asks for other records than there are, or is out of range.
void test_headers(const Bytes &good) {
  const size_t widths = offsetof(Header, dense_width), shape = offsetof(Header, shape);
  for (size_t at = widths; at < shape + sizeof(model::TopologyShape); ++at) {
    if (at >= offsetof(Header, record_count) && at < shape) continue;
    for (int value = 0; value < 256; ++value) {
      if (good[at] == value) continue;
      const Outcome outcome = outcome_with(good, at, static_cast<uint8_t>(value));
      CHECK_THAT(outcome == kUnbound, "byte %zu of the header set to %d: %s", at, value, kOutcomeNames[outcome]);
    }
  }
  const uint32_t taps = header_of(good).shape.band_split.taps;
  for (uint32_t lookahead = 0; lookahead < 6; ++lookahead) {
    const bool fits = lookahead <= 3 && taps / 2 <= lookahead;
    CHECK_THAT(outcome_with(good, offsetof(Header, lookahead), lookahead) == (fits ? kRan : kUnbound),
               "look-ahead %u with filters of %u frames", lookahead, taps);
  }
  CHECK_THAT(outcome_with(good, offsetof(Header, topology), uint32_t{1}) == kUnbound, "as a model of percepnet");
  CHECK_THAT(outcome_with(good, offsetof(Header, topology), uint32_t{3}) == kVersion, "of an unknown topology");
}

// Parts that do not go together, with the records that they would have.
void test_parts() {
  const uint8_t refused[] = {kComb, kTrunk, kTrunk | kPitch, kTrunk | kComb, 16, 128};
  for (const uint8_t flags : refused) {
    Form form = kForms[1];
    form.shape.flags = flags;
    if (flags & kTrunk) form.trunk = {8, 8, 8};
    BandSplitWeights::Widths widths;
    CHECK_THAT(!BandSplitWeights::read(header_for(form), &widths), "parts %d", flags);
  }
  Form trunk = kForms[1];
  trunk.trunk = {8, 8, 8};
  BandSplitWeights::Widths widths;
  CHECK_THAT(!BandSplitWeights::read(header_for(trunk), &widths), "widths of a trunk that is not there");
}

void test_records(const Header &header, const std::vector<Entry> &entries) {
  check_counts_of_records(header, entries);
  for (size_t i = 0; i < entries.size(); ++i) {
    std::vector<Entry> other = entries;
    const bool blocks = other[i].kind == Kind::kInt8Blocks;
    other[i].rows += 8;
    other[i].payload =
        blocks ? blocks_of(other[i].rows, other[i].cols) : floats_of(size_t{other[i].rows} * other[i].cols, 0.1f, 0.2f);
    CHECK_THAT(outcome_of(assemble(header, other)) == kUnbound, "record %zu with 8 more rows", i);
    if (!blocks) continue;
    other[i] = {Kind::kInt8Blocks, entries[i].rows, entries[i].cols + 1,
                blocks_of(entries[i].rows, entries[i].cols + 1)};
    CHECK_THAT(outcome_of(assemble(header, other)) == kUnbound, "record %zu with one more column", i);
  }
}

// Of the matrices only those of the trunk may be stored sparse, and of it only those that may be without tokens.
void test_sparse_records(const Header &header, const std::vector<Entry> &entries) {
  BandSplitWeights::Widths widths;
  BandSplitWeights::read(header, &widths);
  std::vector<bool> may_be_sparse;
  for (int i = 0; i < BandSplitWeights::matrices(widths); ++i) {
    const Shape shape = BandSplitWeights::shape(i, widths);
    may_be_sparse.push_back(shape.form == Shape::kInt8OrSparse);
    if (may_be_sparse.back()) CHECK_THAT(i < nn::PercepNetWeights::kMatrices, "matrix %d is none of the trunk", i);
  }
  size_t matrix = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind == Kind::kBias) ++matrix;
    if (entries[i].kind != Kind::kInt8Blocks) continue;
    std::vector<Entry> thin = entries;
    thin[i].kind = Kind::kInt8SparseBlocks;
    thin[i].payload = sparse_of(entries[i], [](size_t stripe, size_t column) { return stripe != column; }).payload();
    CHECK_THAT(outcome_of(assemble(header, thin)) == (may_be_sparse[matrix] ? kRan : kUnbound), "record %zu sparse", i);
  }
}

}  // namespace

int main() {
  test_forms_run();
  test_parts();
  for (const Form &form : {kForms[1], kForms[4]}) {
    const Header header = header_for(form);
    const std::vector<Entry> entries = records_for(header);
    test_headers(assemble(header, entries));
    test_records(header, entries);
    test_sparse_records(header, entries);
  }
  return check_summary();
}
