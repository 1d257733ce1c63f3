// The entries that the NEON tables share: everything but the matrix product. Two vectors of four floats are the eight
// partial sums of kernels.h. Multiplications and additions round separately throughout (no FMLA), as in the reference.
// 32-bit ARM flushes denormals in vectors, so the tables lean on the rule that none arise, and it has no vector
// division, so there the scalar gru divides. Included by each table's file, compiled with its flags.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstring>

#include "base/bits.h"
#include "kernels/activations.h"
#include "kernels/kernels.h"

namespace linnet::kernels {
namespace {

// The first count of four lanes from memory, +0 in the others.
inline float32x4_t load_first(const float *x, int count) {
  float lanes[4] = {};
  memcpy(lanes, x, static_cast<size_t>(count) * sizeof(float));
  return vld1q_f32(lanes);
}

// out[i..i+3] = body(load of element i..i+3), the tail through a buffer.
template <class Body>
inline void for_lanes(float *out, int n, Body body) {
  int i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(out + i, body([i](const float *x) { return vld1q_f32(x + i); }));
  if (i == n) return;
  int count = n - i;
  float lanes[4];
  vst1q_f32(lanes, body([i, count](const float *x) { return load_first(x + i, count); }));
  memcpy(out + i, lanes, static_cast<size_t>(count) * sizeof(float));
}

inline float32x4_t divide(float32x4_t a, float32x4_t b) {
#if defined(__aarch64__)
  return vdivq_f32(a, b);
#else
  float x[4], y[4];
  vst1q_f32(x, a);
  vst1q_f32(y, b);
  for (int k = 0; k < 4; ++k) x[k] /= y[k];
  return vld1q_f32(x);
#endif
}

// c * u + d, two roundings
inline float32x4_t step(float32x4_t c, float32x4_t u, float d) { return vaddq_f32(vmulq_f32(c, u), vdupq_n_f32(d)); }

inline float32x4_t rational_lanes(const Rational &f, float32x4_t x) {
  x = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-f.limit)), vdupq_n_f32(f.limit));
  float32x4_t u = vmulq_f32(x, x);
  float32x4_t numerator = step(step(step(vdupq_n_f32(f.n3), u, f.n2), u, f.n1), u, 1.0f);
  float32x4_t denominator = step(step(step(vdupq_n_f32(f.d3), u, f.d2), u, f.d1), u, 1.0f);
  return divide(vmulq_f32(x, numerator), denominator);
}

inline float32x4_t tanh_lanes(float32x4_t x) { return rational_lanes(kTanh, x); }

// The rounded integers stand in the low bytes; this narrowing and the next keep the low half.
inline uint16x4_t rounded_bits(float32x4_t x) {
  float32x4_t scaled = vmulq_f32(x, vdupq_n_f32(kActivationScale));
  return vmovn_u32(vreinterpretq_u32_f32(vaddq_f32(scaled, vdupq_n_f32(kRoundToInteger))));
}

// The lower bytes of both.
inline void store_bytes(int8_t *out, uint16x4_t low, uint16x4_t high) {
  vst1_s8(out, vreinterpret_s8_u8(vmovn_u16(vcombine_u16(low, high))));
}

void quantize(int8_t *out, const float *x, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) store_bytes(out + i, rounded_bits(vld1q_f32(x + i)), rounded_bits(vld1q_f32(x + i + 4)));
  for (; i < n; ++i) out[i] = static_cast<int8_t>(base::float_bits(x[i] * kActivationScale + kRoundToInteger) & 0xff);
}

void dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    float32x4_t value = vcvtq_f32_s32(vld1q_s32(acc + i));
    vst1q_f32(out + i, vaddq_f32(vmulq_f32(value, vld1q_f32(scale + i)), vld1q_f32(bias + i)));
  }
  for (; i < n; ++i) out[i] = static_cast<float>(acc[i]) * scale[i] + bias[i];
}

inline float32x4_t sigmoid_lanes(float32x4_t x) {
  float32x4_t quarter = vmulq_f32(vdupq_n_f32(0.25f), rational_lanes(kTwiceTanhOfHalf, x));
  return vaddq_f32(vdupq_n_f32(0.5f), quarter);
}

void sigmoid(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return sigmoid_lanes(at(x)); });
}

void tanh(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return tanh_lanes(at(x)); });
}

void add(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return vaddq_f32(at(a), at(b)); });
}

void mul(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return vmulq_f32(at(a), at(b)); });
}

// Four values from k on.
inline float32x4_t values(const Products &of, int k) {
  float32x4_t sums = vcvtq_f32_s32(vld1q_s32(of.sums + k));
  return vaddq_f32(vmulq_f32(sums, vld1q_f32(of.scale + k)), vld1q_f32(of.bias + k));
}

void activate(int8_t *out, int stride, const Products &vectors, int n, int count, int biases) {
  for (int vector = 0; vector < count; ++vector, out += stride) {
    const Products x = vectors.behind(vector * n, vector % biases * n);
    for (int i = 0; i < n; i += 8) {
      store_bytes(out + i, rounded_bits(tanh_lanes(values(x, i))), rounded_bits(tanh_lanes(values(x, i + 4))));
    }
  }
}

void gru_update(float *h, int8_t *quantized, int stride, const Products &inputs, const Products &recurrents, int n,
                int count) {
  for (int gru = 0; gru < count; ++gru, h += n, quantized += stride) {
    // Copies, which no store can change.
    const Products input = inputs.behind(gru * 3 * n), recurrent = recurrents.behind(gru * 3 * n);
    for (int i = 0; i < n; i += 4) {
      float32x4_t reset = sigmoid_lanes(vaddq_f32(values(input, i), values(recurrent, i)));
      float32x4_t update = sigmoid_lanes(vaddq_f32(values(input, n + i), values(recurrent, n + i)));
      float32x4_t gated = vmulq_f32(reset, values(recurrent, 2 * n + i));
      float32x4_t candidate = tanh_lanes(vaddq_f32(values(input, 2 * n + i), gated));
      float32x4_t y = vaddq_f32(candidate, vmulq_f32(update, vsubq_f32(vld1q_f32(h + i), candidate)));
      uint32x4_t kept = vcageq_f32(y, vreinterpretq_f32_u32(vdupq_n_u32(base::kTinyBits)));
      y = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(y), kept));
      vst1q_f32(h + i, y);
      uint16x4_t bits = rounded_bits(y);
      uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(bits, bits))), 0);
      memcpy(quantized + i, &bytes, sizeof bytes);
    }
  }
}

void blend(float *out, const float *a, const float *b, const float *mix, int n) {
  for_lanes(out, n, [=](auto at) {
    float32x4_t from = at(a);
    return vaddq_f32(from, vmulq_f32(at(mix), vsubq_f32(at(b), from)));
  });
}

// Partial sums 0..3 and 4..7.
struct Sums {
  float32x4_t low = vdupq_n_f32(0.0f), high = vdupq_n_f32(0.0f);

  __attribute__((always_inline)) void add_eight(float32x4_t a_low, float32x4_t a_high, const float *b) {
    low = vaddq_f32(low, vmulq_f32(a_low, vld1q_f32(b)));
    high = vaddq_f32(high, vmulq_f32(a_high, vld1q_f32(b + 4)));
  }

  // The last 1..7 elements. Lanes without one add 0 * 0, which leaves a sum that started at +0 as it is.
  __attribute__((always_inline)) void add_tail(const float *a, const float *b, int count) {
    if (count >= 4) {
      low = vaddq_f32(low, vmulq_f32(vld1q_f32(a), vld1q_f32(b)));
      high = vaddq_f32(high, vmulq_f32(load_first(a + 4, count - 4), load_first(b + 4, count - 4)));
    } else {
      low = vaddq_f32(low, vmulq_f32(load_first(a, count), load_first(b, count)));
    }
  }

  // t[0] + t[2], t[1] + t[3] with t[j] = s[j] + s[j + 4]
  __attribute__((always_inline)) float32x2_t folded() const {
    float32x4_t t = vaddq_f32(low, high);
    return vadd_f32(vget_low_f32(t), vget_high_f32(t));
  }
};

float dot(const float *a, const float *b, int n) {
  Sums s;
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    s.add_eight(vld1q_f32(a + i), vld1q_f32(a + i + 4), b + i);
    s.add_eight(vld1q_f32(a + i + 8), vld1q_f32(a + i + 12), b + i + 8);
  }
  for (; i + 8 <= n; i += 8) s.add_eight(vld1q_f32(a + i), vld1q_f32(a + i + 4), b + i);
  if (i < n) s.add_tail(a + i, b + i, n - i);
  float32x2_t pairs = s.folded();
  return vget_lane_f32(vpadd_f32(pairs, pairs), 0);
}

// Four lags share the loads of a and give eight independent chains of additions. Sums are named one by one here and in
// the matrix products, because compilers may leave an array of them in memory.
void correlate(float *out, const float *a, const float *b, int n, int lags) {
  int lag = 0;
  for (; lag + 4 <= lags; lag += 4) {
    const float *shifted = b + lag;
    Sums s0, s1, s2, s3;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
      float32x4_t low = vld1q_f32(a + i), high = vld1q_f32(a + i + 4);
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
    vst1_f32(out + lag, vpadd_f32(s0.folded(), s1.folded()));
    vst1_f32(out + lag + 2, vpadd_f32(s2.folded(), s3.folded()));
  }
  for (; lag < lags; ++lag) out[lag] = dot(a, b + lag, n);
}

}  // namespace
}  // namespace linnet::kernels
