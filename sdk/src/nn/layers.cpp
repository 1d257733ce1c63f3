// The layers' arithmetic, in the order that python/linnet/model/simulate.py repeats. All of it goes through the kernel
// table, whose entries have the same bits on every instruction set; what remains here is their sequence. GRU: Cho et
// al., "Learning phrase representations using RNN encoder-decoder", 2014.
#include "nn/layers.h"

#include <cstring>

namespace linnet::nn {

void FloatLinear::run(const kernels::Kernels &kernels, Frames<const float> x, int count, float *out) const {
  for (int frame = 0; frame < count; ++frame, out += rows) {
    for (int row = 0; row < rows; ++row) out[row] = kernels.dot(weights + row * cols, x[frame], cols);
    kernels.add(out, out, bias, rows);
  }
}

void Linear::run(const kernels::Kernels &kernels, Frames<const int8_t> x, int count, int32_t *accumulators,
                 float *out) const {
  int stored_rows = padded_rows(rows);
  if (counts) {
    for (int frame = 0; frame < count; ++frame) {
      kernels.sparse_gemv_s8(accumulators + frame * stored_rows, counts, columns, weights, x[frame], stored_rows);
    }
  } else if (count == kMaxBatch) {
    kernels.gemv2_s8(accumulators, weights, x[0], x[1], stored_rows, cols);
  } else {
    kernels.gemv_s8(accumulators, weights, x[0], stored_rows, cols);
  }
  for (int frame = 0; frame < count; ++frame) {
    kernels.dequantize(out + frame * rows, accumulators + frame * stored_rows, scale, bias, rows);
  }
}

void History::push(const kernels::Kernels &kernels, const float *x, int count) {
  kernels.quantize(values + (frames - 1) * width, x, count * width);
}

void History::drop(int count) { memmove(values, values + count * width, size_t(frames - 1) * size_t(width)); }

void gru_inputs(const kernels::Kernels &kernels, const Linear &input, Frames<const int8_t> x, int count,
                const GruScratch &scratch) {
  input.run(kernels, x, count, scratch.accumulators, scratch.input_gates);
}

void gru_steps(const kernels::Kernels &kernels, const Linear &recurrent, int count, float *state,
               const int8_t *previous, Frames<int8_t> quantized, const GruScratch &scratch) {
  int width = recurrent.cols;
  for (int frame = 0; frame < count; ++frame) {
    float *gates = scratch.input_gates + frame * 3 * width;
    recurrent.run(kernels, {previous, 0}, 1, scratch.accumulators, scratch.recurrent_gates);

    kernels.add(gates, gates, scratch.recurrent_gates, 2 * width);
    kernels.sigmoid(gates, gates, 2 * width);
    const float *reset = gates, *update = gates + width;
    float *candidate = gates + 2 * width;
    kernels.mul_add(candidate, candidate, reset, scratch.recurrent_gates + 2 * width, width);
    kernels.tanh(candidate, candidate, width);
    kernels.gru_blend(state, update, candidate, width);
    kernels.quantize(quantized[frame], state, width);
    previous = quantized[frame];
  }
}

}  // namespace linnet::nn
