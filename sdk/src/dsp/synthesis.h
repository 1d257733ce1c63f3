// One frame of the synthesis: band gains and comb strengths of the frame in, 10 ms of enhanced samples of each channel
// out. The counterpart of analysis.h: mix, band scaling, filters of low bins, post-filter, inverse transform,
// overlap-add. What is done to a spectrum is the same in every channel: where a sound comes from is heard as before.
#pragma once

#include "base/arena.h"
#include "dsp/analysis.h"
#include "dsp/constants.h"
#include "dsp/fft.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

// Plain data, but for what there is of each channel. Call attach and reset before the first frame.
class Synthesis {
 public:
  struct Channel {
    Spectrum spectrum;  // enhanced; afterwards the samples, in place of the real parts
    float overlap[kFrame];
  };
  static Channel *take_channels(base::Arena &arena, int channels) {
    return arena.take<Channel>(static_cast<size_t>(channels));
  }

  void attach(const Rate &rate, Channel *channel, int channels);

  // All history, and the samples, to zero.
  void reset();

  // What is to be done with one frame: what a network gave, and what a listener wants.
  struct Controls {
    const float *gains, *strengths;  // [34] within 0..1
    const float *taps;               // [98][2 * reach + 1][2] of filters, see filter.h; nullptr: none
    float postfilter;                // 0..1
  };

  // controls: for the frame of the analysis, both of which must stay as they are until the last step.
  void process(const kernels::Kernels &kernels, const AnalysisFrame &frame, const Controls &controls);

  // The same in steps: one for one channel, three for each of several. Costs as in analysis.h.
  static int steps(int channels) { return channels == 1 ? 1 : 3 * channels; }
  static uint32_t step_cost(int channels, int step) {
    constexpr uint32_t kShape = 80000, kRender = 150000;  // to mix costs as much as to shape
    return channels == 1 ? 2 * kShape + kRender : step < 2 * channels ? kShape : kRender;
  }
  void begin(const AnalysisFrame &frame, const Controls &controls);
  void step(int step, const kernels::Kernels &kernels, const AnalysisFrame &frame);

  // The share of each band's amplitude that is left before the post-filter, 0..1; without filters these are the gains.
  const float *heard() const { return heard_; }

  // The hop that ends where the frame's centre lies, full scale +-1, not clamped.
  const float *samples(int channel) const { return channel_[channel].spectrum.re; }

 private:
  // The spectrum of a channel: noisy and comb-filtered mixed, gains and filters applied; and from it the samples.
  void mix(const kernels::Kernels &kernels, const AnalysisFrame &frame, int channel);
  void shape(const kernels::Kernels &kernels, const AnalysisFrame &frame, int channel);
  void render(const kernels::Kernels &kernels, int channel);
  // Between these, from all channels: the gains that come next.
  void scale_mix(const AnalysisFrame &frame);
  void hear(const AnalysisFrame &frame);
  void whole(const kernels::Kernels &kernels, const AnalysisFrame &frame);

  Rate rate_;
  Channel *channel_;
  int channels_;
  Controls controls_;
  float apply_[kBands];  // gains that the next step applies
  float heard_[kBands];
};

}  // namespace linnet::dsp
