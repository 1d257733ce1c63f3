// The layers of the network: float dense for the first layer, int8 linear, causal convolution history, and the GRU in
// PyTorch's form (Cho et al. 2014, with the reset gate applied to the recurrent product). They own nothing: weights
// point into the blob, states and scratch into the stream's memory. Activations between layers are int8, 127 times a
// value of [-1, 1]; each is quantised once and shared by all its readers.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace linnet_core::nn {

// Rows of an int8 matrix as stored and as written by gemv_s8.
constexpr int padded_rows(int rows) { return (rows + 7) / 8 * 8; }

// y = weights x + bias in float, for inputs of no fixed range.
struct FloatLinear {
  const float *weights = nullptr;  // [rows][cols]
  const float *bias = nullptr;     // [rows]
  int rows = 0, cols = 0;

  void run(const kernels::Kernels &kernels, const float *x, float *out) const;
};

// y = scale * (weights x) + bias with an exact int32 product. cols is a multiple of 4: the network's widths are.
struct Linear {
  const int8_t *weights = nullptr;  // blocks of 8 x 4, rows padded with zeros
  const float *scale = nullptr;     // [rows]
  const float *bias = nullptr;      // [rows]
  int rows = 0, cols = 0;

  // accumulators: scratch of padded_rows(rows).
  void run(const kernels::Kernels &kernels, const int8_t *x, int32_t *accumulators, float *out) const;
};

// The newest frames of a convolution's input, oldest first, so that a causal conv1d is one Linear over all of them.
struct History {
  int8_t *values = nullptr;  // [frames * width]
  int frames = 0, width = 0;

  // Drops the oldest frame and appends the quantised x.
  void push(const kernels::Kernels &kernels, const float *x);
};

// Scratch of one GRU step, shared by all GRUs of a network: 3 * width elements each.
struct GruScratch {
  int32_t *accumulators = nullptr;
  float *input_gates = nullptr;
  float *recurrent_gates = nullptr;
};

// One step: reset = sigmoid(i_r + h_r), update = sigmoid(i_z + h_z), candidate = tanh(i_n + reset * h_n), state =
// update * state + (1 - update) * candidate, where i = input x and h = recurrent state, biases included. Rows of both
// matrices are reset, update, candidate. On return quantized holds the new state, for the layers above and for the next
// frame's recurrent product.
void gru_step(const kernels::Kernels &kernels, const Linear &input, const Linear &recurrent, const int8_t *x,
              float *state, int8_t *quantized, const GruScratch &scratch);

}  // namespace linnet_core::nn
