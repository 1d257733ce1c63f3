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
// larger input may fall back by up to 4.8e-7 (tanh) and 2.4e-7 (sigmoid). No float in the range gives more than
// 0.999998868, so that results need no clamp of their own.
#pragma once

namespace linnet::kernels {

// x N(u) / D(u) of x clamped to +-limit.
struct Rational {
  float limit, n1, n2, n3, d1, d2, d3;
};

constexpr Rational kTanh{6.8f,         0.123963118f,  0.00235820608f, 4.29383044e-06f,
                         0.457296818f, 0.0214587059f, 0.000150954511f};

// 2 tanh(x / 2) by the same operations on numbers that are powers of two larger or smaller: each result is rounded as
// it is for tanh, so that 0.5 + 0.25 times this has the bits of 0.5 + 0.5 tanh(0.5 x) and one product less.
constexpr Rational kTwiceTanhOfHalf{2.0f * kTanh.limit, kTanh.n1 / 4.0f,  kTanh.n2 / 16.0f, kTanh.n3 / 64.0f,
                                    kTanh.d1 / 4.0f,    kTanh.d2 / 16.0f, kTanh.d3 / 64.0f};

static inline float rational(const Rational &f, float x) {
  x = x < -f.limit ? -f.limit : x;
  x = x > f.limit ? f.limit : x;
  float u = x * x;
  float numerator = x * (((f.n3 * u + f.n2) * u + f.n1) * u + 1.0f);
  float denominator = ((f.d3 * u + f.d2) * u + f.d1) * u + 1.0f;
  return numerator / denominator;
}

static inline float rational_tanh(float x) { return rational(kTanh, x); }

static inline float rational_sigmoid(float x) { return 0.5f + 0.25f * rational(kTwiceTanhOfHalf, x); }

// Adding and taking away 1.5 * 2^23 leaves the nearest integer, ties to even, for |x| < 2^22; before the subtraction
// its two's complement stands in the low bits of the float.
constexpr float kRoundToInteger = 12582912.0f;

constexpr float kActivationScale = 127.0f;

}  // namespace linnet::kernels
