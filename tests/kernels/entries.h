// The kernel table as data for checkkernels: for each entry how many elements it reads and writes, how inputs are drawn
// (random and extreme) and how it is called. One list serves the comparison and the benchmark.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace checkkernels {

using linnet::kernels::Kernels;

// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int below(int n) { return static_cast<int>(next() % static_cast<uint64_t>(n)); }
  bool coin() { return (next() & 1) != 0; }
  float unit() { return static_cast<float>(static_cast<int32_t>(next() >> 40) - (1 << 23)) / (1 << 23); }  // [-1, 1)

 private:
  uint64_t state_;
};

inline float power_of_two(int exponent) {
  uint32_t bits = static_cast<uint32_t>(exponent + 127) << 23;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

enum Pattern { kUniform, kWide, kSpecial, kTiny, kConstant, kPatterns };

// Wide values lie within 2^-58..2^49, so that no product of two of their differences is denormal and no sum overflows.
inline float draw(Random &random, Pattern pattern) {
  switch (pattern) {
    case kWide:
      return random.unit() * power_of_two(random.below(85) - 35);
    case kSpecial: {
      const float values[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 32768.0f, -32768.0f, 1.0f + FLT_EPSILON, 127.0f};
      return values[random.below(10)];
    }
    case kTiny: {  // about the border of snapping
      const float border = power_of_two(-40);
      const float values[] = {0.0f, -0.0f, border, border * (1.0f - FLT_EPSILON / 2), border * (1.0f + FLT_EPSILON)};
      float x = values[random.below(5)];
      return random.coin() ? x : -x;
    }
    default:
      return random.unit();
  }
}

// In [-1, 1] and a rounding error around it, as quantize promises to take; half of the special ones are ties.
inline float draw_activation(Random &random, Pattern pattern) {
  if (pattern == kSpecial && random.coin()) return (static_cast<float>(random.below(254) - 127) + 0.5f) / 127.0f;
  const float values[] = {1.0f, -1.0f, 1.0f + FLT_EPSILON, -1.0f - FLT_EPSILON, 0.0f, -0.0f};
  if (pattern == kSpecial) return values[random.below(6)];
  return pattern == kTiny ? draw(random, kTiny) : random.unit();
}

// Any finite argument of an activation function: steep part, around the clamp, huge.
inline float draw_argument(Random &random, Pattern pattern) {
  if (pattern == kUniform) return random.unit() * 10.0f;
  if (pattern == kConstant) return (random.coin() ? 6.8f : -6.8f) * (1.0f + FLT_EPSILON * random.unit() * 8.0f);
  if (pattern == kSpecial && random.coin()) return random.coin() ? FLT_MAX : -FLT_MAX;
  return draw(random, pattern);
}

inline int8_t draw_byte(Random &random, Pattern pattern, int8_t constant) {
  switch (pattern) {
    case kSpecial:
      return random.coin() ? 127 : -127;
    case kTiny:
      return static_cast<int8_t>(random.below(3) - 1);
    case kConstant:
      return constant;
    case kWide:
      return static_cast<int8_t>((random.below(3) - 1) * 127);
    default:
      return static_cast<int8_t>(random.below(255) - 127);
  }
}

struct Sizes {
  int n;           // elements; rows of a matrix
  int m;           // lags of correlate, columns of a matrix, biases of activate, else 0
  int many = 0;    // vectors of gemm_s8 and activate, GRUs of gru_update
  int stride = 0;  // from each of them to the next
};

constexpr int kMaxInputs = 4;

struct Array {
  int element;             // bytes, 0: none
  size_t (*count)(Sizes);  // elements
};

struct Entry {
  const char *name;
  Array output;
  Array inputs[kMaxInputs];
  unsigned in_place;  // bit i: output may be input i
  bool must_alias;    // output is input 0, always
  void (*fill)(Random &, Pattern, Sizes, void *const inputs[]);
  void (*call)(const Kernels &, void *out, const void *const inputs[], Sizes);
};

inline size_t count_n(Sizes s) { return static_cast<size_t>(s.n); }
inline size_t count_2n(Sizes s) { return 2 * static_cast<size_t>(s.n); }
inline size_t count_12n(Sizes s) { return 12 * static_cast<size_t>(s.n); }
inline size_t count_m(Sizes s) { return static_cast<size_t>(s.m); }
inline size_t count_sums(Sizes s) { return 3 * static_cast<size_t>(s.n) * static_cast<size_t>(s.many); }
inline size_t count_bytes(Sizes s) { return s.many == 0 ? 0 : static_cast<size_t>((s.many - 1) * s.stride + s.n); }
// States, and behind them what they are quantised to.
inline size_t count_states(Sizes s) { return static_cast<size_t>(s.n * s.many) + (count_bytes(s) + 3) / 4; }
inline size_t count_outputs(Sizes s) { return static_cast<size_t>(s.n) * static_cast<size_t>(s.many); }
inline size_t count_strided(Sizes s) { return s.many == 0 ? 0 : static_cast<size_t>((s.many - 1) * s.stride + s.m); }
inline size_t count_nm(Sizes s) { return static_cast<size_t>(s.n) * static_cast<size_t>(s.m); }
inline size_t count_one(Sizes) { return 1; }
inline size_t count_lagged(Sizes s) { return s.m == 0 || s.n == 0 ? 0 : static_cast<size_t>(s.n + s.m - 1); }

// Blocks that the sparse test matrices store: all, none, one, or any number for a group of 8 rows.
inline size_t stored_blocks(Sizes s, size_t group) {
  const size_t columns = static_cast<size_t>(s.m) / 4;
  const size_t some = Random(group + 1000 * columns).next() % (columns + 1), choices[] = {columns, some, 0, some, 1};
  return columns == 0 ? 0 : choices[(group + columns) % 5];
}
inline size_t count_groups(Sizes s) { return static_cast<size_t>(s.n) / 8; }
inline size_t count_blocks(Sizes s) {
  size_t total = 0;
  for (size_t group = 0; group < count_groups(s); ++group) total += stored_blocks(s, group);
  return total;
}
inline size_t count_block_bytes(Sizes s) { return 32 * count_blocks(s); }

template <class Draw>
inline void fill_floats(void *to, size_t count, Random &random, Pattern pattern, Draw draw_one) {
  float *x = static_cast<float *>(to);
  float constant = draw_one(random, pattern);
  for (size_t i = 0; i < count; ++i) x[i] = pattern == kConstant ? constant : draw_one(random, pattern);
}

// -127..127; with kConstant all of them zero or one of the two ends.
inline void fill_bytes(void *to, size_t count, Random &random, Pattern pattern) {
  int8_t *x = static_cast<int8_t *>(to);
  const int8_t constant = static_cast<int8_t>((random.below(3) - 1) * 127);
  for (size_t i = 0; i < count; ++i) x[i] = draw_byte(random, pattern, constant);
}

// The widest sums are far below 2^27; the special ones are the ends of int32.
inline void fill_sums(void *to, size_t count, Random &random, Pattern pattern) {
  int32_t *sums = static_cast<int32_t *>(to);
  for (size_t i = 0; i < count; ++i) {
    sums[i] = pattern == kSpecial ? (random.coin() ? INT32_MAX : INT32_MIN) : random.below(1 << 28) - (1 << 27);
  }
}

// A matrix and what it is multiplied with.
template <size_t (*count)(Sizes)>
inline void fill_factors(Random &random, Pattern pattern, Sizes s, void *const inputs[]) {
  fill_bytes(inputs[0], count_nm(s), random, pattern);
  fill_bytes(inputs[1], count(s), random, pattern);
}

template <int Inputs>
inline void fill_values(Random &random, Pattern pattern, Sizes s, void *const inputs[]) {
  for (int i = 0; i < Inputs; ++i) fill_floats(inputs[i], count_n(s), random, pattern, draw);
}

inline void fill_arguments(Random &random, Pattern pattern, Sizes s, void *const inputs[]) {
  float *x = static_cast<float *>(inputs[0]);
  for (int i = 0; i < s.n; ++i) x[i] = draw_argument(random, pattern);
}

inline const float *floats(const void *p) { return static_cast<const float *>(p); }
inline float *floats(void *p) { return static_cast<float *>(p); }
inline const int8_t *bytes(const void *p) { return static_cast<const int8_t *>(p); }

constexpr Array kNone = {0, nullptr};
constexpr Array kFloats = {4, count_n};

// In the order of the table.
const Entry kEntries[] = {
    {"gemv_s8",
     {4, count_n},
     {{1, count_nm}, {1, count_m}, kNone, kNone},
     0,
     false,
     fill_factors<count_m>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.gemv_s8(static_cast<int32_t *>(out), bytes(in[0]), bytes(in[1]), s.n, s.m);
     }},
    {"gemv2_s8",
     {4, count_2n},
     {{1, count_nm}, {1, count_m}, {1, count_m}, kNone},
     0,
     false,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_factors<count_m>(random, pattern, s, in);
       fill_bytes(in[2], count_m(s), random, pattern);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.gemv2_s8(static_cast<int32_t *>(out), bytes(in[0]), bytes(in[1]), bytes(in[2]), s.n, s.m);
     }},
    {"gemm_s8",
     {4, count_outputs},
     {{1, count_nm}, {1, count_strided}, kNone, kNone},
     0,
     false,
     fill_factors<count_strided>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.gemm_s8(static_cast<int32_t *>(out), bytes(in[0]), bytes(in[1]), s.stride, s.n, s.m, s.many);
     }},
    {"sparse_gemv_s8",
     {4, count_n},
     {{2, count_groups}, {2, count_blocks}, {1, count_block_bytes}, {1, count_m}},
     0,
     false,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       uint16_t *counts = static_cast<uint16_t *>(in[0]), *columns = static_cast<uint16_t *>(in[1]);
       for (size_t group = 0; group < count_groups(s); ++group) {
         size_t wanted = stored_blocks(s, group), left = count_m(s) / 4;
         counts[group] = static_cast<uint16_t>(wanted);
         // Knuth's selection sampling: rising, every set of columns equally likely.
         for (uint16_t column = 0; wanted > 0; ++column, --left) {
           if (random.next() % left >= wanted) continue;
           *columns++ = column;
           --wanted;
         }
       }
       fill_bytes(in[2], count_block_bytes(s), random, pattern);
       fill_bytes(in[3], count_m(s), random, pattern);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.sparse_gemv_s8(static_cast<int32_t *>(out), static_cast<const uint16_t *>(in[0]),
                        static_cast<const uint16_t *>(in[1]), bytes(in[2]), bytes(in[3]), s.n);
     }},
    {"quantize",
     {1, count_n},
     {kFloats, kNone, kNone, kNone},
     0,
     false,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_floats(in[0], count_n(s), random, pattern, draw_activation);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.quantize(static_cast<int8_t *>(out), floats(in[0]), s.n);
     }},
    {"dequantize",
     kFloats,
     {{4, count_n}, kFloats, kFloats, kNone},
     0,
     false,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_sums(in[0], count_n(s), random, pattern);
       fill_floats(in[1], count_n(s), random, pattern, draw);
       fill_floats(in[2], count_n(s), random, pattern, draw);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.dequantize(floats(out), static_cast<const int32_t *>(in[0]), floats(in[1]), floats(in[2]), s.n);
     }},
    {"activate",
     {1, count_bytes},
     {{1, count_bytes}, {4, count_outputs}, kFloats, {4, count_nm}},
     1,
     true,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_bytes(in[0], count_bytes(s), random, pattern);
       fill_sums(in[1], count_outputs(s), random, pattern);
       fill_floats(in[2], count_n(s), random, pattern, draw);
       fill_floats(in[3], count_nm(s), random, pattern, draw);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.activate(static_cast<int8_t *>(out), s.stride,
                  {static_cast<const int32_t *>(in[1]), floats(in[2]), floats(in[3])}, s.n, s.many, s.m);
     }},
    {"sigmoid",
     kFloats,
     {kFloats, kNone, kNone, kNone},
     1,
     false,
     fill_arguments,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) { k.sigmoid(floats(out), floats(in[0]), s.n); }},
    {"tanh",
     kFloats,
     {kFloats, kNone, kNone, kNone},
     1,
     false,
     fill_arguments,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) { k.tanh(floats(out), floats(in[0]), s.n); }},
    {"add",
     kFloats,
     {kFloats, kFloats, kNone, kNone},
     3,
     false,
     fill_values<2>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.add(floats(out), floats(in[0]), floats(in[1]), s.n);
     }},
    {"mul",
     kFloats,
     {kFloats, kFloats, kNone, kNone},
     3,
     false,
     fill_values<2>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.mul(floats(out), floats(in[0]), floats(in[1]), s.n);
     }},
    {"gru_update",
     {4, count_states},
     {{4, count_states}, {4, count_sums}, {4, count_sums}, {4, count_12n}},
     1,
     true,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_floats(in[0], count_states(s), random, pattern, draw_activation);
       fill_sums(in[1], count_sums(s), random, pattern);
       fill_sums(in[2], count_sums(s), random, pattern);
       fill_floats(in[3], count_12n(s), random, pattern, draw);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       const float *rows = floats(in[3]);  // scale and bias of the one, scale and bias of the other
       float *states = floats(out);
       k.gru_update(states, reinterpret_cast<int8_t *>(states + s.n * s.many), s.stride,
                    {static_cast<const int32_t *>(in[1]), rows, rows + 3 * s.n},
                    {static_cast<const int32_t *>(in[2]), rows + 6 * s.n, rows + 9 * s.n}, s.n, s.many);
     }},
    {"blend",
     kFloats,
     {kFloats, kFloats, kFloats, kNone},
     7,
     false,
     fill_values<3>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.blend(floats(out), floats(in[0]), floats(in[1]), floats(in[2]), s.n);
     }},
    {"dot",
     {4, count_one},
     {kFloats, kFloats, kNone, kNone},
     0,
     false,
     fill_values<2>,
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       *floats(out) = k.dot(floats(in[0]), floats(in[1]), s.n);
     }},
    {"correlate",
     {4, count_m},
     {kFloats, {4, count_lagged}, kNone, kNone},
     0,
     false,
     [](Random &random, Pattern pattern, Sizes s, void *const in[]) {
       fill_floats(in[0], count_n(s), random, pattern, draw);
       fill_floats(in[1], count_lagged(s), random, pattern, draw);
     },
     [](const Kernels &k, void *out, const void *const in[], Sizes s) {
       k.correlate(floats(out), floats(in[0]), floats(in[1]), s.n, s.m);
     }},
};

}  // namespace checkkernels
