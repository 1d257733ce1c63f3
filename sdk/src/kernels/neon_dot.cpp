// AArch64 kernels with the dot product extension. Everything but the matrix product is the NEON code.
#include "kernels/contract.h"
#include "kernels/neon_dot_gemm.h"
#include "kernels/neon_dot_gemv.h"
#include "kernels/neon_entries.h"

namespace linnet::kernels {
namespace {

// Two groups of 8 rows for two vectors: eight chains again, and each block of weights is loaded once.
void multiply_two_twice(int32_t *out0, int32_t *out1, const int8_t *weights, const int8_t *x0, const int8_t *x1,
                        int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  Rows first0, second0, first1, second1;
  int col = 0;
  for (; col + 16 <= cols; col += 16, weights += 128, more += 128) {
    Panel a(weights), b(more);
    int8x16_t inputs0 = vld1q_s8(x0 + col), inputs1 = vld1q_s8(x1 + col);
    a.wait();
    b.wait();
    first0.add(a, inputs0);
    first1.add(a, inputs1);
    second0.add(b, inputs0);
    second1.add(b, inputs1);
  }
  for (; col < cols; col += 4, weights += 32, more += 32) {
    int8x16_t inputs0 = broadcast_four(x0 + col), inputs1 = broadcast_four(x1 + col);
    first0.add_block(weights, inputs0);
    first1.add_block(weights, inputs1);
    second0.add_block(more, inputs0);
    second1.add_block(more, inputs1);
  }
  first0.store(out0);
  second0.store(out0 + 8);
  first1.store(out1);
  second1.store(out1 + 8);
}

// The sums of one vector.
struct DotSums : Rows {
  static constexpr int kVectors = 1;
  using Weights = const Panel &;
  using HalfWeights = const HalfPanel &;

  __attribute__((always_inline)) void add(const Panel &w, const int8_t *x, size_t) { Rows::add(w, vld1q_s8(x)); }
  __attribute__((always_inline)) void add(const HalfPanel &w, const int8_t *x, size_t) {
    const int8x8_t inputs = vld1_s8(x);
    add_loaded<0>(w.near.low, w.near.high, inputs);
    add_loaded<1>(w.far.low, w.far.high, inputs);
  }
  __attribute__((always_inline)) void add(const Block &w, const int8_t *x, size_t) {
    add_loaded<0>(w.low, w.high, load_four(x));
  }
  __attribute__((always_inline)) void store(int32_t *out, size_t) const { Rows::store(out); }
};

// Six vectors give twelve chains and leave registers for a panel and the inputs.
void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  multiply_all<DotSums, 6>(out, weights, x, stride, rows, cols, count);
}

}  // namespace

const Kernels neon_dot_kernels = make_table<gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
                                            sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("neon_dot");

}  // namespace linnet::kernels
