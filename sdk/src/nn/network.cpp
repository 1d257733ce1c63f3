// The PercepNet topology: the list of records that a model must have, the memory plan, and one frame through the
// layers. Valin et al. 2020, figure 3; the speech probability is an addition. The list below is the only place where
// shapes are written down: the loader accepts exactly that list, so that a frame runs without checks, and Python asks
// for it through the binding.
#include "nn/network.h"

#include <cstring>

#include "base/check.h"

namespace linnet::nn {

namespace {

constexpr int kConv1Frames = 5, kConv2Frames = 3, kHiddenGrus = 4;
constexpr uint32_t kGroupRows = 8, kBlockWeights = 32;  // of sparse matrices, whose shapes are multiples of both sides

enum Width { kOne, kD, kH, kS, kWidths };  // 1 and the model's three widths

constexpr int larger(int a, int b) { return a > b ? a : b; }

bool width_in_range(uint32_t width, uint32_t largest) { return width >= 8 && width <= largest && width % 8 == 0; }

}  // namespace

// rows = row_factor * row_width, cols alike; convolutions have their oldest frame first.
struct Weights::Line {
  const char *name;
  Shape::Form form;
  uint32_t row_factor;
  Width row_width;
  uint32_t col_factor;
  Width col_width;
};

const Weights::Line Weights::kLines[kMatrices] = {
    {"dense", Shape::kFloat, 1, kD, kInputs, kOne},
    {"conv1", Shape::kInt8, 1, kH, kConv1Frames, kD},
    {"conv2", Shape::kInt8OrSparse, 1, kH, kConv2Frames, kH},
    {"gru1.input", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru1.recurrent", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru2.input", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru2.recurrent", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru3.input", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru3.recurrent", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru4.input", Shape::kInt8OrSparse, 3, kH, 1, kH},  // of gru3
    {"gru4.recurrent", Shape::kInt8OrSparse, 3, kH, 1, kH},
    {"gru5.input", Shape::kInt8OrSparse, 3, kS, 2, kH},  // of gru3, conv2
    {"gru5.recurrent", Shape::kInt8OrSparse, 3, kS, 1, kS},
    {"gain", Shape::kInt8, kOutputs, kOne, Network::kSharedCount, kH},  // of conv2, gru1..gru4
    {"strength", Shape::kInt8, kOutputs, kOne, 1, kS},                  // of gru5
    {"speech", Shape::kInt8, 1, kOne, 1, kH},                           // of gru4
};

// The factors are below 128 and the widths at most 1024: the products cannot overflow.
Weights::Shape Weights::shape(int matrix, const Widths &widths) {
  const Line &line = kLines[matrix];
  const uint32_t values[kWidths] = {1, widths.dense, widths.hidden, widths.strength};
  return {line.name, line.form, line.row_factor * values[line.row_width], line.col_factor * values[line.col_width]};
}

model::BlobError Weights::bind(const model::BlobView &blob) {
  constexpr uint32_t kPercepNet = static_cast<uint32_t>(model::Topology::kPercepNet);
  if (blob.header->topology != kPercepNet) return model::BlobError::kVersion;
  return bind_records(blob) ? model::BlobError::kNone : model::BlobError::kCorrupt;
}

bool Weights::bind_records(const model::BlobView &blob) {
  const model::Header &header = *blob.header;
  if (header.lookahead > static_cast<uint32_t>(kMaxLookahead)) return false;
  const Widths widths = {header.dense_width, header.hidden_width, header.strength_width};
  if (!width_in_range(widths.dense, kLargest.dense) || !width_in_range(widths.hidden, kLargest.hidden) ||
      !width_in_range(widths.strength, kLargest.strength)) {
    return false;
  }

  Cost cost;
  size_t used = 0;
  // The next record if it has this kind, or the other one that is allowed, and this shape, else nullptr.
  auto next = [&](model::Kind kind, model::Kind other, uint32_t rows, uint32_t cols) -> const model::Record * {
    if (used >= blob.records.size) return nullptr;
    const model::Record &record = blob.records[used++];
    const bool allowed = record.kind == static_cast<uint32_t>(kind) || record.kind == static_cast<uint32_t>(other);
    return allowed && record.rows == rows && record.cols == cols ? &record : nullptr;
  };
  auto next_floats = [&](model::Kind kind, uint32_t rows) { return next(kind, kind, rows, 1); };

  for (int i = 0; i < kMatrices; ++i) {
    const Shape expected = shape(i, widths);
    const uint32_t rows = expected.rows, cols = expected.cols;
    bool is_float = expected.form == Shape::kFloat;
    model::Kind kind = is_float ? model::Kind::kFloatMatrix : model::Kind::kInt8Blocks;
    model::Kind other = expected.form == Shape::kInt8OrSparse ? model::Kind::kInt8SparseBlocks : kind;
    const model::Record *weights = next(kind, other, rows, cols);
    if (!weights) return false;
    const model::Record *scale = is_float ? nullptr : next_floats(model::Kind::kScale, rows);
    if (!is_float && !scale) return false;
    const model::Record *bias = next_floats(model::Kind::kBias, rows);
    if (!bias) return false;
    cost.bytes += weights->size + bias->size + (scale ? scale->size : 0);
    uint64_t elements = uint64_t(rows) * cols;
    int row_count = static_cast<int>(rows), col_count = static_cast<int>(cols);
    if (is_float) {
      dense_ = {blob.payload<float>(*weights), blob.payload<float>(*bias), row_count, col_count};
      matrix_cost_[i] = elements;
      cost.multiply_adds += elements;
      cost.weights += elements + rows;
      continue;
    }
    model::SparseBlocks blocks = {nullptr, nullptr, blob.payload<int8_t>(*weights)};
    if (weights->kind == static_cast<uint32_t>(model::Kind::kInt8SparseBlocks)) {
      blocks = blob.sparse(*weights);
      elements = 0;
      for (uint32_t group = 0; group < rows / kGroupRows; ++group) elements += blocks.counts[group];
      elements *= kBlockWeights;
    }
    matrix_cost_[i] = blocks.counts ? elements * 3 / 2 : elements;
    cost.multiply_adds += elements;
    cost.weights += elements + rows;
    linear_[i] = {blocks.blocks, blocks.counts, blocks.columns, blob.payload<float>(*scale), blob.payload<float>(*bias),
                  row_count,     col_count};
  }
  if (used != blob.records.size) return false;

  cost_ = cost;
  lookahead_ = static_cast<int>(header.lookahead);
  dense_width_ = static_cast<int>(header.dense_width);
  hidden_width_ = static_cast<int>(header.hidden_width);
  strength_width_ = static_cast<int>(header.strength_width);
  return true;
}

void Network::place(base::Arena &arena) {
  const int dense = weights_->dense_width_, hidden = weights_->hidden_width_, strength = weights_->strength_width_;
  const int batch = kMaxBatch;
  const size_t before = arena.used();
  conv1_input_ = {arena.take<int8_t>(size_t((kConv1Frames - 1 + batch) * dense)), kConv1Frames, dense};
  conv2_input_ = {arena.take<int8_t>(size_t((kConv2Frames - 1 + batch) * hidden)), kConv2Frames, hidden};
  hidden_state_ = arena.take<float>(size_t(kHiddenGrus * hidden));
  strength_state_ = arena.take<float>(size_t(strength));
  shared_ = arena.take<int8_t>(size_t(batch * kSharedCount * hidden));
  strength_quantized_ = arena.take<int8_t>(size_t(batch * strength));
  state_bytes_ = arena.used() - before;
  saved_ = arena.take<uint8_t>(state_bytes_);

  layer_ = arena.take<float>(size_t(batch * larger(larger(dense, hidden), kOutputs)));
  gru5_input_ = arena.take<int8_t>(size_t(batch * 2 * hidden));
  int gates = 3 * larger(hidden, strength);
  gru_.accumulators = arena.take<int32_t>(size_t(batch * larger(gates, padded_rows(kOutputs))));
  gru_.input_gates = arena.take<float>(size_t(batch * gates));
  gru_.recurrent_gates = arena.take<float>(size_t(gates));
}

void Network::reset() {
  const int dense = weights_->dense_width_, hidden = weights_->hidden_width_, strength = weights_->strength_width_;
  memset(conv1_input_.values, 0, size_t((kConv1Frames - 1) * dense));
  memset(conv2_input_.values, 0, size_t((kConv2Frames - 1) * hidden));
  for (int i = 0; i < kHiddenGrus * hidden; ++i) hidden_state_[i] = 0.0f;
  for (int i = 0; i < strength; ++i) strength_state_[i] = 0.0f;
  memset(shared_, 0, size_t(kMaxBatch * kSharedCount * hidden));
  memset(strength_quantized_, 0, size_t(kMaxBatch * strength));
}

void Network::save() { memcpy(saved_, conv1_input_.values, state_bytes_); }

void Network::recall() { memcpy(conv1_input_.values, saved_, state_bytes_); }

void Network::process(const kernels::Kernels &kernels, const float *features, int frames, NetworkOutput *out) {
  while (frames > 0) {
    const int batch = frames < kMaxBatch ? frames : kMaxBatch;
    for (int i = 0; i < kSteps; ++i) step(i, kernels, features, batch, out);
    features += batch * kInputs;
    out += batch;
    frames -= batch;
  }
}

// A step is one matrix, from the first convolution on; the dense layer goes with that, the heads are one step.
uint64_t Weights::step_cost(int step) const {
  if (step == 0) return matrix_cost_[kDense] + matrix_cost_[kConv1];
  if (step == Network::kSteps - 1) return matrix_cost_[kGain] + matrix_cost_[kStrength] + matrix_cost_[kSpeech];
  return matrix_cost_[kConv1 + step];
}

void Network::step(int step, const kernels::Kernels &kernels, const float *features, int frames, NetworkOutput *out) {
  if (step == 0) return first_layers(kernels, features, frames);
  if (step == 1) return second_convolution(kernels, frames);
  if (step == kSteps - 1) return heads(kernels, frames, out);
  gru_half(step - 2, kernels, frames);
}

int8_t *Network::shared(int frames, int i, int part) const {
  return shared_ + ((kMaxBatch - frames + i) * kSharedCount + part) * weights_->hidden_width_;
}

void Network::first_layers(const kernels::Kernels &kernels, const float *features, int frames) {
  LINNET_CHECK(base::all_sound(features, frames * kInputs));
  weights_->dense_.run(kernels, {features, kInputs}, frames, layer_);
  kernels.tanh(layer_, layer_, frames * weights_->dense_width_);
  conv1_input_.push(kernels, layer_, frames);

  weights_->linear_[Weights::kConv1].run(kernels, conv1_input_.windows(), frames, gru_.accumulators, layer_);
  conv1_input_.drop(frames);
  kernels.tanh(layer_, layer_, frames * weights_->hidden_width_);
  conv2_input_.push(kernels, layer_, frames);
}

void Network::second_convolution(const kernels::Kernels &kernels, int frames) {
  const int hidden = weights_->hidden_width_;
  weights_->linear_[Weights::kConv2].run(kernels, conv2_input_.windows(), frames, gru_.accumulators, layer_);
  conv2_input_.drop(frames);
  kernels.tanh(layer_, layer_, frames * hidden);
  for (int i = 0; i < frames; ++i) kernels.quantize(shared(frames, i, kSharedConv2), layer_ + i * hidden, hidden);
}

// gru1..gru4 are a chain: each reads the part of shared_ before its own.
void Network::gru_half(int half, const kernels::Kernels &kernels, int frames) {
  const Linear &matrix = weights_->linear_[Weights::kGru1 + half];
  const int hidden = weights_->hidden_width_, strength = weights_->strength_width_;
  const int gru = half / 2, stride = kSharedCount * hidden;
  const bool input = half % 2 == 0;
  if (gru < kHiddenGrus) {
    if (input) return gru_inputs(kernels, matrix, {shared(frames, 0, kSharedConv2 + gru), stride}, frames, gru_);
    const Frames<int8_t> quantized = {shared(frames, 0, kSharedGru1 + gru), stride};
    return gru_steps(kernels, matrix, frames, hidden_state_ + gru * hidden, shared(1, 0, kSharedGru1 + gru), quantized,
                     gru_);
  }
  if (input) {
    for (int i = 0; i < frames; ++i) {
      memcpy(gru5_input_ + i * 2 * hidden, shared(frames, i, kSharedGru3), size_t(hidden));
      memcpy(gru5_input_ + (i * 2 + 1) * hidden, shared(frames, i, kSharedConv2), size_t(hidden));
    }
    return gru_inputs(kernels, matrix, {gru5_input_, 2 * hidden}, frames, gru_);
  }
  gru_steps(kernels, matrix, frames, strength_state_, strength_quantized_ + (kMaxBatch - 1) * strength,
            {strength_quantized_ + (kMaxBatch - frames) * strength, strength}, gru_);
}

void Network::heads(const kernels::Kernels &kernels, int frames, NetworkOutput *out) {
  const Linear *linear = weights_->linear_;
  const int strength = weights_->strength_width_, stride = kSharedCount * weights_->hidden_width_;
  linear[Weights::kGain].run(kernels, {shared(frames, 0, kSharedConv2), stride}, frames, gru_.accumulators, layer_);
  for (int i = 0; i < frames; ++i) kernels.sigmoid(out[i].gains, layer_ + i * kOutputs, kOutputs);
  linear[Weights::kStrength].run(kernels, {strength_quantized_ + (kMaxBatch - frames) * strength, strength}, frames,
                                 gru_.accumulators, layer_);
  for (int i = 0; i < frames; ++i) kernels.sigmoid(out[i].strengths, layer_ + i * kOutputs, kOutputs);
  linear[Weights::kSpeech].run(kernels, {shared(frames, 0, kSharedGru4), stride}, frames, gru_.accumulators, layer_);
  for (int i = 0; i < frames; ++i) kernels.sigmoid(&out[i].speech_probability, layer_ + i, 1);

  for (int i = 0; i < frames; ++i) {
    LINNET_CHECK(base::all_within(out[i].gains, kOutputs, 0.0f, 1.0f));
    LINNET_CHECK(base::all_within(out[i].strengths, kOutputs, 0.0f, 1.0f));
    LINNET_CHECK(base::all_within(&out[i].speech_probability, 1, 0.0f, 1.0f));
  }
}

}  // namespace linnet::nn
