// The matrix products by SDOT, which adds four products of signed bytes to each of four 32-bit sums and takes the
// inputs of its four rows from one lane of another register, so that 16 inputs are loaded once and never broadcast.
// Shared by the tables for CPUs with dot products and with 8-bit matrix products; compiled with each one's flags.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace linnet::kernels {
namespace {

// 8 rows x 16 columns. In-order cores (Cortex-A55, A510) wait at the first use of a value whose load has not finished;
// the empty statement needs all eight vectors in registers at once, so the compiler cannot put a load right before its
// use or reuse one register for all.
struct Panel {
  int8x16_t w0, w1, w2, w3, w4, w5, w6, w7;  // even: rows 0..3, odd: rows 4..7; two per group of four columns

  __attribute__((always_inline)) explicit Panel(const int8_t *at)
      : w0(vld1q_s8(at)),
        w1(vld1q_s8(at + 16)),
        w2(vld1q_s8(at + 32)),
        w3(vld1q_s8(at + 48)),
        w4(vld1q_s8(at + 64)),
        w5(vld1q_s8(at + 80)),
        w6(vld1q_s8(at + 96)),
        w7(vld1q_s8(at + 112)) {}

  __attribute__((always_inline)) void wait() {
    __asm__("" : "+w"(w0), "+w"(w1), "+w"(w2), "+w"(w3), "+w"(w4), "+w"(w5), "+w"(w6), "+w"(w7));
  }
};

inline int8x16_t broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

// In the lower lane.
inline int8x8_t load_four(const int8_t *x) {
  uint32_t four;
  memcpy(&four, x, sizeof four);
  return vcreate_s8(four);
}

// The sums of 8 rows.
struct Rows {
  int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);  // rows 0..3, 4..7

  template <int lane>
  __attribute__((always_inline)) void add_lane(int8x16_t w_low, int8x16_t w_high, int8x16_t x) {
    low = vdotq_laneq_s32(low, w_low, x, lane);
    high = vdotq_laneq_s32(high, w_high, x, lane);
  }

  __attribute__((always_inline)) void add(const Panel &w, int8x16_t x) {
    add_lane<0>(w.w0, w.w1, x);
    add_lane<1>(w.w2, w.w3, x);
    add_lane<2>(w.w4, w.w5, x);
    add_lane<3>(w.w6, w.w7, x);
  }

  // One block of four columns, for those that fill no panel.
  __attribute__((always_inline)) void add_block(const int8_t *weights, int8x16_t x) {
    low = vdotq_s32(low, vld1q_s8(weights), x);
    high = vdotq_s32(high, vld1q_s8(weights + 16), x);
  }

  // The same for a loaded block and inputs in one of two lanes.
  template <int lane>
  __attribute__((always_inline)) void add_loaded(int8x16_t w_low, int8x16_t w_high, int8x8_t x) {
    low = vdotq_lane_s32(low, w_low, x, lane);
    high = vdotq_lane_s32(high, w_high, x, lane);
  }

  __attribute__((always_inline)) void join(const Rows &other) {
    low = vaddq_s32(low, other.low);
    high = vaddq_s32(high, other.high);
  }

  __attribute__((always_inline)) void store(int32_t *out) const {
    vst1q_s32(out, low);
    vst1q_s32(out + 4, high);
  }
};

// Even and odd groups of four columns have sums of their own: four independent chains.
struct TwoSums {
  Rows even, odd;

  __attribute__((always_inline)) void add_first(const Panel &w, int8x16_t x) {
    even.add_lane<0>(w.w0, w.w1, x);
    odd.add_lane<1>(w.w2, w.w3, x);
  }

  __attribute__((always_inline)) void add_second(const Panel &w, int8x16_t x) {
    even.add_lane<2>(w.w4, w.w5, x);
    odd.add_lane<3>(w.w6, w.w7, x);
  }

  __attribute__((always_inline)) void store(int32_t *out) {
    even.join(odd);
    even.store(out);
  }
};

inline void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  TwoSums sums;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128) {
    Panel panel(weights);
    int8x16_t inputs = vld1q_s8(x + col);
    panel.wait();
    sums.add_first(panel, inputs);
    sums.add_second(panel, inputs);
  }
  for (; col < cols; col += 4, weights += 32) sums.even.add_block(weights, broadcast_four(x + col));
  sums.store(out);
}

// Two groups of 8 rows share the loads of the inputs and give eight chains, enough for the widest cores.
inline void multiply_two(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  TwoSums first, second;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128, more += 128) {
    Panel a(weights), b(more);
    int8x16_t inputs = vld1q_s8(x + col);
    a.wait();
    b.wait();
    first.add_first(a, inputs);
    second.add_first(b, inputs);
    first.add_second(a, inputs);
    second.add_second(b, inputs);
  }
  for (; col < cols; col += 4, weights += 32, more += 32) {
    int8x16_t inputs = broadcast_four(x + col);
    first.even.add_block(weights, inputs);
    second.even.add_block(more, inputs);
  }
  first.store(out);
  second.store(out + 8);
}

inline void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 16 <= rows; row += 16) multiply_two(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  if (row < rows) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

// 16 rows times two vectors: what the two tables do each in its own way.
void multiply_two_twice(int32_t *out0, int32_t *out1, const int8_t *weights, const int8_t *x0, const int8_t *x1,
                        int cols);

inline void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  int32_t *more = out + rows;
  int row = 0;
  for (; row + 16 <= rows; row += 16) {
    multiply_two_twice(out + row, more + row, weights + static_cast<size_t>(row) * cols, x0, x1, cols);
  }
  if (row == rows) return;
  multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x0, cols);
  multiply_one(more + row, weights + static_cast<size_t>(row) * cols, x1, cols);
}

// Four blocks are a panel, whatever columns they come from.
inline void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                           const int8_t *x, int rows) {
  for (int row = 0; row < rows; row += 8) {
    TwoSums sums;
    int left = *counts++;
    for (; left >= 4; left -= 4, columns += 4, blocks += 128) {
      Panel panel(blocks);
      int8x8_t x0 = load_four(x + size_t{4} * columns[0]), x1 = load_four(x + size_t{4} * columns[1]);
      int8x8_t x2 = load_four(x + size_t{4} * columns[2]), x3 = load_four(x + size_t{4} * columns[3]);
      panel.wait();
      sums.even.add_loaded<0>(panel.w0, panel.w1, x0);
      sums.odd.add_loaded<0>(panel.w2, panel.w3, x1);
      sums.even.add_loaded<0>(panel.w4, panel.w5, x2);
      sums.odd.add_loaded<0>(panel.w6, panel.w7, x3);
    }
    for (; left > 0; --left, ++columns, blocks += 32) {
      sums.even.add_block(blocks, broadcast_four(x + size_t{4} * *columns));
    }
    sums.store(out + row);
  }
}

}  // namespace
}  // namespace linnet::kernels
