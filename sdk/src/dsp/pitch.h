// Pitch tracker: normalised correlation of the signal decimated to 16 kHz and whitened by linear prediction, in
// half-frames of 5 ms over a window of 20 ms; a Viterbi search over lags, backtracked over the look-ahead, so that the
// track may be revised as long as the delay allows; a refinement at 48 kHz. Follows the search of Talkin (RAPT, 1995)
// with the dynamic programming of the article on PercepNet. Periods in samples at 48 kHz, lags in samples at 16 kHz.
// Channels have one pitch: what is maximised are means over them (channels.h), and one filter whitens them all.
#pragma once

#include <cstdint>

#include "dsp/constants.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

struct PitchResult {
  int period;         // samples at 48 kHz, 60..768, of the frame that lies lookahead frames back
  float correlation;  // -1..1, normalised correlation at the best lag of the newest frame
};

constexpr int kDecimation = 3;
constexpr int kDecimatorTaps = 64;  // 63 and a zero

// Where the tracker finds the channels, each as far from the one before.
struct PitchSignal {
  const float *newest;  // the newest 480 samples inside a buffer that holds at least 63 samples before them
  const float *frame;   // the window of the frame that lies lookahead frames back, with kMaxPeriod samples before it
  int distance;         // between channels
  int lookahead;        // frames
  int ahead;            // known samples after the window, lookahead frames or a little less
};

class PitchTracker {
 public:
  // What there is of each channel: [channels], which the tracker borrows.
  struct Channel;
  void attach(Channel *channel, int channels);

  void reset();

  PitchResult process(const kernels::Kernels &kernels, const PitchSignal &signal);

  // The same in steps, whose costs are alike; the result is whole after the last one.
  static constexpr int kSteps = 6;
  void step(int step, const kernels::Kernels &kernels, const PitchSignal &signal, PitchResult *result);

 private:
  static constexpr int kMinLag = kMinPeriod / kDecimation, kMaxLag = kMaxPeriod / kDecimation;
  static constexpr int kLags = kMaxLag - kMinLag + 1;  // candidates
  static constexpr int kFarLag = 2 * kMaxLag;          // correlated as well, as their doubles
  static constexpr int kFarLags = kFarLag - kMinLag + 1;
  static constexpr int kHalf = kFrame / kDecimation / 2;  // samples of a half-frame
  static constexpr int kSegments = 4;                     // half-frames in the correlation window
  static constexpr int kPath = 2 * kMaxLookahead + 1;     // half-frames remembered for backtracking
  static constexpr int kOrder = 16;                       // of the whitening filter
  static constexpr int kHistory = kFarLag + 2 * kHalf;
  struct Shorter;

  void decimate(const kernels::Kernels &kernels, const PitchSignal &signal);
  void whiten(const kernels::Kernels &kernels);
  void correlate_half(const kernels::Kernels &kernels, int half);
  void combine(float own[kLags]) const;
  float advance();
  int backtrack(int half_frames) const;

  Channel *channel_;
  int channels_;
  float correlated_[kSegments][2 * kFarLags];  // ring by half-frame: products, energies
  float score_[kLags];
  int16_t from_[kPath][kLags];  // best predecessor, ring by half-frame
  int half_index_;
  int best_;  // lag index that ends the best path
};

struct PitchTracker::Channel {
  float decimated[2 * kHalf + kOrder + 4 * kHalf];  // 16 kHz signal: filter memory, then the newest 30 ms
  float whitened[kHistory];
  float last_residual;
};

// Best period within 4 samples of the estimate: correlation of the 960 samples of the window with those one period back
// and, if what is known of the future reaches for every candidate, one period ahead. The same on both sides, so that a
// gliding pitch is not judged by its past.
int refine_period(const kernels::Kernels &kernels, const PitchSignal &signal, int channels, int estimate);

}  // namespace linnet::dsp
