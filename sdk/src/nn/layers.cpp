// The layers' arithmetic, in the order that python/linnet/simulate.py repeats. All of it goes through the kernel
// table, whose entries have the same bits on every instruction set; what remains here is their sequence. GRU: Cho et
// al., "Learning phrase representations using RNN encoder-decoder", 2014.
#include "nn/layers.h"

#include <cstring>

namespace linnet_core::nn {

void FloatLinear::run(const kernels::Kernels &kernels, const float *x, float *out) const {
  for (int row = 0; row < rows; ++row) out[row] = kernels.dot(weights + row * cols, x, cols);
  kernels.add(out, out, bias, rows);
}

void Linear::run(const kernels::Kernels &kernels, const int8_t *x, int32_t *accumulators, float *out) const {
  kernels.gemv_s8(accumulators, weights, x, padded_rows(rows), cols);
  kernels.dequantize(out, accumulators, scale, bias, rows);
}

void History::push(const kernels::Kernels &kernels, const float *x) {
  size_t kept = size_t(frames - 1) * size_t(width);
  memmove(values, values + width, kept);
  kernels.quantize(values + kept, x, width);
}

void gru_step(const kernels::Kernels &kernels, const Linear &input, const Linear &recurrent, const int8_t *x,
              float *state, int8_t *quantized, const GruScratch &scratch) {
  int width = recurrent.cols;
  float *gates = scratch.input_gates;
  input.run(kernels, x, scratch.accumulators, gates);
  recurrent.run(kernels, quantized, scratch.accumulators, scratch.recurrent_gates);

  kernels.add(gates, gates, scratch.recurrent_gates, 2 * width);
  kernels.sigmoid(gates, gates, 2 * width);
  const float *reset = gates, *update = gates + width;
  float *candidate = gates + 2 * width;
  kernels.mul_add(candidate, candidate, reset, scratch.recurrent_gates + 2 * width, width);
  kernels.tanh(candidate, candidate, width);
  kernels.gru_blend(state, update, candidate, width);
  kernels.quantize(quantized, state, width);
}

}  // namespace linnet_core::nn
