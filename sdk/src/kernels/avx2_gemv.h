// The matrix products of the AVX2 and the VNNI tables, which differ in one step only: how the products of a block of
// weights are added. Eight lanes are the eight rows of a block. The unsigned operand of both instruction sets is |x|,
// and the weight takes the sign of x. Included by each table's file, compiled with its flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace linnet::kernels {
namespace {

__attribute__((always_inline)) inline __m256i broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}

// Four inputs for all eight rows of a group, and without their signs.
struct Inputs {
  __m256i x, magnitude;

  __attribute__((always_inline)) explicit Inputs(const int8_t *at)
      : x(broadcast_four(at)), magnitude(_mm256_abs_epi8(x)) {}
};

// Adds to each of eight 32-bit sums the four products of magnitude and signed_weight in its lane. The table's own.
inline __m256i add_products(__m256i sum, __m256i magnitude, __m256i signed_weight);

// Adds the products of one block, four columns of eight rows.
__attribute__((always_inline)) inline __m256i add_block(__m256i sum, const int8_t *weights, const Inputs &inputs) {
  __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(weights));
  return add_products(sum, inputs.magnitude, _mm256_sign_epi8(weight, inputs.x));
}

inline void store(int32_t *out, __m256i sum) { _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), sum); }

// The sums of four groups of 8 rows. Named one by one, because compilers may leave an array of them in memory.
struct FourGroups {
  __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;

  __attribute__((always_inline)) void add(const int8_t *weights, size_t group, const Inputs &inputs) {
    s0 = add_block(s0, weights, inputs);
    s1 = add_block(s1, weights + group, inputs);
    s2 = add_block(s2, weights + 2 * group, inputs);
    s3 = add_block(s3, weights + 3 * group, inputs);
  }

  __attribute__((always_inline)) void store_to(int32_t *out) const {
    store(out, s0);
    store(out + 8, s1);
    store(out + 16, s2);
    store(out + 24, s3);
  }
};

// Even and odd blocks have sums of their own: VPDPBUSD takes about five cycles, and two start per cycle.
void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  __m256i even = _mm256_setzero_si256(), odd = even;
  int col = 0;
  for (; col + 8 <= cols; col += 8, weights += 64) {
    even = add_block(even, weights, Inputs(x + col));
    odd = add_block(odd, weights + 32, Inputs(x + col + 4));
  }
  if (col < cols) even = add_block(even, weights, Inputs(x + col));
  store(out, _mm256_add_epi32(even, odd));
}

// Eight groups of 8 rows share the preparation of the inputs.
void multiply_eight(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  size_t group = static_cast<size_t>(cols) * 8;
  FourGroups upper, lower;
  for (int col = 0; col < cols; col += 4, weights += 32) {
    Inputs inputs(x + col);
    upper.add(weights, group, inputs);
    lower.add(weights + 4 * group, group, inputs);
  }
  upper.store_to(out);
  lower.store_to(out + 32);
}

// Four groups for two vectors; the second use of a block finds it in the first cache.
void multiply_four_twice(int32_t *out0, int32_t *out1, const int8_t *weights, const int8_t *x0, const int8_t *x1,
                         int cols) {
  size_t group = static_cast<size_t>(cols) * 8;
  FourGroups first, second;
  for (int col = 0; col < cols; col += 4, weights += 32) {
    first.add(weights, group, Inputs(x0 + col));
    second.add(weights, group, Inputs(x1 + col));
  }
  first.store_to(out0);
  second.store_to(out1);
}

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 64 <= rows; row += 64) multiply_eight(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  for (; row < rows; row += 8) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  int row = 0;
  int32_t *more = out + rows;
  for (; row + 32 <= rows; row += 32) {
    multiply_four_twice(out + row, more + row, weights + static_cast<size_t>(row) * cols, x0, x1, cols);
  }
  for (; row < rows; row += 8) {
    const int8_t *group = weights + static_cast<size_t>(row) * cols;
    multiply_one(out + row, group, x0, cols);
    multiply_one(more + row, group, x1, cols);
  }
}

void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                    const int8_t *x, int rows) {
  for (int row = 0; row < rows; row += 8) {
    __m256i even = _mm256_setzero_si256(), odd = even;
    int left = *counts++;
    for (; left >= 2; left -= 2, columns += 2, blocks += 64) {
      even = add_block(even, blocks, Inputs(x + size_t{4} * columns[0]));
      odd = add_block(odd, blocks + 32, Inputs(x + size_t{4} * columns[1]));
    }
    if (left > 0) {
      even = add_block(even, blocks, Inputs(x + size_t{4} * *columns++));
      blocks += 32;
    }
    store(out + row, _mm256_add_epi32(even, odd));
  }
}

}  // namespace
}  // namespace linnet::kernels
