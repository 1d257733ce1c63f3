// AArch64 kernels with the 8-bit matrix product: SMMLA takes two rows of eight columns from one register, eight columns
// of two vectors from another, and adds the four dot products to a 2 x 2 matrix of 32-bit sums. It pays with two
// vectors only; everything for one vector is the SDOT code. Two blocks of 8 rows x 4 columns that follow each other
// hold the eight columns of a row in two places: a 32-bit zip of the first and the second block's rows 0..3 gives
//
//     r0c0-3 r1c0-3 r2c0-3 r3c0-3  zip  r0c4-7 r1c4-7 r2c4-7 r3c4-7
//         ->  r0c0-3 r0c4-7 r1c0-3 r1c4-7  and  r2c0-3 r2c4-7 r3c0-3 r3c4-7,
//
// the operands for rows 0, 1 and 2, 3. One zip per SMMLA, so that the model's one layout of blocks serves here too. The
// zips cost about what SMMLA saves: by the tables of llvm-mca 19 gcc's code takes 0.97 cycles for 16 products on
// Cortex-A510 where SDOT takes 1.78, but 0.55 on Neoverse N2 where SDOT takes 0.50. With more vectors, in gemm_s8, a
// zip serves all of them.
#include "kernels/contract.h"
#include "kernels/neon_dot_gemm.h"
#include "kernels/neon_dot_gemv.h"
#include "kernels/neon_entries.h"

namespace linnet::kernels {
namespace {

inline int8x16_t zip_lower(int8x16_t a, int8x16_t b) {
  return vreinterpretq_s8_s32(vzip1q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
}
inline int8x16_t zip_upper(int8x16_t a, int8x16_t b) {
  return vreinterpretq_s8_s32(vzip2q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
}

// Columns 0..7 and 8..15 of two vectors, one vector in each half.
struct PairedInputs {
  int8x16_t near, far;

  __attribute__((always_inline)) PairedInputs(const int8_t *at0, const int8_t *at1) {
    int64x2_t x0 = vreinterpretq_s64_s8(vld1q_s8(at0)), x1 = vreinterpretq_s64_s8(vld1q_s8(at1));
    near = vreinterpretq_s8_s64(vzip1q_s64(x0, x1));
    far = vreinterpretq_s8_s64(vzip2q_s64(x0, x1));
  }
};

// The sums of 8 rows: two rows each of vector 0 and 1, that is r0v0 r0v1 r1v0 r1v1.
struct PairedRows {
  int32x4_t rows01 = vdupq_n_s32(0), rows23 = rows01, rows45 = rows01, rows67 = rows01;

  // Columns 0..3 in a (rows 0..3) and b (rows 4..7), 4..7 in c and d.
  __attribute__((always_inline)) void add_eight(int8x16_t a, int8x16_t b, int8x16_t c, int8x16_t d, int8x16_t x) {
    rows01 = vmmlaq_s32(rows01, zip_lower(a, c), x);
    rows23 = vmmlaq_s32(rows23, zip_upper(a, c), x);
    rows45 = vmmlaq_s32(rows45, zip_lower(b, d), x);
    rows67 = vmmlaq_s32(rows67, zip_upper(b, d), x);
  }

  __attribute__((always_inline)) void add(const Panel &w, const PairedInputs &x) {
    add_eight(w.w0, w.w1, w.w2, w.w3, x.near);
    add_eight(w.w4, w.w5, w.w6, w.w7, x.far);
  }

  // One block of four columns, for those that fill no panel; the other four of each half are zero.
  __attribute__((always_inline)) void add_block(const int8_t *weights, int8x16_t x) {
    int8x16_t none = vdupq_n_s8(0);
    add_eight(vld1q_s8(weights), vld1q_s8(weights + 16), none, none, x);
  }

  __attribute__((always_inline)) void store(int32_t *out0, int32_t *out1) const {
    vst1q_s32(out0, vuzp1q_s32(rows01, rows23));
    vst1q_s32(out0 + 4, vuzp1q_s32(rows45, rows67));
    vst1q_s32(out1, vuzp2q_s32(rows01, rows23));
    vst1q_s32(out1 + 4, vuzp2q_s32(rows45, rows67));
  }
};

// Four columns of two vectors, zeros in the upper half of each half.
inline int8x16_t pair_four(const int8_t *x0, const int8_t *x1) { return vcombine_s8(load_four(x0), load_four(x1)); }

// 16 columns of two groups of 8 rows.
__attribute__((always_inline)) inline void add_sixteen(PairedRows *first, PairedRows *second, const int8_t *weights,
                                                       const int8_t *more, const int8_t *x0, const int8_t *x1) {
  Panel a(weights), b(more);
  PairedInputs inputs(x0, x1);
  a.wait();
  first->add(a, inputs);
  b.wait();
  second->add(b, inputs);
}

// Two groups of 8 rows share the inputs and give eight chains. Twice 16 columns per turn, because a product does twice
// the work of SDOT and the counting of the loop weighs the more; the empty statement keeps the loads of the second half
// behind it, or there would not be registers enough.
void multiply_two_twice(int32_t *out0, int32_t *out1, const int8_t *weights, const int8_t *x0, const int8_t *x1,
                        int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  PairedRows first, second;
  int col = 0;
  for (; col + 32 <= cols; col += 32, weights += 256, more += 256) {
    add_sixteen(&first, &second, weights, more, x0 + col, x1 + col);
    __asm__ volatile("" ::: "memory");
    add_sixteen(&first, &second, weights + 128, more + 128, x0 + col + 16, x1 + col + 16);
  }
  if (col + 16 <= cols) {
    add_sixteen(&first, &second, weights, more, x0 + col, x1 + col);
    col += 16;
    weights += 128;
    more += 128;
  }
  for (; col < cols; col += 4, weights += 32, more += 32) {
    int8x16_t inputs = pair_four(x0 + col, x1 + col);
    first.add_block(weights, inputs);
    second.add_block(more, inputs);
  }
  first.store(out0, out1);
  second.store(out0 + 8, out1 + 8);
}

// Eight columns zipped for SMMLA, once for all vectors of a tile: rows 0, 1 to 6, 7. The empty statement keeps the
// compiler from zipping them once more for each.
struct ZippedHalf {
  int8x16_t rows01, rows23, rows45, rows67;

  // Columns 0..3 in a (rows 0..3) and b (rows 4..7), 4..7 in c and d.
  __attribute__((always_inline)) ZippedHalf(int8x16_t a, int8x16_t b, int8x16_t c, int8x16_t d)
      : rows01(zip_lower(a, c)), rows23(zip_upper(a, c)), rows45(zip_lower(b, d)), rows67(zip_upper(b, d)) {
    __asm__("" : "+w"(rows01), "+w"(rows23), "+w"(rows45), "+w"(rows67));
  }
  __attribute__((always_inline)) explicit ZippedHalf(const HalfPanel &w)
      : ZippedHalf(w.near.low, w.near.high, w.far.low, w.far.high) {}
};

struct ZippedPanel {
  ZippedHalf near, far;

  __attribute__((always_inline)) explicit ZippedPanel(const Panel &w)
      : near(w.w0, w.w1, w.w2, w.w3), far(w.w4, w.w5, w.w6, w.w7) {}
};

// The sums of two vectors.
struct PairSums : PairedRows {
  static constexpr int kVectors = 2;
  using Weights = ZippedPanel;
  using HalfWeights = ZippedHalf;

  // The empty statements keep the pairs of a tile one behind the other, or there would not be registers enough.
  __attribute__((always_inline)) void add(const ZippedPanel &w, const int8_t *x, size_t stride) {
    PairedInputs inputs(x, x + stride);
    __asm__ volatile("" : "+w"(inputs.near), "+w"(inputs.far));
    add_zipped(w.near, inputs.near);
    add_zipped(w.far, inputs.far);
    __asm__ volatile("" : "+w"(rows01), "+w"(rows23), "+w"(rows45), "+w"(rows67));
  }

  __attribute__((always_inline)) void add(const ZippedHalf &w, const int8_t *x, size_t stride) {
    add_zipped(w, vcombine_s8(vld1_s8(x), vld1_s8(x + stride)));
  }

  __attribute__((always_inline)) void add(const Block &w, const int8_t *x, size_t stride) {
    const int8x16_t none = vdupq_n_s8(0);
    add_eight(w.low, w.high, none, none, pair_four(x, x + stride));
  }

  __attribute__((always_inline)) void add_zipped(const ZippedHalf &w, int8x16_t x) {
    rows01 = vmmlaq_s32(rows01, w.rows01, x);
    rows23 = vmmlaq_s32(rows23, w.rows23, x);
    rows45 = vmmlaq_s32(rows45, w.rows45, x);
    rows67 = vmmlaq_s32(rows67, w.rows67, x);
  }

  __attribute__((always_inline)) void store(int32_t *out, size_t rows) const { PairedRows::store(out, out + rows); }
};

// Five pairs take twenty registers for sums and leave eight for a zipped panel and four for the inputs. A vector
// without another goes the way of one alone.
void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  multiply_all<PairSums, 5>(out, weights, x, stride, rows, cols, count / 2);
  if (count % 2 == 0) return;
  const size_t last = static_cast<size_t>(count) - 1;
  gemv_s8(out + last * static_cast<size_t>(rows), weights, x + last * static_cast<size_t>(stride), rows, cols);
}

}  // namespace

const Kernels neon_i8mm_kernels = make_table<gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
                                             sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("neon_i8mm");

}  // namespace linnet::kernels
