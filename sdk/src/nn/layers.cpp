// The layers' arithmetic, in the order that python/linnet/model/simulate.py repeats. All of it goes through the kernel
// table, whose entries have the same bits on every instruction set; what remains here is their sequence. GRU: Cho et
// al., "Learning phrase representations using RNN encoder-decoder", 2014.
#include "nn/layers.h"

#include <cstring>

namespace linnet::nn {

void FloatLinear::run(const kernels::Kernels &kernels, const float *x, float *out) const {
  for (int row = 0; row < rows; ++row) out[row] = kernels.dot(weights + row * cols, x, cols);
  kernels.add(out, out, bias, rows);
}

void Linear::multiply(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *sums) const {
  const int stored_rows = padded_rows(rows), stored_cols = padded_cols(cols);
  if (counts) {
    for (int i = 0; i < count; ++i) {
      kernels.sparse_gemv_s8(sums + i * stored_rows, counts, columns, weights, x[i], stored_rows);
    }
  } else if (count == 1) {
    kernels.gemv_s8(sums, weights, x[0], stored_rows, stored_cols);
  } else if (count == 2) {
    kernels.gemv2_s8(sums, weights, x[0], x[1], stored_rows, stored_cols);
  } else {
    kernels.gemm_s8(sums, weights, x.first, x.stride, stored_rows, stored_cols, count);
  }
}

void Linear::activate(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *sums,
                      Frames<int8_t> out) const {
  multiply(kernels, x, count, sums);
  kernels.activate(out.first, out.stride, {sums, scale, bias}, rows, count, biases);
}

void Linear::run(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *accumulators,
                 float *out) const {
  const int stored_rows = padded_rows(rows);
  multiply(kernels, x, count, accumulators);
  for (int i = 0; i < count; ++i) {
    kernels.dequantize(out + i * rows, accumulators + i * stored_rows, scale, bias + i % biases * rows, rows);
  }
}

void History::drop(int count) { memmove(values, values + count * width, size_t(frames - 1) * size_t(width)); }

void gru_inputs(const kernels::Kernels &kernels, const Linear &input, Frames<const int8_t> x, int count,
                const GruScratch &scratch) {
  input.multiply(kernels, x, count, scratch.input_sums);
}

void gru_steps(const kernels::Kernels &kernels, const Linear &input, const Linear &recurrent, int count, float *state,
               const int8_t *previous, Frames<int8_t> quantized, const GruScratch &scratch, int units,
               int unit_stride) {
  const int width = recurrent.cols, gates = 3 * width;
  for (int frame = 0; frame < count; ++frame) {
    recurrent.multiply(kernels, {previous, unit_stride}, units, scratch.recurrent_sums);
    const int32_t *from_input = scratch.input_sums + frame * units * gates;
    kernels.gru_update(state, quantized[frame], unit_stride, {from_input, input.scale, input.bias},
                       {scratch.recurrent_sums, recurrent.scale, recurrent.bias}, width, units);
    previous = quantized[frame];
  }
}

}  // namespace linnet::nn
