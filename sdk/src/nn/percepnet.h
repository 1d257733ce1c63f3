// The PercepNet network (Valin et al. 2020, figure 3) over int8 weights: 70 features -> dense (float weights) -> causal
// conv1d of 5 frames -> causal conv1d of 3 -> GRU1..3; gain branch GRU4 -> 34 gains; strength branch GRU5 -> 34 comb
// strengths; a speech probability beside. Widths come from the blob. Activations are tanh and sigmoid, so that every
// tensor between layers lies in [-1, 1] and is quantised with the fixed scale 127. It is a topology by itself, and the
// trunk of another.
//
// The matrices, their shapes and their order in a model file stand in one list, kLines in percepnet.cpp. GRU rows are
// reset, update, candidate, as in PyTorch, and the recurrent bias of the candidate stays inside the product with the
// reset gate.
#pragma once

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/frame.h"
#include "nn/layers.h"
#include "nn/records.h"

namespace linnet::nn {

// The weights of a model and its shape: bound once, then only read, by any number of networks and threads.
class PercepNetWeights {
 public:
  // Of a model: its first layer, its convolutions and GRUs, the GRU of its strength branch. Multiples of 8.
  struct Widths {
    uint32_t dense, hidden, strength;
  };
  static constexpr Widths kLargest = {512, 1024, 512};
  static Widths widths_of(const model::Header &header);
  static bool in_range(const Widths &widths);

  // The matrices in file order. The recurrent matrix of a GRU follows its input matrix.
  enum Matrix {
    kDense,
    kConv1,
    kConv2,
    kGru1,
    kGru2 = kGru1 + 2,
    kGru3 = kGru2 + 2,
    kGru4 = kGru3 + 2,
    kGru5 = kGru4 + 2,
    kGain = kGru5 + 2,
    kStrength,
    kSpeech,
    kMatrices
  };
  static Shape shape(int matrix, const Widths &widths);

  // Binds to the next records, in exactly the order above; false if a width or a record is not as expected.
  bool bind(const Widths &widths, RecordReader *records);

  // What a step of PercepNet::step costs, in multiply-adds of a dense matrix.
  uint64_t step_cost(int step) const;

  int hidden() const { return hidden_width_; }

 private:
  friend class PercepNet;

  struct Line;                          // of the list of matrices, with its shape in terms of the widths
  static const Line kLines[kMatrices];  // that list

  int dense_width_ = 0, hidden_width_ = 0, strength_width_ = 0;
  uint64_t matrix_cost_[kMatrices] = {};  // those of sparse ones cost half as much again
  FloatLinear dense_;
  Linear linear_[kMatrices];  // kDense is unused: that layer is float
};

// The state of one stream on weights that it shares.
class PercepNet {
 public:
  // Weights that are bound; they must outlive the network.
  void attach(const PercepNetWeights &weights) { weights_ = &weights; }

  // Plans (arena measuring) or places the recurrent states and scratch.
  void place(base::Arena &arena);

  // All states to zero.
  void reset();

  // Keeps all states, and goes back to those that were kept.
  void save();
  void recall();

  // The steps of a batch, in order: dense layer and first convolution, second convolution, each GRU's input and
  // recurrent part, the heads.
  static constexpr int kSteps = 13;

  // One step for 1..kMaxBatch frames. What lies between steps is kept in the network.
  void step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames);

  // After the last step: what the heads say through the sigmoid.
  void finish(const kernels::Kernels &kernels, int frames, NetworkOutput *out) const;

  // After the last step, of frame i of the batch, before the sigmoid: [34], [34], one value.
  const float *gains(int i) const { return gains_ + i * kBands; }
  const float *strengths(int i) const { return strengths_ + i * kBands; }
  float speech(int i) const { return speech_[i]; }

  // Quantised, [hidden], of frame i of a batch of as many: what the second convolution and the last GRU of the gain
  // branch say.
  const int8_t *convolved(int frames, int i) const { return shared(frames, i, kSharedConv2); }
  const int8_t *concluded(int frames, int i) const { return shared(frames, i, kSharedGru4); }

 private:
  // Quantised activations of this frame that several layers read, side by side as the gain head wants them.
  enum Shared { kSharedConv2, kSharedGru1, kSharedGru2, kSharedGru3, kSharedGru4, kSharedCount };
  friend class PercepNetWeights;  // the gain head's width

  void first_layers(const kernels::Kernels &kernels, const NetworkInput *in, int frames);
  void second_convolution(const kernels::Kernels &kernels, int frames);
  void gru_half(int half, const kernels::Kernels &kernels, int frames);
  void heads(const kernels::Kernels &kernels, int frames);

  // Of frame i of a batch of as many, a part of shared_; the last of them has the highest place.
  int8_t *shared(int frames, int i, int part) const;

  const PercepNetWeights *weights_ = nullptr;

  // Recurrent state. The quantised states repeat the float ones: they are what the next frame multiplies. Of the frames
  // of a batch the newest lies in the last place, whatever their number, so that the next batch finds it there.
  History conv1_input_, conv2_input_;
  float *hidden_state_ = nullptr;         // [4 * hidden]: gru1..gru4
  float *strength_state_ = nullptr;       // [strength]: gru5
  int8_t *shared_ = nullptr;              // [kMaxBatch][kSharedCount * hidden]
  int8_t *strength_quantized_ = nullptr;  // [kMaxBatch][strength]

  // The same once more, whole: it lies there without a gap.
  uint8_t *saved_ = nullptr;
  size_t state_bytes_ = 0;

  // Scratch of one batch.
  float *gains_ = nullptr, *strengths_ = nullptr, *speech_ = nullptr;  // [kMaxBatch] of each head
  float *layer_ = nullptr;                                             // [kMaxBatch][dense]
  int8_t *gru5_input_ = nullptr;                                       // [kMaxBatch][2 * hidden]
  GruScratch gru_;                                                     // its first sums serve every linear layer
};

}  // namespace linnet::nn
