// The product of one small matrix and many vectors by SDOT. Shared by the tables for CPUs with dot products and with
// 8-bit matrix products; compiled with each one's flags.
#pragma once

#include "kernels/neon_dot_gemv.h"
#include "kernels/tiles.h"

namespace linnet::kernels {
namespace {

// 8 rows x 4 columns, for those that fill no panel.
struct Block {
  int8x16_t low, high;

  __attribute__((always_inline)) explicit Block(const int8_t *at) : low(vld1q_s8(at)), high(vld1q_s8(at + 16)) {}
};

// 8 rows times the vectors of a tile.
template <class Sums, int n>
void multiply_tile(int32_t *out, const int8_t *weights, const int8_t *x, size_t stride, size_t rows, int cols) {
  TileSums<Sums, n> sums;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128) {
    Panel panel(weights);
    panel.wait();
    sums.add(typename Sums::Weights(panel), x + col, stride);
  }
  for (; col < cols; col += 4, weights += 32) sums.add(Block(weights), x + col, stride);
  sums.store(out, rows);
}

// Group by group of rows, whose weights the first cache holds, times n times as many vectors as Sums has.
template <class Sums, int most>
void multiply_groups(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int n) {
  const size_t step = static_cast<size_t>(stride), column = static_cast<size_t>(rows);
  for (int row = 0; row < rows; row += 8, weights += 8 * static_cast<size_t>(cols)) {
    for_even_parts<most>(n, [&](int begin, auto size) {
      const size_t vector = static_cast<size_t>(begin) * Sums::kVectors;
      multiply_tile<Sums, size.value>(out + vector * column + row, weights, x + vector * step, step, column, cols);
    });
  }
}

}  // namespace
}  // namespace linnet::kernels
