#include "dsp/analysis.h"

#include <cstring>

#include "base/check.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/features.h"

namespace linnet::dsp {

void Analysis::reset(int lookahead) {
  memset(static_cast<void *>(this), 0, sizeof *this);
  lookahead_ = lookahead;
  pitch_.reset();
}

void Analysis::process(const kernels::Kernels &kernels, const float hop[kFrame], AnalysisFrame *frame) {
  LINNET_CHECK(base::all_within(hop, kFrame, -4.0f, 4.0f));  // denormals too, until the high-pass filter
  memmove(history_, history_ + kFrame, (kHistory - kFrame) * sizeof(float));
  float *newest = history_ + kHistory - kFrame;
  for (int n = 0; n < kFrame; ++n) newest[n] = hop[n] * kFullScale;
  high_pass_.process(newest);

  const int slots = lookahead_ + 2;
  newest_ = newest_ + 1 == slots ? 0 : newest_ + 1;
  const int delayed = newest_ < lookahead_ ? newest_ - lookahead_ + slots : newest_ - lookahead_;
  comb_slot_ = 1 - comb_slot_;
  Spectrum &comb = comb_[comb_slot_];
  stft_analyze(history_ + kHistory - kWindow, &spectra_[newest_]);
  band_energy(spectra_[newest_], energy_[newest_]);

  const float *window = history_ + kHistory - kWindow - lookahead_ * kFrame;
  frame->pitch = pitch_.process(kernels, newest, window, lookahead_);
  float combed[kWindow];
  comb_filter(window, frame->pitch.period, lookahead_ * kFrame, combed);
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

}  // namespace linnet::dsp
