#include "dsp/analysis.h"

#include <cstring>

#include "base/check.h"
#include "base/sanitise.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/features.h"

namespace linnet::dsp {

Analysis::Rings Analysis::take_rings(base::Arena &arena, const AnalysisWants &wants) {
  const size_t count = static_cast<size_t>(slots(wants));
  return {arena.take<Spectrum>(count), arena.take<float[kBands]>(count), arena.take<Spectrum>(wants.pitch ? 2 : 0),
          arena.take<float[kFineInputs]>(wants.fine ? 2 : 0),
          arena.take<float>(wants.rate.hertz == kSampleRate ? 0 : static_cast<size_t>(wants.rate.window))};
}

void Analysis::attach(const AnalysisWants &wants, const Rings &rings) {
  wants_ = wants;
  rings_ = rings;
}

void Analysis::reset() {
  const AnalysisWants wants = wants_;
  const Rings rings = rings_;
  memset(static_cast<void *>(this), 0, sizeof *this);
  attach(wants, rings);
  const size_t count = static_cast<size_t>(slots(wants));
  memset(static_cast<void *>(rings.spectra), 0, count * sizeof *rings.spectra);
  memset(rings.energy, 0, count * sizeof *rings.energy);
  if (wants.pitch) memset(static_cast<void *>(rings.comb), 0, 2 * sizeof *rings.comb);
  if (wants.fine) memset(rings.fine, 0, 2 * sizeof *rings.fine);
  if (!full_rate()) memset(rings.samples, 0, static_cast<size_t>(wants.rate.window) * sizeof(float));
  pitch_.reset();
}

void Analysis::begin(const kernels::Kernels &kernels, const float *hop) {
  const Rate &rate = wants_.rate;
  // Denormals too, until the high-pass filter.
  LINNET_CHECK(base::all_within(hop, rate.frame, -base::kMaxSample, base::kMaxSample));
  float *recent = full_rate() ? history_ : rings_.samples;
  const int length = full_rate() ? kHistory : rate.window;
  memmove(recent, recent + rate.frame, static_cast<size_t>(length - rate.frame) * sizeof(float));
  float *samples = recent + length - rate.frame;
  for (int n = 0; n < rate.frame; ++n) samples[n] = hop[n] * kFullScale;
  high_pass_.process(rate, samples);
  if (!full_rate() && wants_.pitch) {
    memmove(history_, history_ + kFrame, static_cast<size_t>(kHistory - kFrame - lag()) * sizeof(float));
    interpolate(kernels, rate, samples, history_ + kHistory - lag() - kFrame);
  }

  newest_ = newest_ + 1 == slots(wants_) ? 0 : newest_ + 1;
  two_slot_ = 1 - two_slot_;
  stft_analyze(rate, recent + length - rate.window, &rings_.spectra[newest_]);
  band_energy(rings_.spectra[newest_], rings_.energy[newest_]);
}

void Analysis::finish(AnalysisFrame *frame) {
  const int at = slot(wants_.lookahead);
  for (int b = 0; b < kBands; ++b) frame->amplitude[b] = __builtin_sqrtf(rings_.energy[at][b]);
  frame->noisy = &rings_.spectra[at];
  frame->reach = wants_.reach;
  for (int n = 0; n <= 2 * wants_.reach; ++n) {
    frame->near[n] = &rings_.spectra[slot(wants_.lookahead + wants_.reach - n)];
  }
  make_levels(rings_.energy[newest_], frame->features);
  if (wants_.pitch) {
    find_coherence(rings_.energy[at], frame);
  } else {
    frame->comb = nullptr;
    frame->pitch = {kMaxPeriod, 0.0f};
    for (float &coherence : frame->coherence) coherence = 0.0f;
    for (int i = kBands; i < kFeatures; ++i) frame->features[i] = 0.0f;
  }
  frame->fine = wants_.fine ? rings_.fine[two_slot_] : nullptr;
  if (wants_.fine) make_fine_inputs(rings_.spectra[newest_], rings_.spectra[slot(1)], rings_.fine[two_slot_]);

  LINNET_CHECK(frame->pitch.period >= kMinPeriod && frame->pitch.period <= kMaxPeriod);
  LINNET_CHECK(base::all_within(&frame->pitch.correlation, 1, -1.0f, 1.0f));
  LINNET_CHECK(base::all_sound(frame->amplitude, kBands) && base::all_sound(frame->features, kFeatures));
}

void Analysis::find_coherence(const float energy[kBands], AnalysisFrame *frame) {
  Spectrum &comb = rings_.comb[two_slot_];
  float combed[kWindow];
  comb_filter(window(), frame->pitch.period, ahead(), combed);
  stft_analyze(kFullRate, combed, &comb);
  // Where the noisy spectrum ends. What the interpolator let through above is no signal.
  for (int k = wants_.rate.bins; k < kBins; ++k) comb.re[k] = comb.im[k] = 0.0f;

  float comb_energy[kBands], product[kBands];
  band_energy(comb, comb_energy);
  band_product(*frame->noisy, comb, product);
  for (int b = 0; b < kBands; ++b) {
    float coherence = product[b] / (1e-3f + __builtin_sqrtf(energy[b] * comb_energy[b]));
    coherence = coherence > 0.0f ? coherence : 0.0f;
    frame->coherence[b] = coherence < 1.0f ? coherence : 1.0f;
  }
  frame->comb = &comb;
  make_pitch_features(frame->coherence, frame->pitch, frame->features);
}

void Analysis::step(int step, const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame) {
  if (step == 0) return begin(kernels, hop);
  if (step == kSteps - 1) return finish(frame);
  if (wants_.pitch) pitch_.step(step - 1, kernels, newest(), window(), wants_.lookahead, ahead(), &frame->pitch);
}

void Analysis::process(const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame) {
  begin(kernels, hop);
  if (wants_.pitch) frame->pitch = pitch_.process(kernels, newest(), window(), wants_.lookahead, ahead());
  finish(frame);
}

}  // namespace linnet::dsp
