// The product of one small matrix and many vectors of the AVX2 and the VNNI tables. A tile is some groups of 8 rows
// and some vectors; eight lanes are the eight rows of a group. Both instruction sets multiply unsigned by signed bytes.
// To give every weight the sign of its input, as gemv_s8 does, would take as long as the products; a table's Products
// make one operand unsigned in a way that adds to all rows the same, a number of the vector alone, and take it off
// before they start:
//
//     Weights(block)     four columns of 8 rows as the products need them, once for all vectors of a tile
//     Inputs(at)         four inputs likewise, once for all groups
//     add(sum, weights, inputs)
//     take_off(sum, x)   adds to the sum of four lanes what makes up for 16 inputs, nothing for zeros
//
// Included by each table's file, compiled with its flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/tiles.h"

namespace linnet::kernels {
namespace {

// Four columns of each group of a tile.
template <class Products, int groups>
struct GroupWeights {
  typename Products::Weights first;
  GroupWeights<Products, groups - 1> rest;

  __attribute__((always_inline)) GroupWeights(const int8_t *at, size_t group)
      : first(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(at))), rest(at + group, group) {}
};
template <class Products>
struct GroupWeights<Products, 0> {
  GroupWeights(const int8_t *, size_t) {}
};

// The sums of one vector.
template <class Products, int groups>
struct GroupSums {
  __m256i first;
  GroupSums<Products, groups - 1> rest;

  static constexpr int kVectors = 1;

  __attribute__((always_inline)) explicit GroupSums(int32_t start) : first(_mm256_set1_epi32(start)), rest(start) {}

  __attribute__((always_inline)) void add(const GroupWeights<Products, groups> &weights, const int8_t *x, size_t) {
    add(weights, typename Products::Inputs(x));
  }

  __attribute__((always_inline)) void add(const GroupWeights<Products, groups> &weights,
                                          const typename Products::Inputs &inputs) {
    first = Products::add(first, weights.first, inputs);
    rest.add(weights.rest, inputs);
  }

  __attribute__((always_inline)) void store(int32_t *out, size_t rows) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), first);
    rest.store(out + 8, rows);
  }
};
template <class Products>
struct GroupSums<Products, 0> {
  explicit GroupSums(int32_t) {}
  void add(const GroupWeights<Products, 0> &, const typename Products::Inputs &) {}
  void store(int32_t *, size_t) const {}
};

template <class Products, int groups, int vectors>
__attribute__((noinline)) void multiply_tile(int32_t *out, const int8_t *weights, const int8_t *x,
                                             const int32_t *starts, size_t stride, size_t rows, int cols) {
  TileSums<GroupSums<Products, groups>, vectors> sums(starts);
  const size_t group = static_cast<size_t>(cols) * 8;
  for (int col = 0; col < cols; col += 4, weights += 32) {
    sums.add(GroupWeights<Products, groups>(weights, group), x + col, stride);
  }
  sums.store(out, rows);
}

// Where the sums of a vector start.
template <class Products>
int32_t start_of(const int8_t *x, int cols) {
  __m128i sum = _mm_setzero_si128();
  int col = 0;
  for (; col + 16 <= cols; col += 16) {
    sum = Products::take_off(sum, _mm_loadu_si128(reinterpret_cast<const __m128i *>(x + col)));
  }
  for (; col < cols; col += 4) {
    int32_t four;
    memcpy(&four, x + col, sizeof four);
    sum = Products::take_off(sum, _mm_cvtsi32_si128(four));
  }
  sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_srli_epi64(sum, 32)));
}

// Strip by strip of rows, whose weights the first cache holds for all vectors.
template <class Products, int most_groups, int most_vectors>
void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  constexpr int kStarts = 64;
  int32_t starts[kStarts];
  const size_t apart = static_cast<size_t>(stride), column = static_cast<size_t>(rows);
  for (; count > 0; count -= kStarts, x += kStarts * apart, out += kStarts * column) {
    const int part = count < kStarts ? count : kStarts;
    for (int i = 0; i < part; ++i) starts[i] = start_of<Products>(x + static_cast<size_t>(i) * apart, cols);
    for_even_parts<most_groups>(rows / 8, [&](int group, auto groups) {
      const int8_t *strip = weights + static_cast<size_t>(group) * 8 * static_cast<size_t>(cols);
      for_even_parts<most_vectors>(part, [&](int vector, auto vectors) {
        const size_t first = static_cast<size_t>(vector);
        multiply_tile<Products, groups.value, vectors.value>(out + first * column + 8 * group, strip, x + first * apart,
                                                             starts + vector, apart, column, cols);
      });
    });
  }
}

}  // namespace
}  // namespace linnet::kernels
