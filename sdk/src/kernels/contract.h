// What kernels.h asks of the caller of each entry, as code: in debug builds the entries of every table check their
// arguments first (base/check.h). Not checked: weights, which the loader has been through, and the length of arrays,
// which the entries cannot know. In release builds make_table gives the bare entries. Included by each table's file,
// compiled with its flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "kernels/kernels.h"

namespace linnet::kernels {
namespace {

#ifndef NDEBUG

template <class T>
inline bool aligned(const T *x) {
  return reinterpret_cast<uintptr_t>(x) % alignof(T) == 0;
}

// Whether a and b elements from x and y on share no byte.
template <class T, class U>
inline bool apart(const T *x, int a, const U *y, int b) {
  const uintptr_t x_begin = reinterpret_cast<uintptr_t>(x), y_begin = reinterpret_cast<uintptr_t>(y);
  return a == 0 || b == 0 || x_begin + static_cast<size_t>(a) * sizeof(T) <= y_begin ||
         y_begin + static_cast<size_t>(b) * sizeof(U) <= x_begin;
}

// An input of a loop over n elements that is not, or may be, the output as well.
inline bool fit(const float *x, const float *out, int n) {
  return aligned(x) && base::all_sound(x, n) && apart(x, n, out, n);
}
inline bool fit_in_place(const float *x, const float *out, int n) {
  return aligned(x) && base::all_sound(x, n) && (x == out || apart(x, n, out, n));
}

inline bool symmetric(const int8_t *x, int n) {
  for (int i = 0; i < n; ++i) {
    if (x[i] < -127) return false;
  }
  return true;
}

template <decltype(Kernels::gemv_s8) entry>
void checked_gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  LINNET_CHECK(rows >= 0 && rows % 8 == 0 && cols >= 0 && cols % 4 == 0);
  LINNET_CHECK(aligned(out) && apart(out, rows, weights, rows * cols) && apart(out, rows, x, cols));
  LINNET_CHECK(symmetric(x, cols));
  entry(out, weights, x, rows, cols);
}

template <decltype(Kernels::gemv2_s8) entry>
void checked_gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  LINNET_CHECK(rows >= 0 && rows % 8 == 0 && cols >= 0 && cols % 4 == 0);
  LINNET_CHECK(aligned(out) && apart(out, 2 * rows, weights, rows * cols));
  LINNET_CHECK(apart(out, 2 * rows, x0, cols) && apart(out, 2 * rows, x1, cols));
  LINNET_CHECK(symmetric(x0, cols) && symmetric(x1, cols));
  entry(out, weights, x0, x1, rows, cols);
}

template <decltype(Kernels::gemm_s8) entry>
void checked_gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  LINNET_CHECK(rows >= 0 && rows % 8 == 0 && cols >= 0 && cols % 4 == 0 && count >= 0 && stride >= 0);
  LINNET_CHECK(aligned(out) && apart(out, count * rows, weights, rows * cols));
  for (int i = 0; i < count; ++i) {
    LINNET_CHECK(symmetric(x + i * stride, cols) && apart(out, count * rows, x + i * stride, cols));
  }
  entry(out, weights, x, stride, rows, cols, count);
}

template <decltype(Kernels::sparse_gemv_s8) entry>
void checked_sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                            const int8_t *x, int rows) {
  LINNET_CHECK(rows >= 0 && rows % 8 == 0 && aligned(out) && aligned(counts) && aligned(columns));
  int stored = 0;
  for (int group = 0; group < rows / 8; ++group) {
    for (int i = 0; i < counts[group]; ++i, ++stored) {
      LINNET_CHECK(i == 0 || columns[stored] > columns[stored - 1]);
      const int8_t *inputs = x + size_t{4} * columns[stored];
      LINNET_CHECK(symmetric(inputs, 4) && apart(out, rows, inputs, 4));
    }
  }
  LINNET_CHECK(apart(out, rows, counts, rows / 8) && apart(out, rows, columns, stored));
  LINNET_CHECK(apart(out, rows, blocks, 32 * stored));
  entry(out, counts, columns, blocks, x, rows);
}

template <decltype(Kernels::quantize) entry>
void checked_quantize(int8_t *out, const float *x, int n) {
  constexpr float kOneAndRounding = 1.0f + 0x1p-20f;
  LINNET_CHECK(n >= 0 && aligned(x) && apart(out, n, x, n));
  LINNET_CHECK(base::all_sound(x, n) && base::all_within(x, n, -kOneAndRounding, kOneAndRounding));
  entry(out, x, n);
}

template <decltype(Kernels::dequantize) entry>
void checked_dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  LINNET_CHECK(n >= 0 && aligned(out) && aligned(acc) && apart(out, n, acc, n));
  LINNET_CHECK(fit(scale, out, n) && fit(bias, out, n));
  entry(out, acc, scale, bias, n);
}

inline bool fit(const Products &x, int n) {
  return aligned(x.sums) && aligned(x.scale) && aligned(x.bias) && base::all_sound(x.scale, n) &&
         base::all_sound(x.bias, n);
}

template <class T>
inline bool apart(const Products &x, const T *out, int count, int n) {
  return apart(x.sums, n, out, count) && apart(x.scale, n, out, count) && apart(x.bias, n, out, count);
}

template <decltype(Kernels::activate) entry>
void checked_activate(int8_t *out, int stride, const Products &x, int n, int count, int biases) {
  LINNET_CHECK(n >= 0 && n % 8 == 0 && count >= 0 && biases >= 1 && (stride >= n || count <= 1));
  for (int i = 0; i < count; ++i) {
    const Products vector = x.behind(i * n, i % biases * n);
    LINNET_CHECK(fit(vector, n) && apart(vector, out, (count - 1) * stride + n, n));
  }
  entry(out, stride, x, n, count, biases);
}

// sigmoid and tanh.
template <decltype(Kernels::tanh) entry>
void checked_activation(float *out, const float *x, int n) {
  LINNET_CHECK(n >= 0 && aligned(out) && fit_in_place(x, out, n));
  entry(out, x, n);
}

// add and mul.
template <decltype(Kernels::add) entry>
void checked_pair(float *out, const float *a, const float *b, int n) {
  LINNET_CHECK(n >= 0 && aligned(out) && fit_in_place(a, out, n) && fit_in_place(b, out, n));
  entry(out, a, b, n);
}

template <decltype(Kernels::blend) entry>
void checked_blend(float *out, const float *a, const float *b, const float *c, int n) {
  LINNET_CHECK(n >= 0 && aligned(out));
  LINNET_CHECK(fit_in_place(a, out, n) && fit_in_place(b, out, n) && fit_in_place(c, out, n));
  entry(out, a, b, c, n);
}

template <decltype(Kernels::gru_update) entry>
void checked_gru_update(float *h, int8_t *quantized, int stride, const Products &input, const Products &recurrent,
                        int n, int count) {
  LINNET_CHECK(n >= 0 && n % 8 == 0 && count >= 0 && fit_in_place(h, h, n * count));
  LINNET_CHECK(stride >= n || count <= 1);
  const int bytes = count > 0 ? (count - 1) * stride + n : 0;
  LINNET_CHECK(apart(quantized, bytes, h, n * count));
  for (int gru = 0; gru < count; ++gru) {
    const Products x = input.behind(gru * 3 * n), r = recurrent.behind(gru * 3 * n);
    LINNET_CHECK(fit(x, 3 * n) && apart(x, h, n * count, 3 * n) && apart(x, quantized, bytes, 3 * n));
    LINNET_CHECK(fit(r, 3 * n) && apart(r, h, n * count, 3 * n) && apart(r, quantized, bytes, 3 * n));
  }
  entry(h, quantized, stride, input, recurrent, n, count);
}

template <decltype(Kernels::dot) entry>
float checked_dot(const float *a, const float *b, int n) {
  LINNET_CHECK(n >= 0 && aligned(a) && aligned(b) && base::all_sound(a, n) && base::all_sound(b, n));
  return entry(a, b, n);
}

template <decltype(Kernels::correlate) entry>
void checked_correlate(float *out, const float *a, const float *b, int n, int lags) {
  LINNET_CHECK(n >= 0 && lags >= 0 && aligned(out) && aligned(a) && aligned(b));
  const int reach = n > 0 && lags > 0 ? n + lags - 1 : 0;
  LINNET_CHECK(base::all_sound(a, n) && base::all_sound(b, reach));
  LINNET_CHECK(apart(out, lags, a, n) && apart(out, lags, b, reach));
  entry(out, a, b, n, lags);
}

#endif

// A table of these entries, in the order of the struct.
template <decltype(Kernels::gemv_s8) gemv_s8, decltype(Kernels::gemv2_s8) gemv2_s8, decltype(Kernels::gemm_s8) gemm_s8,
          decltype(Kernels::sparse_gemv_s8) sparse_gemv_s8, decltype(Kernels::quantize) quantize,
          decltype(Kernels::dequantize) dequantize, decltype(Kernels::activate) activate,
          decltype(Kernels::sigmoid) sigmoid, decltype(Kernels::tanh) tanh, decltype(Kernels::add) add,
          decltype(Kernels::mul) mul, decltype(Kernels::gru_update) gru_update, decltype(Kernels::blend) blend,
          decltype(Kernels::dot) dot, decltype(Kernels::correlate) correlate>
constexpr Kernels make_table(const char *name) {
#ifdef NDEBUG
  return {name,    gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
          sigmoid, tanh,    add,      mul,     gru_update,     blend,    dot,        correlate};
#else
  return {name,
          checked_gemv_s8<gemv_s8>,
          checked_gemv2_s8<gemv2_s8>,
          checked_gemm_s8<gemm_s8>,
          checked_sparse_gemv_s8<sparse_gemv_s8>,
          checked_quantize<quantize>,
          checked_dequantize<dequantize>,
          checked_activate<activate>,
          checked_activation<sigmoid>,
          checked_activation<tanh>,
          checked_pair<add>,
          checked_pair<mul>,
          checked_gru_update<gru_update>,
          checked_blend<blend>,
          checked_dot<dot>,
          checked_correlate<correlate>};
#endif
}

}  // namespace
}  // namespace linnet::kernels
