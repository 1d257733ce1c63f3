// The entries that the AVX2 and the VNNI tables share: everything but the matrix product. Eight float lanes are the
// eight partial sums of kernels.h, so vector code and reference agree in the order of every sum. The last n % 8
// elements go through a buffer with +0 in the unused lanes; adding 0 * 0 leaves a partial sum as it is, because a sum
// that starts at +0 is never -0. Included by each table's file, compiled with its flags.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstring>

#include "base/bits.h"
#include "kernels/activations.h"
#include "kernels/kernels.h"

namespace linnet::kernels {
namespace {

inline __m256 load(const float *x) { return _mm256_loadu_ps(x); }

// The first count of eight lanes from memory, +0 in the others. Not a masked load: emulators get its faults wrong, and
// some CPUs are slow at it.
inline __m256 load_first(const float *x, int count) {
  float lanes[8] = {};
  memcpy(lanes, x, static_cast<size_t>(count) * sizeof(float));
  return _mm256_loadu_ps(lanes);
}

// out[i..i+7] = body(load of element i..i+7), the tail through a buffer.
template <class Body>
inline void for_lanes(float *out, int n, Body body) {
  int i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, body([i](const float *x) { return load(x + i); }));
  if (i == n) return;
  int count = n - i;
  float lanes[8];
  _mm256_storeu_ps(lanes, body([i, count](const float *x) { return load_first(x + i, count); }));
  memcpy(out + i, lanes, static_cast<size_t>(count) * sizeof(float));
}

// c * u + d, two roundings
inline __m256 step(__m256 c, __m256 u, float d) { return _mm256_add_ps(_mm256_mul_ps(c, u), _mm256_set1_ps(d)); }

inline __m256 rational_lanes(const Rational &f, __m256 x) {
  x = _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-f.limit)), _mm256_set1_ps(f.limit));
  __m256 u = _mm256_mul_ps(x, x);
  __m256 numerator = step(step(step(_mm256_set1_ps(f.n3), u, f.n2), u, f.n1), u, 1.0f);
  __m256 denominator = step(step(step(_mm256_set1_ps(f.d3), u, f.d2), u, f.d1), u, 1.0f);
  return _mm256_div_ps(_mm256_mul_ps(x, numerator), denominator);
}

inline __m256 tanh_lanes(__m256 x) { return rational_lanes(kTanh, x); }

inline __m256i rounded_bits(__m256 x) {
  __m256 scaled = _mm256_mul_ps(x, _mm256_set1_ps(kActivationScale));
  __m256i bits = _mm256_castps_si256(_mm256_add_ps(scaled, _mm256_set1_ps(kRoundToInteger)));
  return _mm256_and_si256(bits, _mm256_set1_epi32(0xff));
}

void quantize(int8_t *out, const float *x, int n) {
  int i = 0;
  for (; i + 32 <= n; i += 32) {
    // The packs work within 128-bit halves; the permutation puts the groups of four back in order.
    __m256i low = _mm256_packus_epi32(rounded_bits(load(x + i)), rounded_bits(load(x + i + 8)));
    __m256i high = _mm256_packus_epi32(rounded_bits(load(x + i + 16)), rounded_bits(load(x + i + 24)));
    __m256i bytes = _mm256_packus_epi16(low, high);
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + i), bytes);
  }
  for (; i < n; ++i) out[i] = static_cast<int8_t>(base::float_bits(x[i] * kActivationScale + kRoundToInteger) & 0xff);
}

void dequantize(float *out, const int32_t *acc, const float *scale, const float *bias, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 value = _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(acc + i)));
    _mm256_storeu_ps(out + i, _mm256_add_ps(_mm256_mul_ps(value, load(scale + i)), load(bias + i)));
  }
  for (; i < n; ++i) out[i] = static_cast<float>(acc[i]) * scale[i] + bias[i];
}

inline __m256 sigmoid_lanes(__m256 x) {
  __m256 quarter = _mm256_mul_ps(_mm256_set1_ps(0.25f), rational_lanes(kTwiceTanhOfHalf, x));
  return _mm256_add_ps(_mm256_set1_ps(0.5f), quarter);
}

void sigmoid(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return sigmoid_lanes(at(x)); });
}

void tanh(float *out, const float *x, int n) {
  for_lanes(out, n, [=](auto at) { return tanh_lanes(at(x)); });
}

void add(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return _mm256_add_ps(at(a), at(b)); });
}

void mul(float *out, const float *a, const float *b, int n) {
  for_lanes(out, n, [=](auto at) { return _mm256_mul_ps(at(a), at(b)); });
}

// Eight values from k on.
inline __m256 values(const Products &of, int k) {
  __m256 sums = _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(of.sums + k)));
  return _mm256_add_ps(_mm256_mul_ps(sums, load(of.scale + k)), load(of.bias + k));
}

inline void store_bytes(int8_t *out, __m256i bits) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i *>(out), _mm_packus_epi16(words, words));
}

void activate(int8_t *out, int stride, const Products &vectors, int n, int count, int biases) {
  for (int vector = 0; vector < count; ++vector, out += stride) {
    const Products x = vectors.behind(vector * n, vector % biases * n);
    for (int i = 0; i < n; i += 8) store_bytes(out + i, rounded_bits(tanh_lanes(values(x, i))));
  }
}

void gru_update(float *h, int8_t *quantized, int stride, const Products &inputs, const Products &recurrents, int n,
                int count) {
  for (int gru = 0; gru < count; ++gru, h += n, quantized += stride) {
    // Copies, which no store can change.
    const Products input = inputs.behind(gru * 3 * n), recurrent = recurrents.behind(gru * 3 * n);
    for (int i = 0; i < n; i += 8) {
      __m256 reset = sigmoid_lanes(_mm256_add_ps(values(input, i), values(recurrent, i)));
      __m256 update = sigmoid_lanes(_mm256_add_ps(values(input, n + i), values(recurrent, n + i)));
      __m256 gated = _mm256_mul_ps(reset, values(recurrent, 2 * n + i));
      __m256 candidate = tanh_lanes(_mm256_add_ps(values(input, 2 * n + i), gated));
      __m256 y = _mm256_add_ps(candidate, _mm256_mul_ps(update, _mm256_sub_ps(load(h + i), candidate)));
      __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(y), _mm256_set1_epi32(0x7fffffff));
      __m256i tiny = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(base::kTinyBits)), magnitude);
      y = _mm256_andnot_ps(_mm256_castsi256_ps(tiny), y);
      _mm256_storeu_ps(h + i, y);
      store_bytes(quantized + i, rounded_bits(y));
    }
  }
}

void blend(float *out, const float *a, const float *b, const float *mix, int n) {
  for_lanes(out, n, [=](auto at) {
    __m256 from = at(a);
    return _mm256_add_ps(from, _mm256_mul_ps(at(mix), _mm256_sub_ps(at(b), from)));
  });
}

// t[j] = s[j] + s[j + 4]
inline __m128 fold(__m256 s) { return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)); }

float dot(const float *a, const float *b, int n) {
  __m256 s = _mm256_setzero_ps();
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    s = _mm256_add_ps(s, _mm256_mul_ps(load(a + i), load(b + i)));
    s = _mm256_add_ps(s, _mm256_mul_ps(load(a + i + 8), load(b + i + 8)));
  }
  for (; i + 8 <= n; i += 8) s = _mm256_add_ps(s, _mm256_mul_ps(load(a + i), load(b + i)));
  if (i < n) s = _mm256_add_ps(s, _mm256_mul_ps(load_first(a + i, n - i), load_first(b + i, n - i)));
  __m128 t = fold(s);
  __m128 pairs = _mm_add_ps(t, _mm_movehl_ps(t, t));  // t[0] + t[2], t[1] + t[3]
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps(pairs, pairs, 1)));
}

// The partial sums of four lags, named one by one, because compilers may leave an array of them in memory.
struct FourLags {
  __m256 s0 = _mm256_setzero_ps(), s1 = _mm256_setzero_ps(), s2 = _mm256_setzero_ps(), s3 = _mm256_setzero_ps();

  __attribute__((always_inline)) void add(__m256 x, __m256 b0, __m256 b1, __m256 b2, __m256 b3) {
    s0 = _mm256_add_ps(s0, _mm256_mul_ps(x, b0));
    s1 = _mm256_add_ps(s1, _mm256_mul_ps(x, b1));
    s2 = _mm256_add_ps(s2, _mm256_mul_ps(x, b2));
    s3 = _mm256_add_ps(s3, _mm256_mul_ps(x, b3));
  }

  __attribute__((always_inline)) void add_eight(__m256 x, const float *b) {
    add(x, load(b), load(b + 1), load(b + 2), load(b + 3));
  }

  __attribute__((always_inline)) void add_tail(__m256 x, const float *b, int count) {
    add(x, load_first(b, count), load_first(b + 1, count), load_first(b + 2, count), load_first(b + 3, count));
  }

  __attribute__((always_inline)) void store(float *out) const {
    __m128 t0 = fold(s0), t1 = fold(s1), t2 = fold(s2), t3 = fold(s3);
    _MM_TRANSPOSE4_PS(t0, t1, t2, t3);
    _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(t0, t2), _mm_add_ps(t1, t3)));
  }
};

// Eight lags share the loads of a and give eight independent chains of additions, enough to hide their latency.
void correlate(float *out, const float *a, const float *b, int n, int lags) {
  int lag = 0;
  for (; lag + 8 <= lags; lag += 8) {
    const float *shifted = b + lag;
    FourLags near, far;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
      __m256 x = load(a + i);
      near.add_eight(x, shifted + i);
      far.add_eight(x, shifted + i + 4);
    }
    if (i < n) {
      __m256 x = load_first(a + i, n - i);
      near.add_tail(x, shifted + i, n - i);
      far.add_tail(x, shifted + i + 4, n - i);
    }
    near.store(out + lag);
    far.store(out + lag + 4);
  }
  for (; lag < lags; ++lag) out[lag] = dot(a, b + lag, n);
}

}  // namespace
}  // namespace linnet::kernels
