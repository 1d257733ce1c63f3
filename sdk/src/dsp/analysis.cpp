#include "dsp/analysis.h"

#include <cstring>

#include "base/check.h"
#include "base/sanitise.h"
#include "dsp/channels.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/features.h"

namespace linnet::dsp {

Analysis::Rings Analysis::take_rings(base::Arena &arena, const AnalysisWants &wants) {
  const size_t channels = static_cast<size_t>(wants.channels), count = static_cast<size_t>(slots(wants));
  const bool full = full_rate(wants);
  Rings rings;
  rings.high_pass = arena.take<HighPass>(channels);
  rings.pitch = arena.take<PitchTracker::Channel>(channels);
  rings.history = arena.take<float>(channels * static_cast<size_t>(history_length(wants)));
  rings.samples = arena.take<float>(full ? 0 : channels * static_cast<size_t>(wants.rate.window));
  rings.spectra = arena.take<Spectrum>(count * channels);
  rings.energy = arena.take<float[kBands]>(count);
  rings.comb = arena.take<Spectrum>(wants.pitch ? 2 * channels : 0);
  rings.fine = arena.take<float[kFineInputs]>(wants.fine ? 2 : 0);
  return rings;
}

void Analysis::attach(const AnalysisWants &wants, const Rings &rings) {
  wants_ = wants;
  rings_ = rings;
  pitch_.attach(rings.pitch, wants.channels);
}

void Analysis::reset() {
  const AnalysisWants wants = wants_;
  const Rings rings = rings_;
  memset(static_cast<void *>(this), 0, sizeof *this);
  attach(wants, rings);
  const size_t channels = static_cast<size_t>(wants.channels), count = static_cast<size_t>(slots(wants));
  memset(static_cast<void *>(rings.high_pass), 0, channels * sizeof *rings.high_pass);
  memset(rings.history, 0, channels * static_cast<size_t>(history_length(wants)) * sizeof(float));
  if (!full_rate()) memset(rings.samples, 0, channels * static_cast<size_t>(wants.rate.window) * sizeof(float));
  memset(static_cast<void *>(rings.spectra), 0, count * channels * sizeof *rings.spectra);
  memset(rings.energy, 0, count * sizeof *rings.energy);
  if (wants.pitch) memset(static_cast<void *>(rings.comb), 0, 2 * channels * sizeof *rings.comb);
  if (wants.fine) memset(rings.fine, 0, 2 * sizeof *rings.fine);
  pitch_.reset();
}

void Analysis::begin(const kernels::Kernels &kernels, int channel, const float *hop) {
  const Rate &rate = wants_.rate;
  // Denormals too, until the high-pass filter.
  LINNET_CHECK(base::all_within(hop, rate.frame, -base::kMaxSample, base::kMaxSample));
  const int whole = history_length(wants_), length = full_rate() ? whole : rate.window;
  float *recent = full_rate() ? history(channel) : rings_.samples + channel * rate.window;
  memmove(recent, recent + rate.frame, static_cast<size_t>(length - rate.frame) * sizeof(float));
  float *samples = recent + length - rate.frame;
  for (int n = 0; n < rate.frame; ++n) samples[n] = hop[n] * kFullScale;
  rings_.high_pass[channel].process(rate, samples);
  if (!full_rate() && wants_.pitch) {
    float *slow = history(channel);
    memmove(slow, slow + kFrame, static_cast<size_t>(whole - kFrame - lag()) * sizeof(float));
    interpolate(kernels, rate, samples, slow + whole - lag() - kFrame);
  }

  if (channel == 0) {
    newest_ = newest_ + 1 == slots(wants_) ? 0 : newest_ + 1;
    two_slot_ = 1 - two_slot_;
  }
  stft_analyze(rate, recent + length - rate.window, spectra(newest_) + channel);
}

PitchSignal Analysis::pitch_signal() const {
  const int length = history_length(wants_);
  return {rings_.history + length - lag() - kFrame, window(0), length, wants_.lookahead, ahead()};
}

void Analysis::comb(int channel, int period) {
  Spectrum &comb = combed()[channel];
  float samples[kWindow];
  comb_filter(window(channel), period, ahead(), samples);
  stft_analyze(kFullRate, samples, &comb);
  // Where the noisy spectrum ends. What the interpolator let through above is no signal.
  for (int k = wants_.rate.bins; k < kBins; ++k) comb.re[k] = comb.im[k] = 0.0f;
}

void Analysis::finish(AnalysisFrame *frame) {
  const Spectrum *newest = spectra(newest_);
  mean_over(wants_.channels, rings_.energy[newest_], [&](int c, float energy[]) { band_energy(newest[c], energy); });
  const int at = slot(wants_.lookahead);
  for (int b = 0; b < kBands; ++b) frame->amplitude[b] = __builtin_sqrtf(rings_.energy[at][b]);
  frame->noisy = spectra(at);
  frame->reach = wants_.reach;
  for (int n = 0; n <= 2 * wants_.reach; ++n) {
    frame->near[n] = spectra(slot(wants_.lookahead + wants_.reach - n));
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
  if (wants_.fine) make_fine_inputs(newest, spectra(slot(1)), wants_.channels, rings_.fine[two_slot_]);

  LINNET_CHECK(frame->pitch.period >= kMinPeriod && frame->pitch.period <= kMaxPeriod);
  LINNET_CHECK(base::all_within(&frame->pitch.correlation, 1, -1.0f, 1.0f));
  LINNET_CHECK(base::all_sound(frame->amplitude, kBands) && base::all_sound(frame->features, kFeatures));
}

void Analysis::find_coherence(const float energy[kBands], AnalysisFrame *frame) {
  const Spectrum *comb = combed();
  float comb_energy[kBands], product[kBands];
  mean_over(wants_.channels, comb_energy, [&](int c, float values[]) { band_energy(comb[c], values); });
  mean_over(wants_.channels, product, [&](int c, float values[]) { band_product(frame->noisy[c], comb[c], values); });
  for (int b = 0; b < kBands; ++b) {
    float coherence = product[b] / (1e-3f + __builtin_sqrtf(energy[b] * comb_energy[b]));
    coherence = coherence > 0.0f ? coherence : 0.0f;
    frame->coherence[b] = coherence < 1.0f ? coherence : 1.0f;
  }
  frame->comb = comb;
  make_pitch_features(frame->coherence, frame->pitch, frame->features);
}

uint32_t Analysis::step_cost(const AnalysisWants &wants, int step) {
  constexpr uint32_t kBegin = 210000, kComb = 280000, kFinish = 30000, kFine = 60000;
  // Of a channel, and for all of them together.
  constexpr uint32_t kPitch[PitchTracker::kSteps][2] = {{170000, 0}, {180000, 0}, {0, 270000},
                                                        {180000, 0}, {0, 270000}, {150000, 0}};
  const uint32_t channels = static_cast<uint32_t>(wants.channels);
  if (step < wants.channels) return kBegin;
  step -= wants.channels;
  if (step < PitchTracker::kSteps) return wants.pitch ? kPitch[step][0] * channels + kPitch[step][1] : 0;
  if (step < PitchTracker::kSteps + wants.channels) return wants.pitch ? kComb : 0;
  return channels * ((wants.pitch ? kFinish : 0) + (wants.fine ? kFine : 0));
}

void Analysis::step(int step, const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame) {
  const int channels = wants_.channels, of_comb = channels + PitchTracker::kSteps;
  if (step < channels) return begin(kernels, step, hop + step * wants_.rate.frame);
  if (step == steps(wants_) - 1) return finish(frame);
  if (!wants_.pitch) return;
  if (step < of_comb) return pitch_.step(step - channels, kernels, pitch_signal(), &frame->pitch);
  comb(step - of_comb, frame->pitch.period);
}

void Analysis::process(const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame) {
  for (int c = 0; c < wants_.channels; ++c) begin(kernels, c, hop + c * wants_.rate.frame);
  if (wants_.pitch) {
    frame->pitch = pitch_.process(kernels, pitch_signal());
    for (int c = 0; c < wants_.channels; ++c) comb(c, frame->pitch.period);
  }
  finish(frame);
}

}  // namespace linnet::dsp
