// The reference kernels: plain C++, one statement per definition in kernels.h, on every target. Every other table is
// held against this one bit for bit, so what stands here, order of sums included, is the meaning of each entry.
#include "base/bits.h"
#include "kernels/activations.h"
#include "kernels/contract.h"
#include "kernels/kernels.h"

namespace linnet::kernels {
namespace {

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  for (int row = 0; row < rows; row += 8) {
    int32_t sum[8] = {};
    for (int col = 0; col < cols; col += 4, weights += 32) {
      for (int j = 0; j < 8; ++j) {
        for (int i = 0; i < 4; ++i) sum[j] += weights[4 * j + i] * x[col + i];
      }
    }
    for (int j = 0; j < 8; ++j) out[row + j] = sum[j];
  }
}

void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  gemv_s8(out, weights, x0, rows, cols);
  gemv_s8(out + rows, weights, x1, rows, cols);
}

void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  for (int i = 0; i < count; ++i) gemv_s8(out + i * rows, weights, x + i * stride, rows, cols);
}

void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                    const int8_t *x, int rows) {
  for (int row = 0; row < rows; row += 8) {
    int32_t sum[8] = {};
    for (int left = *counts++; left > 0; --left, blocks += 32) {
      const int8_t *inputs = x + 4 * *columns++;
      for (int j = 0; j < 8; ++j) {
        for (int i = 0; i < 4; ++i) sum[j] += blocks[4 * j + i] * inputs[i];
      }
    }
    for (int j = 0; j < 8; ++j) out[row + j] = sum[j];
  }
}

int8_t quantized(float x) {
  return static_cast<int8_t>(base::float_bits(x * kActivationScale + kRoundToInteger) & 0xff);
}

void quantize(int8_t *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = quantized(x[i]);
}

void dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(acc[i]) * scale[i] + bias[i];
}

void sigmoid(float *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = rational_sigmoid(x[i]);
}

void tanh(float *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = rational_tanh(x[i]);
}

void add(float *out, const float *a, const float *b, int n) {
  for (int i = 0; i < n; ++i) out[i] = a[i] + b[i];
}

void mul(float *out, const float *a, const float *b, int n) {
  for (int i = 0; i < n; ++i) out[i] = a[i] * b[i];
}

float value(const Products &of, int k) { return static_cast<float>(of.sums[k]) * of.scale[k] + of.bias[k]; }

void activate(int8_t *out, int stride, const Products &vectors, int n, int count, int biases) {
  for (int vector = 0; vector < count; ++vector, out += stride) {
    const Products x = vectors.behind(vector * n, vector % biases * n);
    for (int i = 0; i < n; ++i) out[i] = quantized(rational_tanh(value(x, i)));
  }
}

void gru_update(float *h, int8_t *quantized_h, int stride, const Products &inputs, const Products &recurrents, int n,
                int count) {
  for (int gru = 0; gru < count; ++gru, h += n, quantized_h += stride) {
    const Products input = inputs.behind(gru * 3 * n), recurrent = recurrents.behind(gru * 3 * n);
    for (int i = 0; i < n; ++i) {
      const float reset = rational_sigmoid(value(input, i) + value(recurrent, i));
      const float update = rational_sigmoid(value(input, n + i) + value(recurrent, n + i));
      const float candidate = rational_tanh(value(input, 2 * n + i) + reset * value(recurrent, 2 * n + i));
      h[i] = base::snap_tiny(candidate + update * (h[i] - candidate));
      quantized_h[i] = quantized(h[i]);
    }
  }
}

void blend(float *out, const float *a, const float *b, const float *mix, int n) {
  for (int i = 0; i < n; ++i) out[i] = a[i] + mix[i] * (b[i] - a[i]);
}

float dot(const float *a, const float *b, int n) {
  float s[8] = {};
  for (int i = 0; i < n; ++i) s[i % 8] += a[i] * b[i];
  float t[4];
  for (int j = 0; j < 4; ++j) t[j] = s[j] + s[j + 4];
  return (t[0] + t[2]) + (t[1] + t[3]);
}

void correlate(float *out, const float *a, const float *b, int n, int lags) {
  for (int k = 0; k < lags; ++k) out[k] = dot(a, b + k, n);
}

}  // namespace

const Kernels scalar_kernels = make_table<gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
                                          sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("scalar");

}  // namespace linnet::kernels
