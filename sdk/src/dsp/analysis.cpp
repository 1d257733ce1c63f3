#include "dsp/analysis.h"

#include <cstring>

#include "base/check.h"
#include "base/sanitise.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/features.h"

namespace linnet::dsp {

void Analysis::reset(int lookahead) {
  memset(static_cast<void *>(this), 0, sizeof *this);
  lookahead_ = lookahead;
  pitch_.reset();
}

void Analysis::begin(const float hop[kFrame]) {
  LINNET_CHECK(
      base::all_within(hop, kFrame, -base::kMaxSample, base::kMaxSample));  // denormals too, until the high-pass filter
  memmove(history_, history_ + kFrame, (kHistory - kFrame) * sizeof(float));
  float *samples = history_ + kHistory - kFrame;
  for (int n = 0; n < kFrame; ++n) samples[n] = hop[n] * kFullScale;
  high_pass_.process(samples);

  newest_ = newest_ + 1 == lookahead_ + 2 ? 0 : newest_ + 1;
  comb_slot_ = 1 - comb_slot_;
  stft_analyze(history_ + kHistory - kWindow, &spectra_[newest_]);
  band_energy(spectra_[newest_], energy_[newest_]);
}

void Analysis::finish(AnalysisFrame *frame) {
  const int delayed = newest_ < lookahead_ ? newest_ + 2 : newest_ - lookahead_;
  Spectrum &comb = comb_[comb_slot_];
  float combed[kWindow];
  comb_filter(window(), frame->pitch.period, lookahead_ * kFrame, combed);
  stft_analyze(combed, &comb);

  const Spectrum &noisy = spectra_[delayed];
  const float *energy = energy_[delayed];
  float comb_energy[kBands], product[kBands];
  band_energy(comb, comb_energy);
  band_product(noisy, comb, product);
  for (int b = 0; b < kBands; ++b) {
    float coherence = product[b] / (1e-3f + __builtin_sqrtf(energy[b] * comb_energy[b]));
    coherence = coherence > 0.0f ? coherence : 0.0f;
    frame->coherence[b] = coherence < 1.0f ? coherence : 1.0f;
    frame->amplitude[b] = __builtin_sqrtf(energy[b]);
  }
  frame->noisy = &noisy;
  frame->comb = &comb;
  make_features(energy_[newest_], frame->coherence, frame->pitch, frame->features);

  LINNET_CHECK(frame->pitch.period >= kMinPeriod && frame->pitch.period <= kMaxPeriod);
  LINNET_CHECK(base::all_within(&frame->pitch.correlation, 1, -1.0f, 1.0f));
  LINNET_CHECK(base::all_sound(frame->amplitude, kBands) && base::all_sound(frame->features, kFeatures));
}

void Analysis::step(int step, const kernels::Kernels &kernels, const float hop[kFrame], AnalysisFrame *frame) {
  if (step == 0) return begin(hop);
  if (step == kSteps - 1) return finish(frame);
  pitch_.step(step - 1, kernels, newest(), window(), lookahead_, &frame->pitch);
}

void Analysis::process(const kernels::Kernels &kernels, const float hop[kFrame], AnalysisFrame *frame) {
  begin(hop);
  frame->pitch = pitch_.process(kernels, newest(), window(), lookahead_);
  finish(frame);
}

}  // namespace linnet::dsp
