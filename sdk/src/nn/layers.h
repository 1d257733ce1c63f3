// The layers of the network: float dense for the first layer, int8 linear, causal convolution history, and the GRU in
// PyTorch's form (Cho et al. 2014, with the reset gate applied to the recurrent product). They own nothing: weights
// point into the blob, states and scratch into the stream's memory. Activations between layers are int8, 127 times a
// value of [-1, 1]; each is quantised once and shared by all its readers. A layer takes one frame or two consecutive
// ones at a time, or all tokens of either; they share the reading of its weights, and no bit depends on how many.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace linnet::nn {

// Rows and columns of an int8 matrix as stored; as many sums are written, and inputs read.
constexpr int padded_rows(int rows) { return (rows + 7) / 8 * 8; }
constexpr int padded_cols(int cols) { return (cols + 3) / 4 * 4; }

constexpr int larger(int a, int b) { return a > b ? a : b; }

constexpr int kMaxBatch = 2;  // frames that a layer takes at a time

// Consecutive frames, or other vectors, each `stride` elements behind the one before.
template <class T>
struct Frames {
  T *first = nullptr;
  int stride = 0;

  T *operator[](int frame) const { return first + frame * stride; }
};

// y = weights x + bias in float, for inputs of no fixed range.
struct FloatLinear {
  const float *weights = nullptr;  // [rows][cols]
  const float *bias = nullptr;     // [rows]
  int rows = 0, cols = 0;

  void run(const kernels::Kernels &kernels, const float *x, float *out) const;
};

// y = scale * (weights x) + bias with an exact int32 product. Inputs up to padded_cols(cols) are read, and of no
// effect.
struct Linear {
  const int8_t *weights = nullptr;    // blocks of 8 x 4, rows padded with zeros
  const uint16_t *counts = nullptr;   // stored blocks per 8 rows, nullptr if all blocks are stored
  const uint16_t *columns = nullptr;  // of the stored blocks
  const float *scale = nullptr;       // [rows]
  const float *bias = nullptr;        // [biases][rows]: of vector i the one in place i % biases
  int rows = 0, cols = 0, biases = 1;

  // The product alone. sums: [count][padded_rows(rows)].
  void multiply(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *sums) const;

  // What the next layer reads, tanh of y in int8. rows are a multiple of 8. sums: scratch of count * rows.
  void activate(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *sums,
                Frames<int8_t> out) const;

  // accumulators: scratch of count * padded_rows(rows). out: [count][rows].
  void run(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *accumulators, float *out) const;
};

// The newest frames of a convolution's input, oldest first, so that a causal conv1d is one Linear over `frames` of
// them.
struct History {
  int8_t *values = nullptr;  // [(frames - 1 + kMaxBatch) * width]: what is kept between calls, then the new frames
  int frames = 0, width = 0;

  // Where the next frames go, behind the frames - 1 that are kept.
  Frames<int8_t> next() const { return {values + (frames - 1) * width, width}; }

  // The convolution's inputs for the frames that were written there.
  Frames<const int8_t> windows() const { return {values, width}; }

  // Drops the oldest count frames.
  void drop(int count);
};

// Scratch of the GRUs, shared by all of a network; as large as the largest needs.
struct GruScratch {
  int32_t *input_sums = nullptr;      // [kMaxBatch][units][3 * width]
  int32_t *recurrent_sums = nullptr;  // [units][3 * width]
};

// A GRU in two halves, so that its matrices can be read at different times. Of count steps, each: reset = sigmoid(i_r +
// h_r), update = sigmoid(i_z + h_z), candidate = tanh(i_n + reset * h_n), state = update * state + (1 - update) *
// candidate, where i = input x and h = recurrent state, biases included. Rows of both matrices are reset, update,
// candidate; the width is a multiple of 8. The first half leaves the products of all steps in scratch.input_sums, where
// the second finds them.
void gru_inputs(const kernels::Kernels &kernels, const Linear &input, Frames<const int8_t> x, int count,
                const GruScratch &scratch);

// previous is the quantised state before the first step; quantized receives the states after each, for the layers above
// and for the next recurrent product. quantized[0] may be previous. With several units, each a GRU of its own with the
// same weights: state [units][width]; the quantised states of a frame lie unit_stride behind each other.
void gru_steps(const kernels::Kernels &kernels, const Linear &input, const Linear &recurrent, int count, float *state,
               const int8_t *previous, Frames<int8_t> quantized, const GruScratch &scratch, int units = 1,
               int unit_stride = 0);

}  // namespace linnet::nn
