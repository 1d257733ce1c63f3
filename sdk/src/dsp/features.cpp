#include "dsp/features.h"

#include "base/math.h"

namespace linnet::dsp {

void make_features(const float newest_energy[kBands], const float coherence[kBands], const PitchResult &pitch,
                   float features[kFeatures]) {
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
  for (int b = 0; b < kBands; ++b) features[kBands + b] = 2.0f * (coherence[b] - 0.6f);
  features[2 * kBands] = 0.01f * static_cast<float>(pitch.period - 300);
  features[2 * kBands + 1] = 2.0f * (pitch.correlation - 0.5f);
}

}  // namespace linnet::dsp
