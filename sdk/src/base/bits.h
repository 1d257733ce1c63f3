// Bit patterns of floats. Denormals differ in cost and, on 32-bit ARM NEON, in value between CPUs; every recurrent
// state and every stage border is therefore snapped to zero by an integer test of the exponent, long before a
// denormal can arise. The functions are static, so that a copy compiled with the flags of one instruction set can never
// stand in for another object's copy at link time.
#pragma once

#include <cstdint>
#include <cstring>

namespace linnet::base {

static inline uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// x, or +0 where |x| < 2^-40. With full scale at 2^15 and squares and products taken at most twice, nothing that
// survives can lead to a denormal.
constexpr uint32_t kTinyBits = (127u - 40u) << 23;
static inline float snap_tiny(float x) {
  uint32_t bits = float_bits(x);
  return (bits & 0x7fffffffu) < kTinyBits ? 0.0f : x;
}

static inline void snap_tiny(float *x, int n) {
  for (int i = 0; i < n; ++i) {
    uint32_t bits = float_bits(x[i]);
    x[i] = bits_float((bits & 0x7fffffffu) < kTinyBits ? 0u : bits);
  }
}

}  // namespace linnet::base
