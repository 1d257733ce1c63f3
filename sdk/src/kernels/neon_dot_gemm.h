// The product of one small matrix and many vectors for the tables with SDOT and with SMMLA; compiled with each one's
// flags. Each table brings its Sums: of Sums::kVectors vectors, with add for Sums::Weights, made of a panel once for
// all vectors of a tile, for Sums::HalfWeights, of eight columns, and for a block of four.
#pragma once

#include "kernels/neon_dot_gemv.h"
#include "kernels/tiles.h"

namespace linnet::kernels {
namespace {

// 8 rows x 4 columns and two of them, for columns that fill no panel.
struct Block {
  int8x16_t low, high;

  __attribute__((always_inline)) explicit Block(const int8_t *at) : low(vld1q_s8(at)), high(vld1q_s8(at + 16)) {}
};

struct HalfPanel {
  Block near, far;

  __attribute__((always_inline)) explicit HalfPanel(const int8_t *at) : near(at), far(at + 32) {}
};

// A strip of rows times the vectors of a tile, 8 rows at a time.
template <class Sums, int n>
__attribute__((noinline)) void multiply_strip(int32_t *out, const int8_t *weights, const int8_t *x, size_t stride,
                                              size_t rows, int cols, int strip) {
  for (; strip > 0; strip -= 8, out += 8) {
    TileSums<Sums, n> sums;
    int col = 0;
    for (; col + 16 <= cols; col += 16, weights += 128) {
      Panel panel(weights);
      panel.wait();
      typename Sums::Weights prepared(panel);
      sums.add(prepared, x + col, stride);
    }
    if (col + 8 <= cols) {
      typename Sums::HalfWeights prepared{HalfPanel(weights)};
      sums.add(prepared, x + col, stride);
      col += 8;
      weights += 64;
    }
    if (col < cols) {
      sums.add(Block(weights), x + col, stride);
      weights += 32;
    }
    sums.store(out, rows);
  }
}

// The product with n times as many vectors as Sums has, in tiles of no more than `most`.
template <class Sums, int most>
void multiply_all(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int n) {
  const size_t step = static_cast<size_t>(stride), column = static_cast<size_t>(rows);
  for_strips(rows, cols, [&](int row, int strip) {
    for_even_parts<most>(n, [&](int begin, auto size) {
      const size_t vector = static_cast<size_t>(begin) * Sums::kVectors;
      multiply_strip<Sums, size.value>(out + vector * column + row, weights + static_cast<size_t>(row) * cols,
                                       x + vector * step, step, column, cols, strip);
    });
  });
}

}  // namespace
}  // namespace linnet::kernels
