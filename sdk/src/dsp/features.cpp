#include "dsp/features.h"

#include "base/math.h"
#include "dsp/channels.h"

namespace linnet::dsp {

void make_levels(const float newest_energy[kBands], float features[kFeatures]) {
  float loudest = -2.0f, follow = -2.0f;
  for (int b = 0; b < kBands; ++b) {
    // The end bands are half triangles: doubled, they read like the others.
    float energy = b == 0 || b == kBands - 1 ? 2.0f * newest_energy[b] : newest_energy[b];
    float level = base::log10_approx(1e-2f + energy);
    level = level > loudest - 7.0f ? level : loudest - 7.0f;
    level = level > follow - 1.5f ? level : follow - 1.5f;
    loudest = loudest > level ? loudest : level;
    follow = follow - 1.5f > level ? follow - 1.5f : level;
    features[b] = 0.3f * (level - 3.0f);
  }
}

void make_pitch_features(const float coherence[kBands], const PitchResult &pitch, float features[kFeatures]) {
  for (int b = 0; b < kBands; ++b) features[kBands + b] = 2.0f * (coherence[b] - 0.6f);
  features[2 * kBands] = 0.01f * static_cast<float>(pitch.period - 300);
  features[2 * kBands + 1] = 2.0f * (pitch.correlation - 0.5f);
}

// The two magnitudes are multiplied after the roots, not under one: the product of two powers may be denormal.
void make_fine_inputs(const Spectrum *newest, const Spectrum *before, int channels, float fine[kFineInputs]) {
  float means[4 * kLowBins];
  mean_over(channels, means, [&](int c, float values[]) {
    for (int k = 0; k < kLowBins; ++k) {
      const float re = newest[c].re[k], im = newest[c].im[k], was_re = before[c].re[k], was_im = before[c].im[k];
      values[k] = re * re + im * im;
      values[kLowBins + k] = was_re * was_re + was_im * was_im;
      values[2 * kLowBins + k] = re * was_re + im * was_im;
      values[3 * kLowBins + k] = im * was_re - re * was_im;
    }
  });
  const float *power = means, *power_before = power + kLowBins;
  const float *in_phase = power_before + kLowBins, *turned = in_phase + kLowBins;
  float *level = fine, *cosine = fine + kLowBins, *sine = cosine + kLowBins;
  for (int k = 0; k < kLowBins; ++k) {
    level[k] = 0.3f * (base::log10_approx(power[k] + 1e-2f) - 3.0f);
    const float size = __builtin_sqrtf(power[k]) * __builtin_sqrtf(power_before[k]) + 1e-2f;
    const float in_middle = k % 2 == 0 ? 1.0f : -1.0f;  // a tone there turns by k half circles
    cosine[k] = in_middle * in_phase[k] / size;
    sine[k] = in_middle * turned[k] / size;
  }
}

}  // namespace linnet::dsp
