#include "nn/network.h"

#include "base/check.h"

namespace linnet::nn {

namespace {

bool is_zero(const model::TopologyShape &shape) {
  uint8_t any = 0;
  for (const uint8_t byte : shape.none) any |= byte;
  return any == 0;
}

}  // namespace

model::BlobError Weights::bind(const model::BlobView &blob) {
  topology_ = static_cast<model::Topology>(blob.header->topology);
  if (topology_ != model::Topology::kPercepNet && !is_band_split()) return model::BlobError::kVersion;
  return bind_records(blob) ? model::BlobError::kNone : model::BlobError::kCorrupt;
}

bool Weights::bind_records(const model::BlobView &blob) {
  const model::Header &header = *blob.header;
  if (header.lookahead > static_cast<uint32_t>(kMaxLookahead)) return false;
  RecordReader records(blob);
  if (is_band_split()) {
    BandSplitWeights::Widths widths;
    if (!BandSplitWeights::read(header, &widths) || !band_split_.bind(widths, &records)) return false;
  } else {
    if (!is_zero(header.shape) || !percepnet_.bind(PercepNetWeights::widths_of(header), &records)) return false;
  }
  cost_ = records.cost();
  lookahead_ = static_cast<int>(header.lookahead);
  return records.at_end();
}

const char *Weights::name() const { return is_band_split() ? "bandsplit" : "percepnet"; }

int Weights::steps() const { return is_band_split() ? band_split_.steps() : PercepNet::kSteps; }

uint64_t Weights::step_cost(int step) const {
  return is_band_split() ? band_split_.step_cost(step) : percepnet_.step_cost(step);
}

void Network::attach(const Weights &weights) {
  weights_ = &weights;
  if (weights.is_band_split()) {
    band_split_.attach(weights.band_split_);
  } else {
    percepnet_.attach(weights.percepnet_);
  }
}

void Network::place(base::Arena &arena) {
  weights_->is_band_split() ? band_split_.place(arena) : percepnet_.place(arena);
}

void Network::reset() { weights_->is_band_split() ? band_split_.reset() : percepnet_.reset(); }

void Network::save() { weights_->is_band_split() ? band_split_.save() : percepnet_.save(); }

void Network::recall() { weights_->is_band_split() ? band_split_.recall() : percepnet_.recall(); }

void Network::step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out) {
  if (weights_->is_band_split()) {
    band_split_.step(step, kernels, in, frames, out);
  } else {
    percepnet_.step(step, kernels, in, frames);
    if (step == PercepNet::kSteps - 1) percepnet_.finish(kernels, frames, out);
  }
  if (step != weights_->steps() - 1) return;
  for (int i = 0; i < frames; ++i) {
    LINNET_CHECK(base::all_within(out[i].gains, kBands, 0.0f, 1.0f));
    LINNET_CHECK(base::all_within(out[i].strengths, kBands, 0.0f, 1.0f));
    LINNET_CHECK(base::all_within(&out[i].speech_probability, 1, 0.0f, 1.0f));
  }
}

void Network::process(const kernels::Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out) {
  const int count = weights_->steps();
  for (int i = 0; i < count; ++i) step(i, kernels, in, frames, out);
}

}  // namespace linnet::nn
