#include "dsp/synthesis.h"

#include <cstring>

#include "base/check.h"
#include "dsp/filter.h"
#include "dsp/gains.h"

namespace linnet::dsp {

void Synthesis::reset() { memset(overlap_, 0, sizeof overlap_); }

void Synthesis::process(const kernels::Kernels &kernels, const AnalysisFrame &frame, const Controls &controls,
                        float postfilter_amount, float out[kFrame]) {
  const float *gains = controls.gains, *strengths = controls.strengths;
  LINNET_CHECK(base::all_within(gains, kBands, 0.0f, 1.0f) && base::all_within(strengths, kBands, 0.0f, 1.0f));
  float target[kBands];
  if (postfilter_amount > 0.0f) {
    postfilter(gains, frame.amplitude, postfilter_amount, target);
    for (int b = 0; b < kBands; ++b) target[b] *= frame.amplitude[b];
  } else {
    for (int b = 0; b < kBands; ++b) target[b] = gains[b] * frame.amplitude[b];
  }
  Spectrum enhanced;
  enhance_spectrum(kernels, *frame.noisy, frame.comb, target, strengths, &enhanced);
  if (controls.taps) add_filtered(frame.near, controls.taps, 2 * frame.reach + 1, &enhanced);
  stft_synthesize(enhanced, overlap_, out);
  for (int n = 0; n < kFrame; ++n) out[n] *= 1.0f / kFullScale;
  LINNET_CHECK(base::all_sound(out, kFrame));
}

}  // namespace linnet::dsp
