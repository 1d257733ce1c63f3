#include "dsp/synthesis.h"

#include <cstring>

#include "base/check.h"
#include "dsp/filter.h"
#include "dsp/gains.h"

namespace linnet::dsp {

namespace {

// The post-filter if there is one to be.
void filter(const float gains[kBands], const float amplitude[kBands], float amount, float filtered[kBands]) {
  if (amount > 0.0f) {
    postfilter(gains, amplitude, amount, filtered);
  } else {
    memcpy(filtered, gains, kBands * sizeof(float));
  }
}

}  // namespace

void Synthesis::reset() { memset(overlap_, 0, sizeof overlap_); }

void Synthesis::process(const kernels::Kernels &kernels, const Rate &rate, const AnalysisFrame &frame,
                        const Controls &controls, float postfilter_amount, float heard[kBands], float *out) {
  const float *gains = controls.gains, *strengths = controls.strengths;
  LINNET_CHECK(base::all_within(gains, kBands, 0.0f, 1.0f) && base::all_within(strengths, kBands, 0.0f, 1.0f));
  // Filters of low bins change what the gains left, so that the post-filter comes after them.
  const bool filters = controls.taps != nullptr;
  float filtered[kBands];
  filter(gains, frame.amplitude, filters ? 0.0f : postfilter_amount, filtered);
  Spectrum enhanced;
  if (frame.comb) {
    for (int b = 0; b < kBands; ++b) filtered[b] *= frame.amplitude[b];
    enhance_spectrum(kernels, *frame.noisy, *frame.comb, filtered, strengths, &enhanced);
  } else {
    apply_gains(kernels, *frame.noisy, filtered, &enhanced);
  }
  memcpy(heard, gains, kBands * sizeof(float));
  if (filters) {
    add_filtered(frame.near, controls.taps, 2 * frame.reach + 1, &enhanced);
    hear_low_bands(enhanced, frame.amplitude, heard);
    if (postfilter_amount > 0.0f) {
      filter(heard, frame.amplitude, postfilter_amount, filtered);
      gains_beyond(heard, filtered, filtered);
      apply_gains(kernels, enhanced, filtered, &enhanced);
    }
  }
  stft_synthesize(rate, enhanced, overlap_, out);
  for (int n = 0; n < rate.frame; ++n) out[n] *= 1.0f / kFullScale;
  LINNET_CHECK(base::all_sound(out, rate.frame));
}

}  // namespace linnet::dsp
