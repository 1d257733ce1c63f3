#include "dsp/gains.h"

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {

namespace {

constexpr float kMinAmplitude = 1e-9f, kMaxScale = 6.0f;

// a / b, at most `most`.
float ratio_of(float a, float b, float most) {
  const float ratio = a / (b > kMinAmplitude ? b : kMinAmplitude);
  return ratio < most ? ratio : most;
}

}  // namespace

void postfilter(const float gains[kBands], const float amplitude[kBands], float amount, float filtered[kBands]) {
  constexpr float kBeta = 0.02f;
  float warped[kBands], before = 1e-9f, after = 1e-9f;
  for (int b = 0; b < kBands; ++b) {
    warped[b] = gains[b] * base::sine_quarter(gains[b]);
    float x = gains[b] * amplitude[b], y = warped[b] * amplitude[b];
    before += x * x;
    after += y * y;
  }
  // ratio >= 1: the warp only lowers. Capped so that its square stays a float; there the gain is far below 1 anyway.
  float ratio = before / after;
  ratio = ratio < 1e6f ? ratio : 1e6f;
  float restore = __builtin_sqrtf((1.0f + kBeta) * ratio / (1.0f + kBeta * ratio * ratio));
  for (int b = 0; b < kBands; ++b) filtered[b] = gains[b] + amount * (restore * warped[b] - gains[b]);
}

void apply_gains(const kernels::Kernels &kernels, const Spectrum &x, const float gains[kBands], Spectrum *out) {
  float per_bin[kBins];
  band_interpolate(gains, per_bin);
  kernels.mul(out->re, x.re, per_bin, kBins);
  kernels.mul(out->im, x.im, per_bin, kBins);
  base::snap_tiny(out->re, kBins);
  base::snap_tiny(out->im, kBins);
}

void mix_comb(const kernels::Kernels &kernels, const Spectrum &noisy, const Spectrum &comb,
              const float strengths[kBands], Spectrum *out) {
  float per_bin[kBins];
  band_interpolate(strengths, per_bin);
  kernels.blend(out->re, noisy.re, comb.re, per_bin, kBins);
  kernels.blend(out->im, noisy.im, comb.im, per_bin, kBins);
  base::snap_tiny(out->re, kBins);
  base::snap_tiny(out->im, kBins);
}

void gains_towards(const float target[kBands], const float energy[kBands], float gains[kBands]) {
  for (int b = 0; b < kBands; ++b) gains[b] = ratio_of(target[b], __builtin_sqrtf(energy[b]), kMaxScale);
}

void hear_low_bands(const float energy[kLowBands], const float amplitude[kBands], float gains[kLowBands]) {
  for (int b = 0; b < kLowBands; ++b) gains[b] = ratio_of(__builtin_sqrtf(energy[b]), amplitude[b], 1.0f);
}

void gains_beyond(const float gains[kBands], const float filtered[kBands], float rest[kBands]) {
  for (int b = 0; b < kBands; ++b) rest[b] = ratio_of(filtered[b], gains[b], kMaxScale);
}

}  // namespace linnet::dsp
