// The few elementary functions of the frame path, in + - * / alone, so that they give the same bits everywhere (libm
// does not). The constexpr sine serves the tables, which the compiler evaluates: no libm at run time, no generator.
#pragma once

#include <cfloat>
#include <cstdint>

#include "base/bits.h"

#if defined(__FAST_MATH__) || FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error "linnet needs IEEE arithmetic in the precision of its types: no -ffast-math, no x87 (docs/exactness.md, 1 to 3)"
#endif

namespace linnet::base {

constexpr double kPi = 3.14159265358979323846;

// Taylor series about 0 for |x| <= pi, error under 1e-15. For tables only.
constexpr double table_sine(double x) {
  double term = x, sum = x;
  for (int k = 1; k <= 14; ++k) {
    term *= -x * x / ((2 * k) * (2 * k + 1));
    sum += term;
  }
  return sum;
}

constexpr double table_cosine(double x) {
  double term = 1.0, sum = 1.0;
  for (int k = 1; k <= 14; ++k) {
    term *= -x * x / ((2 * k - 1) * (2 * k));
    sum += term;
  }
  return sum;
}

// log10(x) for normal x > 0, absolute error under 1e-6: exponent plus the series of 2 atanh((m - 1) / (m + 1)).
inline float log10_approx(float x) {
  uint32_t bits = float_bits(x);
  int exponent = static_cast<int>(bits >> 23) - 127;
  float mantissa = bits_float((bits & 0x007fffffu) | 0x3f800000u);
  if (mantissa > 1.41421356f) {
    mantissa *= 0.5f;
    exponent += 1;
  }
  float t = (mantissa - 1.0f) / (mantissa + 1.0f);
  float t2 = t * t;
  float series = t * (2.0f + t2 * (0.666666667f + t2 * (0.4f + t2 * (0.285714286f + t2 * 0.222222222f))));
  return static_cast<float>(exponent) * 0.301029996f + series * 0.434294482f;
}

// sin(pi/2 x) for |x| <= 1, error under 2e-7: Taylor to the eleventh power.
inline float sine_quarter(float x) {
  float t = 1.57079633f * x;
  float t2 = t * t;
  return t *
         (1.0f + t2 * (-1.66666667e-1f +
                       t2 * (8.33333333e-3f + t2 * (-1.98412698e-4f + t2 * (2.75573192e-6f + t2 * -2.50521084e-8f)))));
}

}  // namespace linnet::base
