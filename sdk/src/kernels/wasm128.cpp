// WebAssembly's 128-bit vectors, as every engine since 2021 has them. Bytes are widened as they are loaded and
// multiplied by i32x4.dot_i16x8_s, which is one instruction on x86 and exact: sums of two products of bytes are far
// from the ends of int32. Relaxed SIMD is left out: its dot product of bytes would need the signs moved from one factor
// to the other, which costs more than the instruction saves. Two vectors of four floats are the eight partial sums of
// kernels.h. pmin and pmax are the comparisons of the reference, which min and max are not for zeros.
#include <wasm_simd128.h>

#include <cstddef>
#include <cstring>

#include "base/bits.h"
#include "kernels/activations.h"
#include "kernels/contract.h"
#include "kernels/kernels.h"
#include "kernels/tiles.h"

namespace linnet::kernels {
namespace {

// Four columns of the inputs, twice, as 16-bit numbers.
inline v128_t broadcast_four(const int8_t *x) { return wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(x)); }

inline v128_t add_products(v128_t sum, v128_t weights, v128_t x) {
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(weights, x));
}

// Four columns of 8 rows, two rows to a vector.
struct Block {
  v128_t rows01, rows23, rows45, rows67;

  __attribute__((always_inline)) explicit Block(const int8_t *at)
      : rows01(wasm_i16x8_load8x8(at)),
        rows23(wasm_i16x8_load8x8(at + 8)),
        rows45(wasm_i16x8_load8x8(at + 16)),
        rows67(wasm_i16x8_load8x8(at + 24)) {}
};

// The sums of 8 rows for one vector, two lanes per row.
struct Group {
  static constexpr int kVectors = 1;
  v128_t rows01 = wasm_i32x4_const_splat(0), rows23 = wasm_i32x4_const_splat(0);
  v128_t rows45 = wasm_i32x4_const_splat(0), rows67 = wasm_i32x4_const_splat(0);

  __attribute__((always_inline)) void add(const Block &block, v128_t x) {
    rows01 = add_products(rows01, block.rows01, x);
    rows23 = add_products(rows23, block.rows23, x);
    rows45 = add_products(rows45, block.rows45, x);
    rows67 = add_products(rows67, block.rows67, x);
  }
  __attribute__((always_inline)) void add(const Block &block, const int8_t *x, size_t) {
    add(block, broadcast_four(x));
  }

  __attribute__((always_inline)) void store(int32_t *out) const {
    wasm_v128_store(out, folded(rows01, rows23));
    wasm_v128_store(out + 4, folded(rows45, rows67));
  }
  __attribute__((always_inline)) void store(int32_t *out, size_t) const { store(out); }

 private:
  // Lanes 2j and 2j + 1 of both make row j.
  static v128_t folded(v128_t a, v128_t b) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
  }
};

void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  Group group;
  for (int col = 0; col < cols; col += 4, weights += 32) group.add(Block(weights), broadcast_four(x + col));
  group.store(out);
}

// Two groups of 8 rows share what is made of the inputs.
void multiply_two(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  const int8_t *more = weights + static_cast<size_t>(cols) * 8;
  Group first, second;
  for (int col = 0; col < cols; col += 4, weights += 32, more += 32) {
    const v128_t inputs = broadcast_four(x + col);
    first.add(Block(weights), inputs);
    second.add(Block(more), inputs);
  }
  first.store(out);
  second.store(out + 8);
}

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 16 <= rows; row += 16) multiply_two(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  if (row < rows) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

void gemv2_s8(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  for (int row = 0; row < rows; row += 8) {
    Group first, second;
    for (int col = 0; col < cols; col += 4, weights += 32) {
      const Block block(weights);
      first.add(block, broadcast_four(x0 + col));
      second.add(block, broadcast_four(x1 + col));
    }
    first.store(out + row);
    second.store(out + rows + row);
  }
}

template <int vectors>
__attribute__((noinline)) void multiply_strip(int32_t *out, const int8_t *weights, const int8_t *x, size_t stride,
                                              size_t rows, int cols, int strip) {
  for (; strip > 0; strip -= 8, out += 8) {
    TileSums<Group, vectors> sums;
    for (int col = 0; col < cols; col += 4, weights += 32) sums.add(Block(weights), x + col, stride);
    sums.store(out, rows);
  }
}

void gemm_s8(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count) {
  const size_t step = static_cast<size_t>(stride), column = static_cast<size_t>(rows);
  for_strips(rows, cols, [&](int row, int strip) {
    const int8_t *at = weights + static_cast<size_t>(row) * cols;
    for_even_parts<2>(count, [&](int begin, auto size) {
      const size_t vector = static_cast<size_t>(begin);
      multiply_strip<size.value>(out + vector * column + row, at, x + vector * step, step, column, cols, strip);
    });
  });
}

void sparse_gemv_s8(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                    const int8_t *x, int rows) {
  for (int row = 0; row < rows; row += 8) {
    Group group;
    for (int left = *counts++; left > 0; --left, blocks += 32) {
      group.add(Block(blocks), broadcast_four(x + size_t{4} * *columns++));
    }
    group.store(out + row);
  }
}

inline v128_t load(const float *x) { return wasm_v128_load(x); }

// The first count of four lanes from memory, +0 in the others.
inline v128_t load_first(const float *x, int count) {
  float lanes[4] = {};
  memcpy(lanes, x, static_cast<size_t>(count) * sizeof(float));
  return wasm_v128_load(lanes);
}

// out[i..i+3] = body(load of element i..i+3), the tail through a buffer.
template <class Body>
inline void for_lanes(float *out, int n, Body body) {
  int i = 0;
  for (; i + 4 <= n; i += 4) wasm_v128_store(out + i, body([i](const float *x) { return load(x + i); }));
  if (i == n) return;
  int count = n - i;
  float lanes[4];
  wasm_v128_store(lanes, body([i, count](const float *x) { return load_first(x + i, count); }));
  memcpy(out + i, lanes, static_cast<size_t>(count) * sizeof(float));
}

// c * u + d, two roundings
inline v128_t step(v128_t c, v128_t u, float d) { return wasm_f32x4_add(wasm_f32x4_mul(c, u), wasm_f32x4_splat(d)); }

inline v128_t rational_lanes(const Rational &f, v128_t x) {
  x = wasm_f32x4_pmin(wasm_f32x4_pmax(x, wasm_f32x4_splat(-f.limit)), wasm_f32x4_splat(f.limit));
  v128_t u = wasm_f32x4_mul(x, x);
  v128_t numerator = step(step(step(wasm_f32x4_splat(f.n3), u, f.n2), u, f.n1), u, 1.0f);
  v128_t denominator = step(step(step(wasm_f32x4_splat(f.d3), u, f.d2), u, f.d1), u, 1.0f);
  return wasm_f32x4_div(wasm_f32x4_mul(x, numerator), denominator);
}

inline v128_t tanh_lanes(v128_t x) { return rational_lanes(kTanh, x); }

inline v128_t sigmoid_lanes(v128_t x) {
  v128_t quarter = wasm_f32x4_mul(wasm_f32x4_splat(0.25f), rational_lanes(kTwiceTanhOfHalf, x));
  return wasm_f32x4_add(wasm_f32x4_splat(0.5f), quarter);
}

inline v128_t rounded_bits(v128_t x) {
  return wasm_f32x4_add(wasm_f32x4_mul(x, wasm_f32x4_splat(kActivationScale)), wasm_f32x4_splat(kRoundToInteger));
}

// The rounded integers stand in the low bytes.
inline void store_bytes(int8_t *out, v128_t low, v128_t high) {
  v128_t bytes = wasm_i8x16_shuffle(low, high, 0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0);
  wasm_v128_store64_lane(out, bytes, 0);
}

void quantize(int8_t *out, const float *x, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) store_bytes(out + i, rounded_bits(load(x + i)), rounded_bits(load(x + i + 4)));
  for (; i < n; ++i) out[i] = static_cast<int8_t>(base::float_bits(x[i] * kActivationScale + kRoundToInteger) & 0xff);
}

void dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    v128_t value = wasm_f32x4_convert_i32x4(wasm_v128_load(acc + i));
    wasm_v128_store(out + i, wasm_f32x4_add(wasm_f32x4_mul(value, load(scale + i)), load(bias + i)));
  }
  for (; i < n; ++i) out[i] = static_cast<float>(acc[i]) * scale[i] + bias[i];
}

void sigmoid(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return sigmoid_lanes(at(x)); });
}

void tanh(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return tanh_lanes(at(x)); });
}

void add(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return wasm_f32x4_add(at(a), at(b)); });
}

void mul(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return wasm_f32x4_mul(at(a), at(b)); });
}

// Four values from k on.
inline v128_t values(const Products &of, int k) {
  v128_t sums = wasm_f32x4_convert_i32x4(wasm_v128_load(of.sums + k));
  return wasm_f32x4_add(wasm_f32x4_mul(sums, load(of.scale + k)), load(of.bias + k));
}

void activate(int8_t *out, int stride, const Products &vectors, int n, int count, int biases) {
  for (int vector = 0; vector < count; ++vector, out += stride) {
    const Products x = vectors.behind(vector * n, vector % biases * n);
    for (int i = 0; i < n; i += 8) {
      store_bytes(out + i, rounded_bits(tanh_lanes(values(x, i))), rounded_bits(tanh_lanes(values(x, i + 4))));
    }
  }
}

// The next states of four units of n, h being theirs.
inline v128_t next_states(v128_t h, const Products &input, const Products &recurrent, int i, int n) {
  v128_t reset = sigmoid_lanes(wasm_f32x4_add(values(input, i), values(recurrent, i)));
  v128_t update = sigmoid_lanes(wasm_f32x4_add(values(input, n + i), values(recurrent, n + i)));
  v128_t gated = wasm_f32x4_mul(reset, values(recurrent, 2 * n + i));
  v128_t candidate = tanh_lanes(wasm_f32x4_add(values(input, 2 * n + i), gated));
  v128_t y = wasm_f32x4_add(candidate, wasm_f32x4_mul(update, wasm_f32x4_sub(h, candidate)));
  v128_t magnitude = wasm_v128_and(y, wasm_i32x4_const_splat(0x7fffffff));
  v128_t tiny = wasm_i32x4_lt(magnitude, wasm_i32x4_splat(static_cast<int32_t>(base::kTinyBits)));
  return wasm_v128_andnot(y, tiny);
}

void gru_update(float *h, int8_t *quantized, int stride, const Products &inputs, const Products &recurrents, int n,
                int count) {
  for (int gru = 0; gru < count; ++gru, h += n, quantized += stride) {
    // Copies, which no store can change.
    const Products input = inputs.behind(gru * 3 * n), recurrent = recurrents.behind(gru * 3 * n);
    for (int i = 0; i < n; i += 8) {
      v128_t low = next_states(load(h + i), input, recurrent, i, n);
      v128_t high = next_states(load(h + i + 4), input, recurrent, i + 4, n);
      wasm_v128_store(h + i, low);
      wasm_v128_store(h + i + 4, high);
      store_bytes(quantized + i, rounded_bits(low), rounded_bits(high));
    }
  }
}

void blend(float *out, const float *a, const float *b, const float *mix, int n) {
  for_lanes(out, n, [=](auto at) {
    v128_t from = at(a);
    return wasm_f32x4_add(from, wasm_f32x4_mul(at(mix), wasm_f32x4_sub(at(b), from)));
  });
}

// Partial sums 0..3 and 4..7.
struct Sums {
  v128_t low = wasm_f32x4_const_splat(0), high = wasm_f32x4_const_splat(0);

  __attribute__((always_inline)) void add_eight(v128_t a_low, v128_t a_high, const float *b) {
    low = wasm_f32x4_add(low, wasm_f32x4_mul(a_low, load(b)));
    high = wasm_f32x4_add(high, wasm_f32x4_mul(a_high, load(b + 4)));
  }

  // The last 1..7 elements. Lanes without one add 0 * 0, which leaves a sum that started at +0 as it is.
  __attribute__((always_inline)) void add_tail(const float *a, const float *b, int count) {
    if (count >= 4) {
      low = wasm_f32x4_add(low, wasm_f32x4_mul(load(a), load(b)));
      high = wasm_f32x4_add(high, wasm_f32x4_mul(load_first(a + 4, count - 4), load_first(b + 4, count - 4)));
    } else {
      low = wasm_f32x4_add(low, wasm_f32x4_mul(load_first(a, count), load_first(b, count)));
    }
  }

  // (t[0] + t[2]) + (t[1] + t[3]) with t[j] = s[j] + s[j + 4]
  __attribute__((always_inline)) float folded() const {
    v128_t t = wasm_f32x4_add(low, high);
    v128_t pairs = wasm_f32x4_add(t, wasm_i32x4_shuffle(t, t, 2, 3, 2, 3));
    return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
  }
};

float dot(const float *a, const float *b, int n) {
  Sums s;
  int i = 0;
  for (; i + 8 <= n; i += 8) s.add_eight(load(a + i), load(a + i + 4), b + i);
  if (i < n) s.add_tail(a + i, b + i, n - i);
  return s.folded();
}

// Four lags share the loads of a and give eight independent chains of additions.
void correlate(float *out, const float *a, const float *b, int n, int lags) {
  int lag = 0;
  for (; lag + 4 <= lags; lag += 4) {
    const float *shifted = b + lag;
    Sums s0, s1, s2, s3;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
      v128_t low = load(a + i), high = load(a + i + 4);
      s0.add_eight(low, high, shifted + i);
      s1.add_eight(low, high, shifted + i + 1);
      s2.add_eight(low, high, shifted + i + 2);
      s3.add_eight(low, high, shifted + i + 3);
    }
    if (i < n) {
      s0.add_tail(a + i, shifted + i, n - i);
      s1.add_tail(a + i, shifted + i + 1, n - i);
      s2.add_tail(a + i, shifted + i + 2, n - i);
      s3.add_tail(a + i, shifted + i + 3, n - i);
    }
    out[lag] = s0.folded();
    out[lag + 1] = s1.folded();
    out[lag + 2] = s2.folded();
    out[lag + 3] = s3.folded();
  }
  for (; lag < lags; ++lag) out[lag] = dot(a, b + lag, n);
}

}  // namespace

const Kernels wasm128_kernels = make_table<gemv_s8, gemv2_s8, gemm_s8, sparse_gemv_s8, quantize, dequantize, activate,
                                           sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("wasm128");

}  // namespace linnet::kernels
