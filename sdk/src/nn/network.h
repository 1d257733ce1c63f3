// The PercepNet network (Valin et al. 2020, figure 3) over int8 weights: 70 features -> dense (float weights) -> causal
// conv1d of 5 frames -> causal conv1d of 3 -> GRU1..3; gain branch GRU4 -> 34 gains; strength branch GRU5 -> 34 comb
// strengths; a speech probability beside. Widths come from the blob. Activations are tanh and sigmoid, so that every
// tensor between layers lies in [-1, 1] and is quantised with the fixed scale 127.
//
// The matrices, their shapes and their order in a model file stand in one list, kLines in network.cpp; every int8
// matrix is followed by its scale and all by a bias, of as many rows. GRU rows are reset, update, candidate, as in
// PyTorch, and the recurrent bias of the candidate stays inside the product with the reset gate.
#pragma once

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/layers.h"

namespace linnet::nn {

constexpr int kInputs = 70;
constexpr int kOutputs = 34;
constexpr int kMaxLookahead = 3;

struct NetworkOutput {
  float gains[kOutputs];      // amplitude gain per band, 0..1
  float strengths[kOutputs];  // comb strength per band, 0..1
  float speech_probability;   // 0..1
};

// The weights of a model and its shape: bound once, then only read, by any number of networks and threads.
class Weights {
 public:
  // Of a model: its first layer, its convolutions and GRUs, the GRU of its strength branch. Multiples of 8.
  struct Widths {
    uint32_t dense, hidden, strength;
  };
  static constexpr Widths kLargest = {512, 1024, 512};

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

  // What a matrix must be in a model.
  struct Shape {
    enum Form { kFloat, kInt8, kInt8OrSparse };  // of the last two, the second is chosen by each model

    const char *name;
    Form form;
    uint32_t rows, cols;
  };
  static Shape shape(int matrix, const Widths &widths);

  // What the weights of one frame amount to. Of a sparse matrix only the blocks that it stores count.
  struct Cost {
    uint64_t weights = 0;        // with biases, without scales
    uint64_t multiply_adds = 0;  // of matrices
    uint64_t bytes = 0;          // read: weights, biases, scales and columns of blocks
  };

  // Binds to the records of a parsed blob, in exactly the order above; kVersion if it is of another topology, kCorrupt
  // if a record, a width or a look-ahead is not as expected. The blob is borrowed.
  model::BlobError bind(const model::BlobView &blob);

  static const char *name() { return "percepnet"; }
  int lookahead() const { return lookahead_; }
  const Cost &cost() const { return cost_; }

  // What a step of Network::step costs, in multiply-adds of a dense matrix.
  uint64_t step_cost(int step) const;

 private:
  friend class Network;

  bool bind_records(const model::BlobView &blob);

  struct Line;                          // of the list of matrices, with its shape in terms of the widths
  static const Line kLines[kMatrices];  // that list

  int lookahead_ = 0, dense_width_ = 0, hidden_width_ = 0, strength_width_ = 0;
  Cost cost_;
  uint64_t matrix_cost_[kMatrices] = {};  // multiply-adds; those of sparse ones cost half as much again
  FloatLinear dense_;
  Linear linear_[kMatrices];  // kDense is unused: that layer is float
};

// The state of one stream on weights that it shares.
class Network {
 public:
  // Weights that are bound; they must outlive the network.
  void attach(const Weights &weights) { weights_ = &weights; }

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

  // One step for 1..kMaxBatch frames; out is whole after the last step. What lies between steps is kept in the network.
  void step(int step, const kernels::Kernels &kernels, const float *features, int frames, NetworkOutput *out);

  uint64_t step_cost(int step) const { return weights_->step_cost(step); }

  // All steps of frames consecutive frames: features [frames][kInputs], out [frames]. Two at a time go through the
  // layers together, which reads the weights of all but the recurrent matrices once for both; the bits do not depend on
  // it.
  void process(const kernels::Kernels &kernels, const float *features, int frames, NetworkOutput *out);

 private:
  // Quantised activations of this frame that several layers read, side by side as the gain head wants them.
  enum Shared { kSharedConv2, kSharedGru1, kSharedGru2, kSharedGru3, kSharedGru4, kSharedCount };
  friend class Weights;  // the gain head's width

  void first_layers(const kernels::Kernels &kernels, const float *features, int frames);
  void second_convolution(const kernels::Kernels &kernels, int frames);
  void gru_half(int half, const kernels::Kernels &kernels, int frames);
  void heads(const kernels::Kernels &kernels, int frames, NetworkOutput *out);

  // Of frame i of a batch of as many, a part of shared_; the last of them has the highest place.
  int8_t *shared(int frames, int i, int part) const;

  const Weights *weights_ = nullptr;

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
  float *layer_ = nullptr;        // [kMaxBatch][max(dense, hidden, kOutputs)]
  int8_t *gru5_input_ = nullptr;  // [kMaxBatch][2 * hidden]
  GruScratch gru_;                // its accumulators serve every linear layer
};

}  // namespace linnet::nn
