// What the engine sees of a network: weights of any topology that this library knows, and the state of one stream on
// them. Each topology has files of its own.
#pragma once

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/bandsplit.h"
#include "nn/frame.h"
#include "nn/percepnet.h"
#include "nn/records.h"

namespace linnet::nn {

constexpr int kMaxLookahead = 3;

// The weights of a model: bound once, then only read, by any number of networks and threads.
class Weights {
 public:
  // Binds to the records of a parsed blob, in exactly the order of its topology; kVersion if that is not known here,
  // kCorrupt if a record, a width or a look-ahead is not as expected. The blob is borrowed.
  model::BlobError bind(const model::BlobView &blob);

  const char *name() const;  // of the topology
  int lookahead() const { return lookahead_; }
  const Cost &cost() const { return cost_; }

  // What the network needs of the analysis beside levels: pitch features, fine inputs, the frames that its filters see.
  bool pitch() const { return !is_band_split() || band_split_.widths().pitch; }
  bool fine() const { return is_band_split() && band_split_.widths().fine; }
  int inputs() const { return kFeatures + (fine() ? kFineInputs : 0); }
  int taps() const { return is_band_split() ? static_cast<int>(band_split_.widths().taps) : 0; }

  // Steps of a batch, and what each costs, in multiply-adds of a dense matrix.
  int steps() const;
  uint64_t step_cost(int step) const;

 private:
  friend class Network;

  bool is_band_split() const { return topology_ == model::Topology::kBandSplit; }
  bool bind_records(const model::BlobView &blob);

  model::Topology topology_ = model::Topology::kPercepNet;
  int lookahead_ = 0;
  Cost cost_;
  PercepNetWeights percepnet_;
  BandSplitWeights band_split_;
};

// The state of one stream on weights that it shares.
class Network {
 public:
  // Weights that are bound; they must outlive the network.
  void attach(const Weights &weights);

  // Plans (arena measuring) or places the recurrent states and scratch.
  void place(base::Arena &arena);

  // All states to zero.
  void reset();

  // Keeps all states, and goes back to those that were kept.
  void save();
  void recall();

  // One step of the weights' for 1..kMaxBatch frames; out is whole after the last step. What lies between steps is kept
  // in the network.
  void step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out);

  int steps() const { return weights_->steps(); }
  uint64_t step_cost(int step) const { return weights_->step_cost(step); }

  // All steps of 1..kMaxBatch consecutive frames. Two go through the layers together, which reads the weights of all
  // but the recurrent matrices once for both; the bits do not depend on it.
  void process(const kernels::Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out);

 private:
  const Weights *weights_ = nullptr;
  PercepNet percepnet_;
  BandSplit band_split_;
};

}  // namespace linnet::nn
