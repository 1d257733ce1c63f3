// What becomes of a sample that is no usable number, the same for the engine and for the laboratory.
#pragma once

#include <cstdint>

#include "base/bits.h"

namespace linnet::base {

constexpr float kMaxSample = 4.0f;  // full scale is 1

// NaN and infinity become +0, magnitudes above 4 become +-4; all else, -0 and denormals included, is kept. By integer
// tests, so that no compiler option and no floating-point mode changes it.
inline float sanitise(float x) {
  const uint32_t bits = float_bits(x);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t limit = float_bits(kMaxSample);
  if (magnitude >= 0x7f800000u) return 0.0f;
  return magnitude > limit ? bits_float((bits & 0x80000000u) | limit) : x;
}

}  // namespace linnet::base
