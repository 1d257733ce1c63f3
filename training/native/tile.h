// What the GRU is made of: vectors of floats in whatever width the instruction set has, numbers of two kinds (float and
// bfloat16), and one product of small matrices that stays in registers. Compiled once per instruction set, in a
// namespace of its own.
#ifndef LINNET_TRAINING_TILE_H
#define LINNET_TRAINING_TILE_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace linnet_training {
namespace LINNET_ISA {

#if defined(__AVX512F__)
constexpr int LANES = 16, ROWS = 8;  // 8 rows x 3 vectors of sums, 3 of weights: 27 of 32 registers
#elif defined(__AVX__)
constexpr int LANES = 8, ROWS = 4;  // 15 of 16
#else
constexpr int LANES = 4, ROWS = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef uint32_t Unit;  // of a product: one float, or two neighbours of bfloat16 (needs -fno-strict-aliasing)

// A vector to memory, past the caches where `streamed`: for what is read only much later, on a cache line's boundary.
template <class Vector>
inline void write(void *to, Vector value, bool streamed) {
#if defined(__AVX512F__)
  static_assert(sizeof value == 64, "a line");
  if (streamed) return _mm512_stream_si512((__m512i *)to, (__m512i)value);
#endif
  (void)streamed;
  memcpy(to, &value, sizeof value);
}

inline Floats all(float value) { return value - Floats{}; }

template <class Vector>
inline Vector load_vector(const void *from) {
  Vector found;
  memcpy(&found, from, sizeof found);
  return found;
}

struct Float32 {
  typedef float Element;
  static constexpr int PER_UNIT = 1;

  static Floats load(const Element *from) { return load_vector<Floats>(from); }
  static void store(Element *to, Floats value) { memcpy(to, &value, sizeof value); }
  static void write_two(Element *to, Floats first, Floats second, bool streamed) {
    write(to, first, streamed);
    write(to + LANES, second, streamed);
  }
  static Floats add_product(Floats sum, Unit a, Words b) {
    float scalar;
    memcpy(&scalar, &a, sizeof scalar);
    return sum + (Floats)b * scalar;
  }
};

#if defined(__AVX512BF16__)
struct BFloat16 {
  typedef uint16_t Element;
  static constexpr int PER_UNIT = 2;

  static Floats load(const Element *from) {
    return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from)), 16);
  }
  static void store(Element *to, Floats value) {
    __m256bh rounded = _mm512_cvtneps_pbh((__m512)value);
    memcpy(to, &rounded, sizeof rounded);
  }
  static void write_two(Element *to, Floats first, Floats second, bool streamed) {
    write(to, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first), streamed);
  }
  static Floats add_product(Floats sum, Unit a, Words b) {
    return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)a), (__m512bh)b);
  }
};
#endif

// The first `count` of LANES numbers; what is beyond is 0 and is not written.
template <class Kind>
inline Floats load_some(const typename Kind::Element *from, int64_t count) {
  if (count >= LANES) return Kind::load(from);
  typename Kind::Element some[LANES] = {};
  memcpy(some, from, (size_t)count * sizeof *some);
  return Kind::load(some);
}

template <class Kind>
inline void store_some(typename Kind::Element *to, Floats value, int64_t count) {
  if (count >= LANES) return Kind::store(to, value);
  typename Kind::Element some[LANES];
  Kind::store(some, value);
  memcpy(to, some, (size_t)count * sizeof *some);
}

// 1 / x to the last bit or two; x in 1..1e38.
inline Floats reciprocal(Floats x) {
#if defined(__AVX512F__)
  Floats guess = (Floats)_mm512_rcp14_ps((__m512)x);  // 14 bits, doubled by one step of Newton's
  return guess + guess * (1 - x * guess);
#else
  return 1 / x;
#endif
}

// 1 / (1 + 2^-x), absolute error below 2e-7; not finite where x is not.
inline Floats logistic(Floats x) {
  Floats y = -x;
  y = y > 100.0f ? all(100.0f) : y;
  y = y < -100.0f ? all(-100.0f) : y;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits, from where it goes to the exponent.
  Floats shifted = y + 12582912.0f;
  Floats f = y - (shifted - 12582912.0f);
  // 2^f on -0.5..0.5 with a relative error of 8e-8: least maximum, found by weighted least squares.
  Floats power = 0.001327647129073739f * f + 0.009675540961325169f;
  power = power * f + 0.05550713092088699f;
  power = power * f + 0.24022120237350464f;
  power = power * f + 0.6931469440460205f;
  power = power * f + 1.0000001192092896f;
  power = (Floats)((Words)power + ((Words)shifted << 23));
  return reciprocal(1 + power);
}

constexpr float LOG2_E = 1.4426950408889634f;

inline Floats sigmoid(Floats x) { return logistic(LOG2_E * x); }
inline Floats hyperbolic_tangent(Floats x) { return 2 * logistic(2 * LOG2_E * x) - 1; }

// c[ROWS][COLUMNS * LANES] += a[ROWS][steps] b[steps][COLUMNS * LANES], a in units, b in vectors of units. Distances of
// c in floats, of a and b in units.
template <class Kind, int COLUMNS>
__attribute__((noinline)) void multiply(float *c, size_t c_row, const Unit *a, size_t a_row, size_t a_step,
                                        const Unit *b, size_t b_column, size_t b_step, size_t steps) {
  Floats sum[ROWS][COLUMNS];
#pragma GCC unroll 8
  for (int m = 0; m < ROWS; m++) {
#pragma GCC unroll 3
    for (int j = 0; j < COLUMNS; j++) sum[m][j] = load_vector<Floats>(c + m * c_row + j * LANES);
  }
  for (size_t k = 0; k < steps; k++) {
    Words column[COLUMNS];
#pragma GCC unroll 3
    for (int j = 0; j < COLUMNS; j++) column[j] = load_vector<Words>(b + j * b_column + k * b_step);
#pragma GCC unroll 8
    for (int m = 0; m < ROWS; m++) {
      Unit factor = a[m * a_row + k * a_step];
#pragma GCC unroll 3
      for (int j = 0; j < COLUMNS; j++) sum[m][j] = Kind::add_product(sum[m][j], factor, column[j]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < ROWS; m++) {
#pragma GCC unroll 3
    for (int j = 0; j < COLUMNS; j++) memcpy(c + m * c_row + j * LANES, &sum[m][j], sizeof(Floats));
  }
}

// The same for any multiple of ROWS rows and any number of vectors side by side.
template <class Kind>
void multiply_all(float *c, size_t c_row, size_t rows, size_t columns, const Unit *a, size_t a_row, size_t a_step,
                  const Unit *b, size_t b_column, size_t b_step, size_t steps) {
  for (size_t j = 0; j < columns;) {
    size_t some = columns - j == 3 ? 3 : columns - j == 1 ? 1 : 2;  // two, that short sums begin sooner
    auto work = some == 3 ? multiply<Kind, 3> : some == 2 ? multiply<Kind, 2> : multiply<Kind, 1>;
    for (size_t m = 0; m < rows; m += ROWS)
      work(c + m * c_row + j * LANES, c_row, a + m * a_row, a_row, a_step, b + j * b_column, b_column, b_step, steps);
    j += some;
  }
}

}  // namespace LINNET_ISA
}  // namespace linnet_training

#endif
