// What must hold where one stage or kernel hands over to another, in debug builds alone: LINNET_CHECK stops the program
// at the instruction, without a word, if its condition is false. With NDEBUG, as in every build that is shipped,
// nothing is evaluated and no instruction is left; the library itself never stops anybody's program. The functions are
// static for the reason given in bits.h.
#pragma once

#include <cstdint>

#include "base/bits.h"

#ifdef NDEBUG
#define LINNET_CHECK(condition) static_cast<void>(sizeof(condition))
#else
#define LINNET_CHECK(condition) ((condition) ? static_cast<void>(0) : __builtin_trap())
#endif

namespace linnet::base {

// Finite and not denormal.
static inline bool is_sound(float x) {
  const uint32_t exponent = float_bits(x) >> 23 & 0xffu;
  return exponent != 0xffu && (exponent != 0 || x == 0.0f);
}

static inline bool all_sound(const float *x, int n) {
  for (int i = 0; i < n; ++i) {
    if (!is_sound(x[i])) return false;
  }
  return true;
}

// False for NaN.
static inline bool all_within(const float *x, int n, float low, float high) {
  for (int i = 0; i < n; ++i) {
    if (!(x[i] >= low && x[i] <= high)) return false;
  }
  return true;
}

}  // namespace linnet::base
