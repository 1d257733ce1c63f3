// NEON kernels for AArch64 and 32-bit ARM without dot product instructions. SMULL and SMLAL add two products of bytes
// in 16 bits (at most 2 * 127 * 127 = 32258, never an overflow), SADALP adds neighbouring pairs of these to 32 bits:
// three instructions for 16 products. The trick of two products in 16 bits is gemmlowp's.
#include "kernels/contract.h"
#include "kernels/neon_entries.h"
#include "kernels/tiles.h"

namespace linnet::kernels {
namespace {

// 8 rows x 8 columns. In-order cores (Cortex-A7, A53) wait at the first use of a value whose load has not finished; the
// empty statement needs all vectors in registers at once, so the compiler cannot put a load right before its use or
// reuse one register for all.
struct Panel {
  int8x16_t w0, w1, w2, w3;  // rows 0..3 and 4..7 of columns 0..3, then the same of columns 4..7

  __attribute__((always_inline)) explicit Panel(const int8_t *at)
      : w0(vld1q_s8(at)), w1(vld1q_s8(at + 16)), w2(vld1q_s8(at + 32)), w3(vld1q_s8(at + 48)) {}

  __attribute__((always_inline)) void wait() { __asm__("" : "+w"(w0), "+w"(w1), "+w"(w2), "+w"(w3)); }
};

inline int8x8_t broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpret_s8_s32(vdup_n_s32(four));
}

#if defined(__aarch64__)
inline int8x16_t broadcast_four_twice(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}
#endif

// Columns 0..3 and 4..7 of the inputs, each for two rows, and on AArch64 twice, because SMULL2 takes the upper half of
// both operands. The empty statement keeps the load of both in one piece.
struct Inputs {
#if defined(__aarch64__)
  int8x16_t x0, x1;

  __attribute__((always_inline)) explicit Inputs(const int8_t *at) {
    int32x2_t eight = vreinterpret_s32_s8(vld1_s8(at));
    __asm__("" : "+w"(eight));
    x0 = vreinterpretq_s8_s32(vdupq_lane_s32(eight, 0));
    x1 = vreinterpretq_s8_s32(vdupq_lane_s32(eight, 1));
  }

  // From two places.
  __attribute__((always_inline)) Inputs(const int8_t *at0, const int8_t *at1) {
    x0 = broadcast_four_twice(at0);
    x1 = broadcast_four_twice(at1);
  }

  int8x8_t first() const { return vget_low_s8(x0); }
  int8x8_t second() const { return vget_low_s8(x1); }
#else
  int8x8_t x0, x1;

  __attribute__((always_inline)) explicit Inputs(const int8_t *at) {
    int32x2_t eight = vreinterpret_s32_s8(vld1_s8(at));
    __asm__("" : "+w"(eight));
    x0 = vreinterpret_s8_s32(vdup_lane_s32(eight, 0));
    x1 = vreinterpret_s8_s32(vdup_lane_s32(eight, 1));
  }

  __attribute__((always_inline)) Inputs(const int8_t *at0, const int8_t *at1)
      : x0(broadcast_four(at0)), x1(broadcast_four(at1)) {}

  int8x8_t first() const { return x0; }
  int8x8_t second() const { return x1; }
#endif
};

// The products of the lower or the upper two rows of w0 with columns 0..3 and of w1 with columns 4..7.
inline int16x8_t low_products(int8x16_t w0, int8x16_t w1, const Inputs &x) {
  return vmlal_s8(vmull_s8(vget_low_s8(w0), x.first()), vget_low_s8(w1), x.second());
}
inline int16x8_t high_products(int8x16_t w0, int8x16_t w1, const Inputs &x) {
#if defined(__aarch64__)
  return vmlal_high_s8(vmull_high_s8(w0, x.x0), w1, x.x1);
#else
  return vmlal_s8(vmull_s8(vget_high_s8(w0), x.first()), vget_high_s8(w1), x.second());
#endif
}

// Lanes 2j and 2j + 1 of both make row j.
inline int32x4_t add_neighbours(int32x4_t a, int32x4_t b) {
#if defined(__aarch64__)
  return vpaddq_s32(a, b);
#else
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
#endif
}

// The sums of 8 rows, two lanes per row.
struct Group {
  int32x4_t rows01 = vdupq_n_s32(0), rows23 = vdupq_n_s32(0), rows45 = vdupq_n_s32(0), rows67 = vdupq_n_s32(0);

  // The sums of the first panel, which need no zeros to start from.
  __attribute__((always_inline)) void begin(const Panel &w, const Inputs &x) {
    rows01 = vpaddlq_s16(low_products(w.w0, w.w2, x));
    rows23 = vpaddlq_s16(high_products(w.w0, w.w2, x));
    rows45 = vpaddlq_s16(low_products(w.w1, w.w3, x));
    rows67 = vpaddlq_s16(high_products(w.w1, w.w3, x));
  }

  __attribute__((always_inline)) void add_upper_rows(int8x16_t w0, int8x16_t w2, const Inputs &x) {
    rows01 = vpadalq_s16(rows01, low_products(w0, w2, x));
    rows23 = vpadalq_s16(rows23, high_products(w0, w2, x));
  }

  __attribute__((always_inline)) void add_lower_rows(int8x16_t w1, int8x16_t w3, const Inputs &x) {
    rows45 = vpadalq_s16(rows45, low_products(w1, w3, x));
    rows67 = vpadalq_s16(rows67, high_products(w1, w3, x));
  }

  __attribute__((always_inline)) void add(const Panel &w, const Inputs &x) {
    add_upper_rows(w.w0, w.w2, x);
    add_lower_rows(w.w1, w.w3, x);
  }

  // The four columns that fill no panel.
  __attribute__((always_inline)) void add_four_columns(const int8_t *weights, int8x8_t x) {
    rows01 = vpadalq_s16(rows01, vmull_s8(vld1_s8(weights), x));
    rows23 = vpadalq_s16(rows23, vmull_s8(vld1_s8(weights + 8), x));
    rows45 = vpadalq_s16(rows45, vmull_s8(vld1_s8(weights + 16), x));
    rows67 = vpadalq_s16(rows67, vmull_s8(vld1_s8(weights + 24), x));
  }

  __attribute__((always_inline)) void store(int32_t *out) const {
    vst1q_s32(out, add_neighbours(rows01, rows23));
    vst1q_s32(out + 4, add_neighbours(rows45, rows67));
  }
};

void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  Group group;
  int col = 0;
  for (; col + 8 <= cols; col += 8, weights += 64) {
    Panel panel(weights);
    Inputs inputs(x + col);
    panel.wait();
    group.add(panel, inputs);
  }
  if (col < cols) group.add_four_columns(weights, broadcast_four(x + col));
  group.store(out);
}

// The same for two vectors; each panel of weights is loaded once. 32-bit ARM has registers for the sums and for half a
// panel.
void multiply_one_twice(int32_t *out0, int32_t *out1, const int8_t *weights, const int8_t *x0, const int8_t *x1,
                        int cols) {
  Group first, second;
  int col = 0;
#if defined(__aarch64__)
  for (; col + 16 <= cols; col += 16, weights += 128) {
    Panel near(weights), far(weights + 64);
    Inputs near0(x0 + col), far0(x0 + col + 8), near1(x1 + col), far1(x1 + col + 8);
    near.wait();
    far.wait();
    first.add(near, near0);
    second.add(near, near1);
    first.add(far, far0);
    second.add(far, far1);
  }
#endif
  for (; col + 8 <= cols; col += 8, weights += 64) {
    Inputs inputs0(x0 + col), inputs1(x1 + col);
    int8x16_t w0 = vld1q_s8(weights), w2 = vld1q_s8(weights + 32);
    first.add_upper_rows(w0, w2, inputs0);
    second.add_upper_rows(w0, w2, inputs1);
    int8x16_t w1 = vld1q_s8(weights + 16), w3 = vld1q_s8(weights + 48);
    first.add_lower_rows(w1, w3, inputs0);
    second.add_lower_rows(w1, w3, inputs1);
  }
  if (col < cols) {
    first.add_four_columns(weights, broadcast_four(x0 + col));
    second.add_four_columns(weights, broadcast_four(x1 + col));
  }
  first.store(out0);
  second.store(out1);
}

#if defined(__aarch64__)
// Two groups of 8 rows share the loads of the inputs. Only here: 32-bit ARM has 16 registers, enough for one group. Two
// panels of each group per turn, the second pair loaded behind the first products.
void multiply_two(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  Group first, second;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128, more += 128) {
    Panel a(weights), b(more);
    Inputs near(x + col), far(x + col + 8);
    a.wait();
    b.wait();
    first.add(a, near);
    Panel c(weights + 64), d(more + 64);
    c.wait();
    second.add(b, near);
    d.wait();
    first.add(c, far);
    second.add(d, far);
  }
  if (col + 8 <= cols) {
    Inputs inputs(x + col);
    first.add(Panel(weights), inputs);
    second.add(Panel(more), inputs);
    col += 8;
    weights += 64;
    more += 64;
  }
  if (col < cols) {
    int8x8_t inputs = broadcast_four(x + col);
    first.add_four_columns(weights, inputs);
    second.add_four_columns(more, inputs);
  }
  first.store(out);
  second.store(out + 8);
}
#endif

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
#if defined(__aarch64__)
  for (; row + 16 <= rows; row += 16) multiply_two(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
#endif
  for (; row < rows; row += 8) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  for (int row = 0; row < rows; row += 8) {
    multiply_one_twice(out + row, out + rows + row, weights + static_cast<size_t>(row) * cols, x0, x1, cols);
  }
}

#if defined(__aarch64__)
// The panels of some groups of 8 rows.
template <int groups>
struct Panels {
  Panel first;
  Panels<groups - 1> rest;

  __attribute__((always_inline)) Panels(const int8_t *at, size_t group) : first(at), rest(at + group, group) {}

  __attribute__((always_inline)) void wait() {
    first.wait();
    rest.wait();
  }
};
template <>
struct Panels<0> {
  Panels(const int8_t *, size_t) {}
  void wait() {}
};

// Their first four columns alone.
struct FourColumns {
  const int8_t *weights;
  size_t group;
};

// The inputs, in registers from here on.
__attribute__((always_inline)) inline Inputs inputs_at(const int8_t *x) {
  Inputs inputs(x);
  __asm__ volatile("" : "+w"(inputs.x0), "+w"(inputs.x1));
  return inputs;
}

// Their sums for one vector.
template <int groups>
struct GroupSums {
  static constexpr int kVectors = 1;
  Group first;
  GroupSums<groups - 1> rest;

  template <class Step>
  __attribute__((always_inline)) void take(const Panels<groups> &panels, const Inputs &inputs, Step step) {
    step(&first, panels.first, inputs);
    // The empty statements keep groups and vectors one behind the other, or there would not be registers enough.
    __asm__ volatile("" : "+w"(first.rows01), "+w"(first.rows23), "+w"(first.rows45), "+w"(first.rows67));
    rest.take(panels.rest, inputs, step);
  }
  __attribute__((always_inline)) void begin(const Panels<groups> &panels, const int8_t *x, size_t) {
    take(panels, inputs_at(x),
         [](Group *group, const Panel &panel, const Inputs &inputs) { group->begin(panel, inputs); });
  }
  __attribute__((always_inline)) void add(const Panels<groups> &panels, const int8_t *x, size_t) {
    take(panels, inputs_at(x),
         [](Group *group, const Panel &panel, const Inputs &inputs) { group->add(panel, inputs); });
  }

  __attribute__((always_inline)) void add(const FourColumns &four, const int8_t *x, size_t stride) {
    first.add_four_columns(four.weights, broadcast_four(x));
    rest.add(FourColumns{four.weights + four.group, four.group}, x, stride);
  }

  __attribute__((always_inline)) void store(int32_t *out, size_t rows) const {
    first.store(out);
    rest.store(out + 8, rows);
  }
};
template <>
struct GroupSums<0> {
  template <class Step>
  void take(const Panels<0> &, const Inputs &, Step) {}
  void add(const FourColumns &, const int8_t *, size_t) {}
  void store(int32_t *, size_t) const {}
};

template <int groups>
__attribute__((always_inline)) inline Panels<groups> panels_at(const int8_t *weights, size_t group) {
  Panels<groups> panels(weights, group);
  panels.wait();
  return panels;
}

// Some rows, whole tiles of them, times so many times the vectors of a tile, one tile after the other.
template <int groups, int vectors>
__attribute__((noinline)) void multiply_tiles(int32_t *out, const int8_t *weights, const int8_t *x, size_t stride,
                                              size_t rows, int cols, int strip, int times) {
  const size_t group = static_cast<size_t>(cols) * 8;
  for (; times > 0; --times, out += vectors * rows, x += vectors * stride) {
    const int8_t *tile = weights;
    for (int row = 0; row < strip; row += 8 * groups, tile += groups * group) {
      TileSums<GroupSums<groups>, vectors> sums;
      const int8_t *at = tile, *inputs = x;
      int left = cols;
      if (left >= 8) {
        sums.begin(panels_at<groups>(at, group), inputs, stride);
        left -= 8;
        at += 64;
        inputs += 8;
      }
      // Twice per turn, because the counting of the loop tells.
      for (; left >= 16; left -= 16, at += 128, inputs += 16) {
        sums.add(panels_at<groups>(at, group), inputs, stride);
        sums.add(panels_at<groups>(at + 64, group), inputs + 8, stride);
      }
      if (left >= 8) {
        sums.add(panels_at<groups>(at, group), inputs, stride);
        left -= 8;
        at += 64;
        inputs += 8;
      }
      if (left > 0) sums.add(FourColumns{at, group}, inputs, stride);
      sums.store(out + row, rows);
    }
  }
}

// A strip of rows: pairs of groups, and the group that may be left.
template <int vectors>
void multiply_strip(int32_t *out, const int8_t *weights, const int8_t *x, size_t stride, size_t rows, int cols,
                    int strip, int times) {
  const int paired = strip / 16 * 16;
  const int8_t *last = weights + static_cast<size_t>(paired) * static_cast<size_t>(cols);
  multiply_tiles<2, vectors>(out, weights, x, stride, rows, cols, paired, times);
  multiply_tiles<1, vectors>(out + paired, last, x, stride, rows, cols, strip - paired, times);
}

// Two groups of rows and two vectors share what is loaded of each other.
void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  const size_t step = static_cast<size_t>(stride), column = static_cast<size_t>(rows);
  const size_t paired = static_cast<size_t>(count / 2 * 2);
  for_strips(rows, cols, [&](int row, int strip) {
    const int8_t *at = weights + static_cast<size_t>(row) * static_cast<size_t>(cols);
    multiply_strip<2>(out + row, at, x, step, column, cols, strip, count / 2);
    multiply_strip<1>(out + paired * column + row, at, x + paired * step, step, column, cols, strip, count % 2);
  });
}
#else
// 32-bit ARM has no registers for more than two vectors.
void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  for (int row = 0; row < rows; row += 8, out += 8, weights += 8 * cols) {
    int i = 0;
    for (; i + 2 <= count; i += 2) {
      multiply_one_twice(out + i * rows, out + (i + 1) * rows, weights, x + i * stride, x + (i + 1) * stride, cols);
    }
    if (i < count) multiply_one(out + i * rows, weights, x + i * stride, cols);
  }
}
#endif

// Two blocks are the two halves of a panel, whatever columns they come from.
void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                    const int8_t *x, int rows) {
  for (int row = 0; row < rows; row += 8) {
    Group group;
    int left = *counts++;
    for (; left >= 2; left -= 2, columns += 2, blocks += 64) {
      Panel panel(blocks);
      Inputs inputs(x + size_t{4} * columns[0], x + size_t{4} * columns[1]);
      panel.wait();
      group.add(panel, inputs);
    }
    if (left > 0) {
      group.add_four_columns(blocks, broadcast_four(x + size_t{4} * *columns++));
      blocks += 32;
    }
    group.store(out + row);
  }
}

}  // namespace

const Kernels neon_kernels = make_table<gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
                                        sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("neon");

}  // namespace linnet::kernels
