// The PercepNet topology: the list of records that a model must have, the memory plan, and one frame through the
// layers. Valin et al. 2020, figure 3; the speech probability is an addition. The list below is the only place where
// shapes are written down: the loader accepts exactly that list, so that a frame runs without checks, and Python asks
// for it through the binding.
#include "nn/percepnet.h"

#include <cstring>

#include "base/check.h"

namespace linnet::nn {

namespace {

constexpr int kConv1Frames = 5, kConv2Frames = 3, kHiddenGrus = 4;
enum Width { kOne, kD, kH, kS, kWidths };  // 1 and the model's three widths

}  // namespace

// rows = row_factor * row_width, cols alike; convolutions have their oldest frame first.
struct PercepNetWeights::Line {
  const char *name;
  Shape::Form form;
  uint32_t row_factor;
  Width row_width;
  uint32_t col_factor;
  Width col_width;
};

const PercepNetWeights::Line PercepNetWeights::kLines[kMatrices] = {
    {"dense", Shape::kFloat, 1, kD, kFeatures, kOne},
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
    {"gain", Shape::kInt8, kBands, kOne, PercepNet::kSharedCount, kH},  // of conv2, gru1..gru4
    {"strength", Shape::kInt8, kBands, kOne, 1, kS},                    // of gru5
    {"speech", Shape::kInt8, 1, kOne, 1, kH},                           // of gru4
};

// The factors are below 128 and the widths at most 1024: the products cannot overflow.
Shape PercepNetWeights::shape(int matrix, const Widths &widths) {
  const Line &line = kLines[matrix];
  const uint32_t values[kWidths] = {1, widths.dense, widths.hidden, widths.strength};
  return {line.name, line.form, line.row_factor * values[line.row_width], line.col_factor * values[line.col_width]};
}

PercepNetWeights::Widths PercepNetWeights::widths_of(const model::Header &header) {
  return {header.dense_width, header.hidden_width, header.strength_width};
}

bool PercepNetWeights::in_range(const Widths &widths) {
  return width_in_range(widths.dense, kLargest.dense) && width_in_range(widths.hidden, kLargest.hidden) &&
         width_in_range(widths.strength, kLargest.strength);
}

bool PercepNetWeights::bind(const Widths &widths, RecordReader *records) {
  if (!in_range(widths) || !records->take(shape(kDense, widths), &dense_, &matrix_cost_[kDense])) return false;
  for (int i = kConv1; i < kMatrices; ++i) {
    if (!records->take(shape(i, widths), &linear_[i], &matrix_cost_[i])) return false;
  }
  dense_width_ = static_cast<int>(widths.dense);
  hidden_width_ = static_cast<int>(widths.hidden);
  strength_width_ = static_cast<int>(widths.strength);
  return true;
}

void PercepNet::place(base::Arena &arena) {
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

  gains_ = arena.take<float>(size_t(batch * kBands));
  strengths_ = arena.take<float>(size_t(batch * kBands));
  speech_ = arena.take<float>(size_t(batch));
  layer_ = arena.take<float>(size_t(batch * dense));
  gru5_input_ = arena.take<int8_t>(size_t(batch * 2 * hidden));
  int gates = 3 * larger(hidden, strength);
  gru_.input_sums = arena.take<int32_t>(size_t(batch * larger(gates, padded_rows(kBands))));
  gru_.recurrent_sums = arena.take<int32_t>(size_t(gates));
}

void PercepNet::reset() {
  const int dense = weights_->dense_width_, hidden = weights_->hidden_width_, strength = weights_->strength_width_;
  memset(conv1_input_.values, 0, size_t((kConv1Frames - 1) * dense));
  memset(conv2_input_.values, 0, size_t((kConv2Frames - 1) * hidden));
  for (int i = 0; i < kHiddenGrus * hidden; ++i) hidden_state_[i] = 0.0f;
  for (int i = 0; i < strength; ++i) strength_state_[i] = 0.0f;
  memset(shared_, 0, size_t(kMaxBatch * kSharedCount * hidden));
  memset(strength_quantized_, 0, size_t(kMaxBatch * strength));
}

void PercepNet::save() { memcpy(saved_, conv1_input_.values, state_bytes_); }

void PercepNet::recall() { memcpy(conv1_input_.values, saved_, state_bytes_); }

// A step is one matrix, from the first convolution on; the dense layer goes with that, the heads are one step.
uint64_t PercepNetWeights::step_cost(int step) const {
  if (step == 0) return matrix_cost_[kDense] + matrix_cost_[kConv1];
  if (step == PercepNet::kSteps - 1) return matrix_cost_[kGain] + matrix_cost_[kStrength] + matrix_cost_[kSpeech];
  return matrix_cost_[kConv1 + step];
}

void PercepNet::step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames) {
  if (step == 0) return first_layers(kernels, in, frames);
  if (step == 1) return second_convolution(kernels, frames);
  if (step == kSteps - 1) return heads(kernels, frames);
  gru_half(step - 2, kernels, frames);
}

int8_t *PercepNet::shared(int frames, int i, int part) const {
  return shared_ + ((kMaxBatch - frames + i) * kSharedCount + part) * weights_->hidden_width_;
}

void PercepNet::first_layers(const kernels::Kernels &kernels, const NetworkInput *in, int frames) {
  for (int i = 0; i < frames; ++i) {
    LINNET_CHECK(base::all_sound(in[i].features, kFeatures));
    weights_->dense_.run(kernels, in[i].features, layer_ + i * weights_->dense_width_);
  }
  kernels.tanh(layer_, layer_, frames * weights_->dense_width_);
  kernels.quantize(conv1_input_.next().first, layer_, frames * weights_->dense_width_);

  weights_->linear_[PercepNetWeights::kConv1].activate(kernels, conv1_input_.windows(), frames, gru_.input_sums,
                                                       conv2_input_.next());
  conv1_input_.drop(frames);
}

void PercepNet::second_convolution(const kernels::Kernels &kernels, int frames) {
  const Frames<int8_t> out = {shared(frames, 0, kSharedConv2), kSharedCount * weights_->hidden_width_};
  weights_->linear_[PercepNetWeights::kConv2].activate(kernels, conv2_input_.windows(), frames, gru_.input_sums, out);
  conv2_input_.drop(frames);
}

// gru1..gru4 are a chain: each reads the part of shared_ before its own.
void PercepNet::gru_half(int half, const kernels::Kernels &kernels, int frames) {
  const int hidden = weights_->hidden_width_, strength = weights_->strength_width_;
  const int gru = half / 2, stride = kSharedCount * hidden;
  const Linear *matrices = weights_->linear_ + PercepNetWeights::kGru1 + 2 * gru, &input = matrices[0];
  const bool first = half % 2 == 0;
  if (gru < kHiddenGrus) {
    if (first) return gru_inputs(kernels, input, {shared(frames, 0, kSharedConv2 + gru), stride}, frames, gru_);
    const Frames<int8_t> quantized = {shared(frames, 0, kSharedGru1 + gru), stride};
    return gru_steps(kernels, input, matrices[1], frames, hidden_state_ + gru * hidden, shared(1, 0, kSharedGru1 + gru),
                     quantized, gru_);
  }
  if (first) {
    for (int i = 0; i < frames; ++i) {
      memcpy(gru5_input_ + i * 2 * hidden, shared(frames, i, kSharedGru3), size_t(hidden));
      memcpy(gru5_input_ + (i * 2 + 1) * hidden, shared(frames, i, kSharedConv2), size_t(hidden));
    }
    return gru_inputs(kernels, input, {gru5_input_, 2 * hidden}, frames, gru_);
  }
  gru_steps(kernels, input, matrices[1], frames, strength_state_, strength_quantized_ + (kMaxBatch - 1) * strength,
            {strength_quantized_ + (kMaxBatch - frames) * strength, strength}, gru_);
}

void PercepNet::heads(const kernels::Kernels &kernels, int frames) {
  const Linear *linear = weights_->linear_;
  const int strength = weights_->strength_width_, stride = kSharedCount * weights_->hidden_width_;
  linear[PercepNetWeights::kGain].run(kernels, {shared(frames, 0, kSharedConv2), stride}, frames, gru_.input_sums,
                                      gains_);
  linear[PercepNetWeights::kStrength].run(kernels, {strength_quantized_ + (kMaxBatch - frames) * strength, strength},
                                          frames, gru_.input_sums, strengths_);
  linear[PercepNetWeights::kSpeech].run(kernels, {shared(frames, 0, kSharedGru4), stride}, frames, gru_.input_sums,
                                        speech_);
}

void PercepNet::finish(const kernels::Kernels &kernels, int frames, NetworkOutput *out) const {
  for (int i = 0; i < frames; ++i) {
    kernels.sigmoid(out[i].gains, gains(i), kBands);
    kernels.sigmoid(out[i].strengths, strengths(i), kBands);
    kernels.sigmoid(&out[i].speech_probability, speech_ + i, 1);
    out[i].taps = nullptr;
  }
}

}  // namespace linnet::nn
