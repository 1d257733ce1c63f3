// The table of everything that is worth doing with SIMD: one struct of function pointers, complete for every
// instruction set, chosen once when a stream is made. scalar.cpp is the reference; every other table must give the
// same bits (tests/kernels/checkkernels.cpp). Pointers need the alignment of their element type and no more; arrays do
// not overlap unless a comment says "in place". Floats are finite and, as arguments and as intermediate results, never
// denormal (base/bits.h): 32-bit ARM would flush those. Debug builds check all that (contract.h).
//
// Written order of float sums: eight partial sums, element i goes to partial sum i % 8, each in rising i; then
// t[j] = s[j] + s[j + 4] (j < 4), then (t[0] + t[2]) + (t[1] + t[3]).
#pragma once

#include <cstdint>

#include "base/cpu.h"
#include "base/span.h"

namespace linnet::kernels {

// What a layer's matrix gave, and what makes floats of it: value k is float(sums[k]) * scale[k] + bias[k], two
// roundings.
struct Products {
  const int32_t *sums;
  const float *scale, *bias;

  // Of a further vector, whose sums, and whose bias if it has one of its own, stand so far behind.
  Products behind(int of_sums, int of_bias = 0) const { return {sums + of_sums, scale, bias + of_bias}; }
};

struct Kernels {
  const char *name;

  // out[j] = sum_i weights[j, i] * x[i], exact int32. rows % 8 == 0, cols % 4 == 0, 0 allowed. Weights in blocks of
  // 8 rows x 4 columns, [rows / 8][cols / 4][8][4]; weights and x within -127..127.
  void (*gemv_s8)(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols);

  // The same for two vectors in one pass over the weights: out[j] is row j times x0, out[rows + j] row j times x1. The
  // vectors may overlap each other.
  void (*gemv2_s8)(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols);

  // The same for count vectors, vector i at x + i * stride, that share a matrix small enough for the first cache:
  // out[i * rows + j] is row j times vector i. The vectors may overlap each other.
  void (*gemm_s8)(int32_t *out, const int8_t *weights, const int8_t *x, int stride, int rows, int cols, int count);

  // The same as gemv_s8 for a matrix of which only some blocks are stored, the others being zero. Group g of 8 rows has
  // counts[g] blocks; columns holds where each begins, x + 4 * column, and blocks its weights, group after group.
  void (*sparse_gemv_s8)(int32_t *out, const uint16_t *counts, const uint16_t *columns, const int8_t *blocks,
                         const int8_t *x, int rows);

  // out[i] = nearest integer of 127 * x[i], ties to even. |x[i]| <= 1 (and a rounding error).
  void (*quantize)(int8_t *out, const float *x, int n);

  // out[i] = float(acc[i]) * scale[i] + bias[i], two roundings.
  void (*dequantize)(float *out, const int32_t *acc, const float *scale, const float *bias, int n);

  // What a layer gives to the next one, for count vectors of n: out[i * stride + j] = nearest integer of 127 *
  // tanh(value j of vector i), operations as in dequantize, tanh and quantize. Sums and biases stand behind each other,
  // [count][n] and [biases][n]; the bias of vector i is the one in place i % biases. n % 8 == 0, 0 allowed.
  void (*activate)(int8_t *out, int stride, const Products &x, int n, int count, int biases);

  // Rational approximations of activations.h, with IEEE division. In place allowed.
  void (*sigmoid)(float *out, const float *x, int n);
  void (*tanh)(float *out, const float *x, int n);

  // out[i] = a[i] + b[i]. In place allowed.
  void (*add)(float *out, const float *a, const float *b, int n);

  // out[i] = a[i] * b[i]. In place allowed.
  void (*mul)(float *out, const float *a, const float *b, int n);

  // A step of count GRUs of n units with the same weights, whose states h, [count][n], it replaces. x and r are the
  // values of the two products, [count][3 * n] sums, n each for the reset gate, the update gate and the candidate, all
  // operations rounded: reset = sigmoid(x + r), update = sigmoid(x + r), candidate = tanh(x + reset * r), h =
  // snap_tiny(candidate + update * (h - candidate)). quantized[i * stride ..]: the states of GRU i as quantize gives
  // them. n % 8 == 0, 0 allowed.
  void (*gru_update)(float *h, int8_t *quantized, int stride, const Products &input, const Products &recurrent, int n,
                     int count);

  // Crossfade of two signals: out[i] = a[i] + mix[i] * (b[i] - a[i]), each operation rounded. In place allowed.
  void (*blend)(float *out, const float *a, const float *b, const float *mix, int n);

  // sum_i a[i] * b[i] in the written order.
  float (*dot)(const float *a, const float *b, int n);

  // out[k] = dot(a, b + k, n) for k = 0..lags-1.
  void (*correlate)(float *out, const float *a, const float *b, int n, int lags);
};

// Tables of this build that this CPU and its operating system can run, fastest first; never empty, scalar last.
base::Span<const Kernels *const> available();
// Of a CPU with these features.
base::Span<const Kernels *const> available(const base::CpuFeatures &cpu);

// The table of that name among available(), the first one for nullptr, or nullptr if there is none.
const Kernels *find(const char *name);

extern const Kernels scalar_kernels;  // the reference, on every target

// Defined only in builds whose target lists them; ask available(), not these.
extern const Kernels avx2_kernels;         // x86 with AVX2
extern const Kernels avx_vnni_kernels;     // the same, with VPDPBUSD
extern const Kernels avx512_vnni_kernels;  // the same, in the encoding of AVX-512
extern const Kernels neon_kernels;         // AArch64 and ARMv7
extern const Kernels neon_dot_kernels;     // AArch64 with SDOT
extern const Kernels neon_i8mm_kernels;    // the same, with SMMLA
extern const Kernels wasm128_kernels;      // WebAssembly with vectors

}  // namespace linnet::kernels
