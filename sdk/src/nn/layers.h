// The layers of the network: float dense for the first layer, int8 linear, causal convolution history, and the GRU in
// PyTorch's form (Cho et al. 2014, with the reset gate applied to the recurrent product). They own nothing: weights
// point into the blob, states and scratch into the stream's memory. Activations between layers are int8, 127 times a
// value of [-1, 1]; each is quantised once and shared by all its readers. A layer takes one frame or two consecutive
// ones at a time; two share the reading of its weights, and no bit depends on which.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace linnet::nn {

// Rows of an int8 matrix as stored and as written by gemv_s8.
constexpr int padded_rows(int rows) { return (rows + 7) / 8 * 8; }

constexpr int kMaxBatch = 2;  // frames that a layer takes at a time

// Consecutive frames, each `stride` elements behind the one before.
template <class T>
struct Frames {
  T *first = nullptr;
  int stride = 0;

  T *operator[](int frame) const { return first + frame * stride; }
};

// y = weights x + bias in float, for inputs of no fixed range. out: [count][rows].
struct FloatLinear {
  const float *weights = nullptr;  // [rows][cols]
  const float *bias = nullptr;     // [rows]
  int rows = 0, cols = 0;

  void run(const kernels::Kernels &kernels, Frames<const float> x, int count, float *out) const;
};

// y = scale * (weights x) + bias with an exact int32 product. cols is a multiple of 4: the network's widths are.
struct Linear {
  const int8_t *weights = nullptr;    // blocks of 8 x 4, rows padded with zeros
  const uint16_t *counts = nullptr;   // stored blocks per 8 rows, nullptr if all blocks are stored
  const uint16_t *columns = nullptr;  // of the stored blocks
  const float *scale = nullptr;       // [rows]
  const float *bias = nullptr;        // [rows]
  int rows = 0, cols = 0;

  // accumulators: scratch of count * padded_rows(rows). out: [count][rows].
  void run(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *accumulators, float *out) const;
};

// The newest frames of a convolution's input, oldest first, so that a causal conv1d is one Linear over `frames` of
// them.
struct History {
  int8_t *values = nullptr;  // [(frames - 1 + kMaxBatch) * width]: what is kept between calls, then the new frames
  int frames = 0, width = 0;

  // Appends the quantised x, [count][width], behind the frames - 1 that are kept.
  void push(const kernels::Kernels &kernels, const float *x, int count);

  // The convolution's inputs for the frames that were pushed.
  Frames<const int8_t> windows() const { return {values, width}; }

  // Drops the oldest count frames.
  void drop(int count);
};

// Scratch of the GRUs, shared by all of a network.
struct GruScratch {
  int32_t *accumulators = nullptr;   // [kMaxBatch][3 * width]
  float *input_gates = nullptr;      // the same
  float *recurrent_gates = nullptr;  // [3 * width]
};

// A GRU in two halves, so that its matrices can be read at different times. Of count steps, each: reset = sigmoid(i_r +
// h_r), update = sigmoid(i_z + h_z), candidate = tanh(i_n + reset * h_n), state = update * state + (1 - update) *
// candidate, where i = input x and h = recurrent state, biases included. Rows of both matrices are reset, update,
// candidate. The first half leaves i of all steps in scratch.input_gates, where the second finds it.
void gru_inputs(const kernels::Kernels &kernels, const Linear &input, Frames<const int8_t> x, int count,
                const GruScratch &scratch);

// previous is the quantised state before the first step; quantized receives the states after each, for the layers above
// and for the next recurrent product. quantized[0] may be previous.
void gru_steps(const kernels::Kernels &kernels, const Linear &recurrent, int count, float *state,
               const int8_t *previous, Frames<int8_t> quantized, const GruScratch &scratch);

}  // namespace linnet::nn
