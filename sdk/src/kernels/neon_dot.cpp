// AArch64 kernels with the dot product extension: SDOT adds four products of signed bytes to each of four 32-bit sums,
// and takes the inputs of its four rows from one lane of another register, so that 16 inputs are loaded once and never
// broadcast. Everything but the matrix product is the NEON code.
#include "kernels/neon_entries.h"

namespace linnet_core::kernels {
namespace {

// 8 rows x 16 columns. In-order cores (Cortex-A55) wait at the first use of a value whose load has not finished; the
// empty statement needs all eight vectors in registers at once, so the compiler cannot put a load right before its use
// or reuse one register for all.
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

// The sums of 8 rows, those of even and of odd groups of four columns apart: four independent chains.
struct Group {
  int32x4_t even_low = vdupq_n_s32(0), even_high = vdupq_n_s32(0);  // rows 0..3, 4..7
  int32x4_t odd_low = vdupq_n_s32(0), odd_high = vdupq_n_s32(0);

  __attribute__((always_inline)) void add_first(const Panel &w, int8x16_t x) {
    even_low = vdotq_laneq_s32(even_low, w.w0, x, 0);
    even_high = vdotq_laneq_s32(even_high, w.w1, x, 0);
    odd_low = vdotq_laneq_s32(odd_low, w.w2, x, 1);
    odd_high = vdotq_laneq_s32(odd_high, w.w3, x, 1);
  }

  __attribute__((always_inline)) void add_second(const Panel &w, int8x16_t x) {
    even_low = vdotq_laneq_s32(even_low, w.w4, x, 2);
    even_high = vdotq_laneq_s32(even_high, w.w5, x, 2);
    odd_low = vdotq_laneq_s32(odd_low, w.w6, x, 3);
    odd_high = vdotq_laneq_s32(odd_high, w.w7, x, 3);
  }

  // The 4, 8 or 12 columns that fill no panel.
  __attribute__((always_inline)) void add_four_columns(const int8_t *weights, int8x16_t x) {
    even_low = vdotq_s32(even_low, vld1q_s8(weights), x);
    even_high = vdotq_s32(even_high, vld1q_s8(weights + 16), x);
  }

  __attribute__((always_inline)) void store(int32_t *out) const {
    vst1q_s32(out, vaddq_s32(even_low, odd_low));
    vst1q_s32(out + 4, vaddq_s32(even_high, odd_high));
  }
};

inline int8x16_t broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  Group group;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128) {
    Panel panel(weights);
    int8x16_t inputs = vld1q_s8(x + col);
    panel.wait();
    group.add_first(panel, inputs);
    group.add_second(panel, inputs);
  }
  for (; col < cols; col += 4, weights += 32) group.add_four_columns(weights, broadcast_four(x + col));
  group.store(out);
}

// Two groups of 8 rows share the loads of the inputs and give eight chains, enough for the widest cores.
void multiply_two(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  Group first, second;
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
    first.add_four_columns(weights, inputs);
    second.add_four_columns(more, inputs);
  }
  first.store(out);
  second.store(out + 8);
}

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 16 <= rows; row += 16) multiply_two(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  if (row < rows) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

}  // namespace

const Kernels neon_dot_kernels = {"neon_dot", gemv_s8, quantize,  dequantize, sigmoid, tanh,     add,
                                  mul,        mul_add, gru_blend, blend,      dot,     correlate};

}  // namespace linnet_core::kernels
