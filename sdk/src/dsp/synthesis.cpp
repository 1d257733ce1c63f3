#include "dsp/synthesis.h"

#include <cstring>

#include "base/check.h"
#include "dsp/channels.h"
#include "dsp/filter.h"
#include "dsp/gains.h"
#include "dsp/stft.h"

namespace linnet::dsp {

static_assert(kFrame <= kBins, "samples take the place of real parts");

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

void Synthesis::attach(const Rate &rate, Channel *channel, int channels) {
  rate_ = rate;
  channel_ = channel;
  channels_ = channels;
}

void Synthesis::reset() { memset(static_cast<void *>(channel_), 0, static_cast<size_t>(channels_) * sizeof *channel_); }

void Synthesis::begin(const AnalysisFrame &frame, const Controls &controls) {
  const float *gains = controls.gains;
  LINNET_CHECK(base::all_within(gains, kBands, 0.0f, 1.0f) && base::all_within(controls.strengths, kBands, 0.0f, 1.0f));
  controls_ = controls;
  // Filters of low bins change what the gains left, so that the post-filter comes after them.
  filter(gains, frame.amplitude, controls.taps ? 0.0f : controls.postfilter, apply_);
  memcpy(heard_, gains, sizeof heard_);
}

void Synthesis::mix(const kernels::Kernels &kernels, const AnalysisFrame &frame, int channel) {
  if (!frame.comb) return;
  mix_comb(kernels, frame.noisy[channel], frame.comb[channel], controls_.strengths, &channel_[channel].spectrum);
}

void Synthesis::scale_mix(const AnalysisFrame &frame) {
  if (!frame.comb) return;
  float energy[kBands];
  mean_over(channels_, energy, [&](int c, float values[]) { band_energy(channel_[c].spectrum, values); });
  for (int b = 0; b < kBands; ++b) apply_[b] *= frame.amplitude[b];
  gains_towards(apply_, energy, apply_);
}

void Synthesis::shape(const kernels::Kernels &kernels, const AnalysisFrame &frame, int channel) {
  Spectrum &enhanced = channel_[channel].spectrum;
  apply_gains(kernels, frame.comb ? enhanced : frame.noisy[channel], apply_, &enhanced);
  if (!controls_.taps) return;
  const Spectrum *near[kMaxTaps];
  const int count = 2 * frame.reach + 1;
  for (int n = 0; n < count; ++n) near[n] = frame.near[n] + channel;
  add_filtered(near, controls_.taps, count, &enhanced);
}

void Synthesis::hear(const AnalysisFrame &frame) {
  if (!controls_.taps) return;
  float energy[kLowBands];
  mean_over(channels_, energy, [&](int c, float values[]) { low_band_energy(channel_[c].spectrum, values); });
  hear_low_bands(energy, frame.amplitude, heard_);
  if (controls_.postfilter == 0.0f) return;
  filter(heard_, frame.amplitude, controls_.postfilter, apply_);
  gains_beyond(heard_, apply_, apply_);
}

void Synthesis::render(const kernels::Kernels &kernels, int channel) {
  Channel &own = channel_[channel];
  if (controls_.taps && controls_.postfilter > 0.0f) apply_gains(kernels, own.spectrum, apply_, &own.spectrum);
  float *samples = own.spectrum.re;
  stft_synthesize(rate_, own.spectrum, own.overlap, samples);
  for (int n = 0; n < rate_.frame; ++n) samples[n] *= 1.0f / kFullScale;
  LINNET_CHECK(base::all_sound(samples, rate_.frame));
}

void Synthesis::step(int step, const kernels::Kernels &kernels, const AnalysisFrame &frame) {
  if (channels_ == 1) return whole(kernels, frame);
  const int shaped = channels_, rendered = 2 * channels_;  // the first steps of each
  if (step < shaped) return mix(kernels, frame, step);
  if (step == shaped) scale_mix(frame);
  if (step < rendered) return shape(kernels, frame, step - shaped);
  if (step == rendered) hear(frame);
  render(kernels, step - rendered);
}

void Synthesis::whole(const kernels::Kernels &kernels, const AnalysisFrame &frame) {
  for (int c = 0; c < channels_; ++c) mix(kernels, frame, c);
  scale_mix(frame);
  for (int c = 0; c < channels_; ++c) shape(kernels, frame, c);
  hear(frame);
  for (int c = 0; c < channels_; ++c) render(kernels, c);
}

void Synthesis::process(const kernels::Kernels &kernels, const AnalysisFrame &frame, const Controls &controls) {
  begin(frame, controls);
  whole(kernels, frame);
}

}  // namespace linnet::dsp
