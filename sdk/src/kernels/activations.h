// The two activation functions of the network in plain arithmetic: + - * / in a fixed order, so that every compiler
// and every instruction set gives the same bits. tanh(x) is an odd rational function of degree 7 over 6,
//
//     x (1 + N1 u + N2 u^2 + N3 u^3) / (1 + D1 u + D2 u^2 + D3 u^3),  u = x^2,  x clamped to +-6.8,
//
// and sigmoid(x) = 0.5 + 0.5 tanh(0.5 x). The coefficients are a minimax fit: the largest |x N(u) - tanh(x) D(u)| /
// D(u) over 6000 points of [0, 6.8], together with 1 - value at 6.8 (all larger x), bisected with a linear program per
// step; slope 1 at 0 was imposed. All coefficients are positive, so that nothing cancels in the Horner chains.
//
// Measured over all floats of [2^-6, 8] and every 16th of [2^-30, 2^-6]: |error of tanh| <= 1.54e-6 (relative error the
// same), |error of sigmoid| <= 7.9e-7 over twice that range, both signs. The fit rises everywhere; by rounding a next
// larger input may fall back by up to 4.8e-7 (tanh) and 2.4e-7 (sigmoid).
#pragma once

namespace linnet::kernels {

constexpr float kTanhClamp = 6.8f;
constexpr float kTanhN1 = 0.123963118f;
constexpr float kTanhN2 = 0.00235820608f;
constexpr float kTanhN3 = 4.29383044e-06f;
constexpr float kTanhD1 = 0.457296818f;
constexpr float kTanhD2 = 0.0214587059f;
constexpr float kTanhD3 = 0.000150954511f;

static inline float rational_tanh(float x) {
  x = x < -kTanhClamp ? -kTanhClamp : x;
  x = x > kTanhClamp ? kTanhClamp : x;
  float u = x * x;
  float numerator = x * (((kTanhN3 * u + kTanhN2) * u + kTanhN1) * u + 1.0f);
  float denominator = ((kTanhD3 * u + kTanhD2) * u + kTanhD1) * u + 1.0f;
  float y = numerator / denominator;
  y = y < -1.0f ? -1.0f : y;
  return y > 1.0f ? 1.0f : y;
}

static inline float rational_sigmoid(float x) { return 0.5f + 0.5f * rational_tanh(0.5f * x); }

// Adding and taking away 1.5 * 2^23 leaves the nearest integer, ties to even, for |x| < 2^22; before the subtraction
// its two's complement stands in the low bits of the float.
constexpr float kRoundToInteger = 12582912.0f;

constexpr float kActivationScale = 127.0f;

}  // namespace linnet::kernels
