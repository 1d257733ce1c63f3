#include "dsp/synthesis.h"

#include <cstring>

#include "base/check.h"
#include "dsp/filter.h"
#include "dsp/gains.h"

namespace linnet::dsp {

namespace {

// Amplitudes of the bands after gains and post-filter.
void targets(const float gains[kBands], const float amplitude[kBands], float postfilter_amount, float target[kBands]) {
  if (postfilter_amount > 0.0f) {
    postfilter(gains, amplitude, postfilter_amount, target);
    for (int b = 0; b < kBands; ++b) target[b] *= amplitude[b];
  } else {
    for (int b = 0; b < kBands; ++b) target[b] = gains[b] * amplitude[b];
  }
}

}  // namespace

void Synthesis::reset() { memset(overlap_, 0, sizeof overlap_); }

void Synthesis::process(const kernels::Kernels &kernels, const AnalysisFrame &frame, const Controls &controls,
                        float postfilter_amount, float heard[kBands], float out[kFrame]) {
  const float *gains = controls.gains, *strengths = controls.strengths;
  LINNET_CHECK(base::all_within(gains, kBands, 0.0f, 1.0f) && base::all_within(strengths, kBands, 0.0f, 1.0f));
  const bool filters = controls.taps != nullptr;
  memcpy(heard, gains, kBands * sizeof(float));
  Spectrum enhanced;
  float target[kBands];
  targets(heard, frame.amplitude, filters ? 0.0f : postfilter_amount, target);
  enhance_spectrum(kernels, *frame.noisy, frame.comb, target, strengths, &enhanced);
  if (filters) {
    add_filtered(frame.near, controls.taps, 2 * frame.reach + 1, &enhanced);
    // What is heard of a low band is the sum of gain and filters, each of which alone may be large in noise.
    heard_gains(enhanced, frame.amplitude, heard);
    if (postfilter_amount > 0.0f) {
      targets(heard, frame.amplitude, postfilter_amount, target);
      scale_bands(kernels, enhanced, target, &enhanced);
    }
  }
  stft_synthesize(enhanced, overlap_, out);
  for (int n = 0; n < kFrame; ++n) out[n] *= 1.0f / kFullScale;
  LINNET_CHECK(base::all_sound(out, kFrame));
}

}  // namespace linnet::dsp
