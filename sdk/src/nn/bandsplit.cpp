// The topology with shared layers: the list of records that a model must have, the memory plan, and one frame through
// the layers. All shapes come from `shape`, which the loader, the binding and Python ask.
#include "nn/bandsplit.h"

#include <cstring>

#include "base/check.h"

namespace linnet::nn {

namespace {

using base::kBandCentre;

constexpr int kTold = 8;                                // numbers that the trunk tells each token
constexpr int kPitchPeriod = 2 * kBands, kScalars = 2;  // place of the period among the features, and how many follow

// Factors that bring the inputs in range: of all but the period, whose range is larger, and of the turns, whose is
// less.
constexpr float kInputScale = 0.5f, kPeriodScale = 0.2f;
constexpr float kLogitScale = 0.25f;  // of the trunk's heads, before their tanh

constexpr int smaller(int a, int b) { return a < b ? a : b; }

constexpr int low_bin(int band) { return band < kBands ? smaller(kBandCentre[band], kLowBins) : kLowBins; }

// What a token reads: its bands and one on each side, and the low bins inside them.
struct Range {
  int band, bands, bin, bins;
};
constexpr Range near(int token) {
  const int first = larger(token * kShare - 1, 0), end = smaller((token + 1) * kShare + 1, kBands);
  const int bin = low_bin(first), last = smaller(kBandCentre[end - 1] + 1, kLowBins);
  return {first, end - first, bin, larger(last - bin, 0)};
}

// The low bins that a token filters.
constexpr int first_filtered(int token) { return low_bin(token * kShare); }
constexpr int filtered(int token) { return low_bin((token + 1) * kShare) - first_filtered(token); }

// to[i] = scale * x[i], within +-1. Two loops, because of both comparisons in one gcc makes four times as much.
void bring_in_range(const float *__restrict x, int count, float scale, float *__restrict to) {
  for (int i = 0; i < count; ++i) {
    const float scaled = x[i] * scale;
    to[i] = scaled > -1.0f ? scaled : -1.0f;
  }
  for (int i = 0; i < count; ++i) to[i] = to[i] < 1.0f ? to[i] : 1.0f;
}

int trunk_matrices(const BandSplitWeights::Widths &widths) {
  return widths.trunk ? PercepNetWeights::kMatrices + 1 : 0;
}

uint32_t token_inputs(const BandSplitWeights::Widths &widths, int token) {
  const Range range = near(token);
  return static_cast<uint32_t>(range.bands * (widths.pitch ? 2 : 1) + (widths.pitch ? kScalars : 0) +
                               (widths.fine ? 3 * range.bins : 0) + (widths.trunk ? kTold + 2 * kShare : 0));
}

uint32_t head_rows(const BandSplitWeights::Widths &widths, int token) {
  return static_cast<uint32_t>(kShare * (widths.comb ? 2 : 1)) +
         static_cast<uint32_t>(filtered(token)) * 2 * widths.taps;
}

Shape block_shape(int part, uint32_t block, const BandSplitWeights::Widths &w) {
  const uint32_t channels = w.channels, context = w.context, summaries = kTokens * w.summary;
  switch (part) {
    case BandSplitWeights::kGruInput:
      return {"block#.gru.input", Shape::kInt8, 3 * channels, channels, block, 1, kTokens};
    case BandSplitWeights::kGruRecurrent:
      return {"block#.gru.recurrent", Shape::kInt8, 3 * channels, channels, block, 1, kTokens};
    case BandSplitWeights::kSqueeze:
      return {"block#.squeeze", Shape::kInt8, w.summary, channels, block, 1, kTokens};
    case BandSplitWeights::kContextInput:
      return {"block#.context.input", Shape::kInt8, 3 * context, summaries, block};
    case BandSplitWeights::kContextRecurrent:
      return {"block#.context.recurrent", Shape::kInt8, 3 * context, context, block};
    case BandSplitWeights::kSpread:
      return {"block#.spread", Shape::kInt8, summaries, context, block};
    default:  // of own state, token before, what it is told; a bias for each token
      return {"block#.mix", Shape::kInt8, channels, 2 * channels + w.summary, block, kTokens, kTokens};
  }
}

}  // namespace

bool BandSplitWeights::read(const model::Header &header, Widths *widths) {
  const model::BandSplitShape &shape = header.shape.band_split;
  if (shape.flags > 15 || shape.zero != 0) return false;
  *widths = {shape.channels,
             shape.context,
             shape.blocks,
             shape.summary,
             shape.taps,
             (shape.flags & model::BandSplitShape::kFine) != 0,
             (shape.flags & model::BandSplitShape::kComb) != 0,
             (shape.flags & model::BandSplitShape::kPitch) != 0,
             (shape.flags & model::BandSplitShape::kTrunk) != 0,
             PercepNetWeights::widths_of(header)};
  const PercepNetWeights::Widths &trunk = widths->of_trunk;
  if (!widths->trunk && (trunk.dense | trunk.hidden | trunk.strength) != 0) return false;
  if (widths->trunk && !PercepNetWeights::in_range(trunk)) return false;
  const bool taps_fit = widths->taps == 0 || (widths->taps % 2 == 1 && widths->taps <= base::kMaxTaps);
  const bool parts_fit = (widths->pitch || !widths->comb) && (widths->comb || !widths->trunk);
  return width_in_range(widths->channels, kMaxChannels) && width_in_range(widths->context, kMaxContext) &&
         widths->blocks >= 1 && widths->blocks <= kMaxBlocks && widths->summary >= 1 &&
         widths->summary <= kMaxSummary && taps_fit && parts_fit && widths->taps / 2 <= header.lookahead;
}

int BandSplitWeights::matrices(const Widths &widths) {
  return trunk_matrices(widths) + kTokens + static_cast<int>(widths.blocks) * kOfBlock + kTokens + 1;
}

Shape BandSplitWeights::shape(int matrix, const Widths &widths) {
  if (widths.trunk && matrix < PercepNetWeights::kMatrices) {
    Shape shape = PercepNetWeights::shape(matrix, widths.of_trunk);
    shape.group = "trunk.";
    return shape;
  }
  if (widths.trunk && matrix == PercepNetWeights::kMatrices) {
    return {"tell", Shape::kInt8, kTokens * kTold, 2 * widths.of_trunk.hidden};
  }
  int left = matrix - trunk_matrices(widths);
  if (left < kTokens) {
    return {"split.#", Shape::kInt8, widths.channels, token_inputs(widths, left), static_cast<uint32_t>(left)};
  }
  left -= kTokens;
  if (left < static_cast<int>(widths.blocks) * kOfBlock) {
    return block_shape(left % kOfBlock, static_cast<uint32_t>(left / kOfBlock), widths);
  }
  left -= static_cast<int>(widths.blocks) * kOfBlock;
  if (left < kTokens) {
    return {"head.#", Shape::kInt8, head_rows(widths, left), widths.channels, static_cast<uint32_t>(left)};
  }
  return {"speech", Shape::kInt8, 1, widths.context};
}

bool BandSplitWeights::bind(const Widths &widths, RecordReader *records) {
  widths_ = widths;
  if (widths.trunk && !trunk_.bind(widths.of_trunk, records)) return false;
  const int first = widths.trunk ? PercepNetWeights::kMatrices : 0, count = matrices(widths);
  for (int i = first, place = widths.trunk ? 0 : 1; i < count; ++i, ++place) {
    if (!records->take(shape(i, widths), &linear_[place], &matrix_cost_[place])) return false;
  }
  return true;
}

uint64_t BandSplitWeights::cost_of(int first, int count) const {
  uint64_t sum = 0;
  for (int i = first; i < first + count; ++i) sum += matrix_cost_[i];
  return sum;
}

int BandSplitWeights::steps() const {
  return (widths_.trunk ? PercepNet::kSteps : 0) + 2 + static_cast<int>(widths_.blocks) * BandSplit::kStepsOfBlock;
}

uint64_t BandSplitWeights::step_cost(int step) const {
  if (widths_.trunk && step < PercepNet::kSteps) return trunk_.step_cost(step);
  step -= widths_.trunk ? PercepNet::kSteps : 0;
  if (step == 0) return cost_of(0, 1 + kTokens);
  const int of_block = step - 1, index = of_block / BandSplit::kStepsOfBlock;
  if (index == static_cast<int>(widths_.blocks)) return cost_of(heads(), kTokens + 1);
  const int part = of_block % BandSplit::kStepsOfBlock;
  if (part == 2) return cost_of(block(index) + kSqueeze, kMix - kSqueeze);
  return matrix_cost_[block(index) + (part == 3 ? kMix : part)];
}

void BandSplit::attach(const BandSplitWeights &weights) {
  weights_ = &weights;
  const BandSplitWeights::Widths &widths = weights.widths();
  if (widths.trunk) trunk_.attach(weights.trunk_);
  channels_ = static_cast<int>(widths.channels);
  summary_ = static_cast<int>(widths.summary);
  context_ = static_cast<int>(widths.context);
  blocks_ = static_cast<int>(widths.blocks);
  row_ = padded_cols(2 * channels_ + summary_);
  few_ = padded_cols(kTokens * summary_);
  inputs_ = kFeatures + kFineInputs + (widths.trunk ? kTokens * kTold + 2 * kBands : 0);
  most_inputs_ = 0;
  for (int token = 0; token < kTokens; ++token) {
    most_inputs_ = larger(most_inputs_, padded_cols(static_cast<int>(token_inputs(widths, token))));
  }
}

void BandSplit::place(base::Arena &arena) {
  const BandSplitWeights::Widths &widths = weights_->widths();
  if (widths.trunk) trunk_.place(arena);
  const size_t before = arena.used(), tokens = size_t{kMaxBatch} * kTokens;
  for (int i = 0; i < blocks_; ++i) {
    BlockState &state = states_[i];
    state.own = arena.take<float>(size_t(kTokens * channels_));
    state.context = arena.take<float>(size_t(context_));
    state.rows = arena.take<int8_t>(tokens * size_t(row_));
    state.context_quantized = arena.take<int8_t>(size_t(kMaxBatch * context_));
  }
  begin_ = reinterpret_cast<uint8_t *>(states_[0].own);
  state_bytes_ = arena.used() - before;
  saved_ = arena.take<uint8_t>(state_bytes_);

  int most_rows = 3 * context_;
  for (int token = 0; token < kTokens; ++token) {
    most_rows = larger(most_rows, static_cast<int>(head_rows(widths, token)));
  }
  quantized_ = arena.take<int8_t>(size_t(kMaxBatch * inputs_));
  gathered_ = arena.take<int8_t>(size_t(kMaxBatch * most_inputs_));
  few_rows_ = arena.take<int8_t>(size_t(kMaxBatch * few_));
  last_ = arena.take<int8_t>(tokens * size_t(channels_));
  heard_ = widths.trunk ? arena.take<int8_t>(size_t(kMaxBatch) * 2 * widths.of_trunk.hidden) : nullptr;
  const int of_tokens = larger(larger(3 * channels_, padded_rows(summary_)), kTold);
  const int sums = kMaxBatch * larger(padded_rows(most_rows), kTokens * of_tokens);
  const int floats = kMaxBatch * larger(most_rows, kTokens * summary_);
  layer_ = arena.take<float>(size_t(larger(floats, kFeatures + kFineInputs)));
  taps_ = arena.take<float>(size_t(kMaxBatch * kLowBins * 2) * widths.taps);
  gru_.input_sums = arena.take<int32_t>(size_t(sums));
  gru_.recurrent_sums = arena.take<int32_t>(size_t(3 * larger(context_, kTokens * channels_)));
}

void BandSplit::reset() {
  if (weights_->widths().trunk) trunk_.reset();
  memset(begin_, 0, state_bytes_);
  // What is read behind the last input of a layer has no effect; it is written once all the same.
  memset(few_rows_, 0, size_t(kMaxBatch * few_));
  memset(gathered_, 0, size_t(kMaxBatch * most_inputs_));
}

void BandSplit::save() {
  if (weights_->widths().trunk) trunk_.save();
  memcpy(saved_, begin_, state_bytes_);
}

void BandSplit::recall() {
  if (weights_->widths().trunk) trunk_.recall();
  memcpy(begin_, saved_, state_bytes_);
}

void BandSplit::step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames,
                     NetworkOutput *out) {
  if (weights_->widths().trunk) {
    if (step < PercepNet::kSteps) return trunk_.step(step, kernels, in, frames);
    step -= PercepNet::kSteps;
  }
  if (step == 0) return split(kernels, in, frames);
  const int block = (step - 1) / kStepsOfBlock, part = (step - 1) % kStepsOfBlock;
  if (block == blocks_) return heads(kernels, frames, out);
  const Linear *matrices = weights_->linear_ + weights_->block(block);
  int8_t *first = rows(block, frames, 0);
  switch (part) {
    case 0:
      return gru_inputs(kernels, matrices[BandSplitWeights::kGruInput], {first + channels_, row_}, frames * kTokens,
                        gru_);
    case 1:
      return gru_steps(kernels, matrices[BandSplitWeights::kGruInput], matrices[BandSplitWeights::kGruRecurrent],
                       frames, states_[block].own, rows(block, 1, 0), {first, kTokens * row_}, gru_, kTokens, row_);
    case 2:
      return context(block, kernels, frames);
    default:
      return mix(block, kernels, frames);
  }
}

Frames<int8_t> BandSplit::tokens(int block, int frames) const {
  if (block < blocks_) return {rows(block, frames, 0) + channels_, row_};
  return {last_, channels_};
}

void BandSplit::split(const kernels::Kernels &kernels, const NetworkInput *in, int frames) {
  for (int i = 0; i < frames; ++i) quantize_inputs(kernels, in[i], quantized_ + i * inputs_);
  if (weights_->widths().trunk) hear_trunk(kernels, frames);
  for (int token = 0; token < kTokens; ++token) {
    const Linear &matrix = weights_->linear_[1 + token];
    const int stride = padded_cols(matrix.cols);
    for (int i = 0; i < frames; ++i) gather(token, quantized_ + i * inputs_, gathered_ + i * stride);
    matrix.activate(kernels, {gathered_, stride}, frames, gru_.input_sums, {tokens(0, frames)[token], kTokens * row_});
  }
}

void BandSplit::quantize_inputs(const kernels::Kernels &kernels, const NetworkInput &in, int8_t *to) {
  LINNET_CHECK(base::all_sound(in.features, kFeatures));
  float *end = layer_;
  auto take = [&end](const float *x, int count, float scale) {
    bring_in_range(x, count, scale, end);
    end += count;
  };
  take(in.features, kPitchPeriod, kInputScale);
  take(in.features + kPitchPeriod, 1, kPeriodScale);
  take(in.features + kPitchPeriod + 1, kFeatures - kPitchPeriod - 1, kInputScale);
  if (weights_->widths().fine) {
    LINNET_CHECK(base::all_sound(in.fine, kFineInputs));
    take(in.fine, kLowBins, kInputScale);
    take(in.fine + kLowBins, kFineInputs - kLowBins, 1.0f);
  }
  kernels.quantize(to, layer_, static_cast<int>(end - layer_));
}

void BandSplit::hear_trunk(const kernels::Kernels &kernels, int frames) {
  const int hidden = static_cast<int>(weights_->widths().of_trunk.hidden), at = kFeatures + kFineInputs;
  constexpr int kTells = kTokens * kTold;
  for (int i = 0; i < frames; ++i) {
    memcpy(heard_ + i * 2 * hidden, trunk_.convolved(frames, i), size_t(hidden));
    memcpy(heard_ + (i * 2 + 1) * hidden, trunk_.concluded(frames, i), size_t(hidden));
  }
  weights_->linear_[0].activate(kernels, {heard_, 2 * hidden}, frames, gru_.input_sums, {quantized_ + at, inputs_});
  for (int i = 0; i < frames; ++i) {
    float logits[2 * kBands];
    for (int band = 0; band < kBands; ++band) {
      logits[band] = kLogitScale * trunk_.gains(i)[band];
      logits[kBands + band] = kLogitScale * trunk_.strengths(i)[band];
    }
    kernels.tanh(logits, logits, 2 * kBands);
    kernels.quantize(quantized_ + i * inputs_ + at + kTells, logits, 2 * kBands);
  }
}

void BandSplit::gather(int token, const int8_t *inputs, int8_t *to) const {
  const BandSplitWeights::Widths &widths = weights_->widths();
  const Range range = near(token);
  auto take = [&](int from, int count) {
    memcpy(to, inputs + from, size_t(count));
    to += count;
  };
  take(range.band, range.bands);
  if (widths.pitch) {
    take(kBands + range.band, range.bands);
    take(kPitchPeriod, kScalars);
  }
  for (int part = 0; widths.fine && part < kFineInputs; part += kLowBins)
    take(kFeatures + part + range.bin, range.bins);
  if (!widths.trunk) return;
  const int told = kFeatures + kFineInputs, logits = told + kTokens * kTold;
  take(told + token * kTold, kTold);
  take(logits + token * kShare, kShare);
  take(logits + kBands + token * kShare, kShare);
}

void BandSplit::context(int block, const kernels::Kernels &kernels, int frames) {
  const Linear *matrices = weights_->linear_ + weights_->block(block);
  const BlockState &state = states_[block];
  const int all = kTokens * summary_;
  int8_t *first = rows(block, frames, 0);
  matrices[BandSplitWeights::kSqueeze].run(kernels, {first, row_}, frames * kTokens, gru_.input_sums, layer_);
  kernels.tanh(layer_, layer_, frames * all);
  for (int i = 0; i < frames; ++i) kernels.quantize(few_rows_ + i * few_, layer_ + i * all, all);

  gru_inputs(kernels, matrices[BandSplitWeights::kContextInput], {few_rows_, few_}, frames, gru_);
  const Frames<int8_t> quantized = {state.context_quantized + (kMaxBatch - frames) * context_, context_};
  gru_steps(kernels, matrices[BandSplitWeights::kContextInput], matrices[BandSplitWeights::kContextRecurrent], frames,
            state.context, state.context_quantized + (kMaxBatch - 1) * context_, quantized, gru_);

  matrices[BandSplitWeights::kSpread].run(kernels, {quantized.first, context_}, frames, gru_.input_sums, layer_);
  kernels.tanh(layer_, layer_, frames * all);
  for (int i = 0; i < frames; ++i) {
    // All tokens at once, then a few bytes to each.
    int8_t *told = few_rows_ + i * few_, *row = first + i * kTokens * row_ + 2 * channels_;
    kernels.quantize(told, layer_ + i * all, all);
    for (int token = 0; token < kTokens; ++token) memcpy(row + token * row_, told + token * summary_, size_t(summary_));
  }
}

void BandSplit::mix(int block, const kernels::Kernels &kernels, int frames) {
  const Linear &matrix = weights_->linear_[weights_->block(block) + BandSplitWeights::kMix];
  matrix.activate(kernels, {rows(block, frames, 0), row_}, frames * kTokens, gru_.input_sums,
                  tokens(block + 1, frames));
}

void BandSplit::heads(const kernels::Kernels &kernels, int frames, NetworkOutput *out) {
  const BandSplitWeights::Widths &widths = weights_->widths();
  const int taps = 2 * static_cast<int>(widths.taps), all_taps = kLowBins * taps;
  for (int token = 0; token < kTokens; ++token) {
    const Linear &matrix = weights_->linear_[weights_->heads() + token];
    const int band = token * kShare, size = filtered(token) * taps;
    matrix.run(kernels, {last_ + token * channels_, kTokens * channels_}, frames, gru_.input_sums, layer_);
    for (int i = 0; i < frames; ++i) {
      const float *row = layer_ + i * matrix.rows;
      memcpy(out[i].gains + band, row, kShare * sizeof(float));
      if (widths.comb) memcpy(out[i].strengths + band, row + kShare, kShare * sizeof(float));
      kernels.tanh(taps_ + i * all_taps + first_filtered(token) * taps, row + matrix.rows - size, size);
    }
  }
  const int8_t *context = states_[blocks_ - 1].context_quantized + (kMaxBatch - frames) * context_;
  weights_->linear_[weights_->speech()].run(kernels, {context, context_}, frames, gru_.input_sums, layer_);

  for (int i = 0; i < frames; ++i) {
    NetworkOutput &to = out[i];
    to.speech_probability = layer_[i];
    if (widths.trunk) {
      kernels.add(to.gains, to.gains, trunk_.gains(i), kBands);
      kernels.add(to.strengths, to.strengths, trunk_.strengths(i), kBands);
      to.speech_probability += trunk_.speech(i);
    }
    kernels.sigmoid(to.gains, to.gains, kBands);
    kernels.sigmoid(&to.speech_probability, &to.speech_probability, 1);
    if (widths.comb) {
      kernels.sigmoid(to.strengths, to.strengths, kBands);
    } else {
      for (float &strength : to.strengths) strength = 0.0f;
    }
    to.taps = taps ? taps_ + i * all_taps : nullptr;
  }
}

}  // namespace linnet::nn
