// What scalar.cpp itself is held against: each entry written once more from the words of kernels.h, in wider
// arithmetic. Every float operation is done in double and rounded to float, which is the correctly rounded result of a
// sum, difference, product or quotient of floats (double has more than twice the digits and two; Figueroa 1995), so a
// fused or reordered operation in the reference shows. Also the accuracy of tanh and sigmoid against libm, and the
// rules of available() and find().
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "entries.h"
#include "kernels/activations.h"
#include "kernels/kernels.h"

namespace checkkernels {
namespace definition {

inline float plus(float a, float b) { return static_cast<float>(static_cast<double>(a) + static_cast<double>(b)); }
inline float minus(float a, float b) { return static_cast<float>(static_cast<double>(a) - static_cast<double>(b)); }
inline float times(float a, float b) { return static_cast<float>(static_cast<double>(a) * static_cast<double>(b)); }
inline float over(float a, float b) { return static_cast<float>(static_cast<double>(a) / static_cast<double>(b)); }

inline void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  for (int row = 0; row < rows; ++row) {
    int64_t sum = 0;
    for (int col = 0; col < cols; ++col) {
      int64_t index = (static_cast<int64_t>(row / 8) * (cols / 4) + col / 4) * 32 + row % 8 * 4 + col % 4;
      sum += int64_t{weights[index]} * x[col];
    }
    out[row] = static_cast<int32_t>(sum);
  }
}

inline void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  gemv_s8(out, weights, x0, rows, cols);
  gemv_s8(out + rows, weights, x1, rows, cols);
}

inline void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  for (int i = 0; i < count; ++i) gemv_s8(out + i * rows, weights, x + i * stride, rows, cols);
}

// As dense rows of which the stored blocks are a part.
inline void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                           const int8_t *x, int rows) {
  int64_t before = 0;  // blocks of the groups before
  for (int group = 0; group < rows / 8; before += counts[group++]) {
    for (int row = 0; row < 8; ++row) {
      int64_t sum = 0;
      for (int64_t block = before; block < before + counts[group]; ++block) {
        for (int i = 0; i < 4; ++i) sum += int64_t{blocks[32 * block + 4 * row + i]} * x[4 * columns[block] + i];
      }
      out[8 * group + row] = static_cast<int32_t>(sum);
    }
  }
}

inline void quantize(int8_t *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = static_cast<int8_t>(nearbyint(static_cast<double>(times(127.0f, x[i]))));
}

inline void dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  for (int i = 0; i < n; ++i) out[i] = plus(times(static_cast<float>(static_cast<double>(acc[i])), scale[i]), bias[i]);
}

inline float tanh_of(float x) {
  using namespace linnet::kernels;
  x = fminf(fmaxf(x, -kTanh.limit), kTanh.limit);
  float u = times(x, x), numerator = kTanh.n3, denominator = kTanh.d3;
  for (float c : {kTanh.n2, kTanh.n1, 1.0f}) numerator = plus(times(numerator, u), c);
  for (float c : {kTanh.d2, kTanh.d1, 1.0f}) denominator = plus(times(denominator, u), c);
  return fminf(fmaxf(over(times(x, numerator), denominator), -1.0f), 1.0f);
}

inline float sigmoid_of(float x) { return plus(0.5f, times(0.5f, tanh_of(times(0.5f, x)))); }

inline void tanh(float *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = tanh_of(x[i]);
}

inline void sigmoid(float *out, const float *x, int n) {
  for (int i = 0; i < n; ++i) out[i] = sigmoid_of(x[i]);
}

inline void add(float *out, const float *a, const float *b, int n) {
  for (int i = 0; i < n; ++i) out[i] = plus(a[i], b[i]);
}

inline void mul(float *out, const float *a, const float *b, int n) {
  for (int i = 0; i < n; ++i) out[i] = times(a[i], b[i]);
}

inline void blend(float *out, const float *a, const float *b, const float *mix, int n) {
  for (int i = 0; i < n; ++i) out[i] = plus(a[i], times(mix[i], minus(b[i], a[i])));
}

inline float value(const linnet::kernels::Products &of, int k) {
  return plus(times(static_cast<float>(static_cast<double>(of.sums[k])), of.scale[k]), of.bias[k]);
}

inline void activate(int8_t *out, int stride, const linnet::kernels::Products &x, int n, int count, int biases) {
  for (int vector = 0; vector < count; ++vector) {
    const linnet::kernels::Products own = {x.sums + vector * n, x.scale, x.bias + vector % biases * n};
    for (int i = 0; i < n; ++i) {
      out[vector * stride + i] =
          static_cast<int8_t>(nearbyint(static_cast<double>(times(127.0f, tanh_of(value(own, i))))));
    }
  }
}

inline void gru_update(float *h, int8_t *quantized, int stride, const linnet::kernels::Products &inputs,
                       const linnet::kernels::Products &recurrents, int n, int count) {
  for (int gru = 0; gru < count; ++gru) {
    const linnet::kernels::Products input = {inputs.sums + 3 * n * gru, inputs.scale, inputs.bias};
    const linnet::kernels::Products recurrent = {recurrents.sums + 3 * n * gru, recurrents.scale, recurrents.bias};
    float *state = h + n * gru;
    for (int i = 0; i < n; ++i) {
      const int reset_row = i, update_row = i + n, row = i + 2 * n;
      const float reset = sigmoid_of(plus(value(input, reset_row), value(recurrent, reset_row)));
      const float update = sigmoid_of(plus(value(input, update_row), value(recurrent, update_row)));
      const float candidate = tanh_of(plus(value(input, row), times(reset, value(recurrent, row))));
      state[i] = plus(candidate, times(update, minus(state[i], candidate)));
      if (fabsf(state[i]) < power_of_two(-40)) state[i] = 0.0f;
    }
    quantize(quantized + stride * gru, state, n);
  }
}

inline float dot(const float *a, const float *b, int n) {
  float s[8];
  for (int lane = 0; lane < 8; ++lane) {
    s[lane] = 0.0f;
    for (int i = lane; i < n; i += 8) s[lane] = plus(s[lane], times(a[i], b[i]));
  }
  float even = plus(plus(s[0], s[4]), plus(s[2], s[6])), odd = plus(plus(s[1], s[5]), plus(s[3], s[7]));
  return plus(even, odd);
}

inline void correlate(float *out, const float *a, const float *b, int n, int lags) {
  for (int lag = 0; lag < lags; ++lag) out[lag] = dot(a, b + lag, n);
}

}  // namespace definition

const Kernels kDefinition = {"definition",
                             definition::gemv_s8,
                             definition::gemv2_s8,
                             definition::gemm_s8,
                             definition::sparse_gemv_s8,
                             definition::quantize,
                             definition::dequantize,
                             definition::activate,
                             definition::sigmoid,
                             definition::tanh,
                             definition::add,
                             definition::mul,
                             definition::gru_update,
                             definition::blend,
                             definition::dot,
                             definition::correlate};

// The errors stated in activations.h, on a grid of the range that the network uses and beyond the clamp.
inline bool activations_accurate() {
  const Kernels &k = linnet::kernels::scalar_kernels;
  for (int i = -200000; i <= 200000; ++i) {
    float x = static_cast<float>(i) * 1e-4f, tanh_x, sigmoid_x, tanh_minus_x, minus_x = -x;
    k.tanh(&tanh_x, &x, 1);
    k.tanh(&tanh_minus_x, &minus_x, 1);
    k.sigmoid(&sigmoid_x, &x, 1);
    double wide = static_cast<double>(x);
    bool ok = fabs(static_cast<double>(tanh_x) - std::tanh(wide)) <= 1.6e-6 && tanh_minus_x == -tanh_x &&
              fabs(static_cast<double>(sigmoid_x) - 1.0 / (1.0 + std::exp(-wide))) <= 8e-7 && sigmoid_x >= 0.0f &&
              sigmoid_x <= 1.0f && tanh_x == definition::tanh_of(x) && sigmoid_x == definition::sigmoid_of(x);
    if (!ok) {
      printf("  at %.9g tanh is %.9g, sigmoid %.9g\n", wide, static_cast<double>(tanh_x),
             static_cast<double>(sigmoid_x));
      return false;
    }
  }
  return true;
}

// available() is never empty and ends with scalar; find() gives each of them by name, the first for nullptr, and
// nothing for other names.
inline bool selection_holds() {
  using namespace linnet::kernels;
  auto tables = available();
  if (tables.size == 0 || tables[tables.size - 1] != &scalar_kernels || find(nullptr) != tables[0]) return false;
  for (const Kernels *table : tables) {
    if (find(table->name) != table) return false;
  }
  return find("") == nullptr && find("scala") == nullptr && find("scalar ") == nullptr;
}

}  // namespace checkkernels
