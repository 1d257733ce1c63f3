// One frame of the analysis: newest 480 samples in; spectra, pitch and the 70 features of the frame that lies lookahead
// frames back out. Shared by the engine and, through the binding, by training, so that features exist once.
#pragma once

#include "dsp/constants.h"
#include "dsp/fft.h"
#include "dsp/pitch.h"
#include "dsp/stft.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

// The newest frame is t; "the frame" is l = t - lookahead.
struct AnalysisFrame {
  const Spectrum *noisy;      // Y(l)
  const Spectrum *comb;       // P(l), of the comb-filtered signal
  float amplitude[kBands];    // ||y||_b of frame l
  float coherence[kBands];    // <p, y>_b / (||p||_b ||y||_b), 0..1, frame l
  PitchResult pitch;          // period of frame l, correlation of frame t
  float features[kFeatures];  // network input: bands of frame t, coherence and period of l, correlation of t
};

// Plain data without pointers. Call reset before the first process.
class Analysis {
 public:
  // All history to zero. lookahead 0..3 frames.
  void reset(int lookahead);

  // hop: 480 finite samples, full scale +-1 (within +-4). The pointers in *frame stay valid during the next call, so
  // that two frames can be at hand at a time, and until the one after it.
  void process(const kernels::Kernels &kernels, const float hop[kFrame], AnalysisFrame *frame);

  // The same in steps: the newest spectrum, the pitch, the rest. The frame is whole after the last one.
  static constexpr int kSteps = PitchTracker::kSteps + 2;
  void step(int step, const kernels::Kernels &kernels, const float hop[kFrame], AnalysisFrame *frame);

 private:
  static constexpr int kHistory = kCombPeriods * kMaxPeriod + kWindow + kMaxLookahead * kFrame;

  void begin(const float hop[kFrame]);
  void finish(AnalysisFrame *frame);
  const float *newest() const { return history_ + kHistory - kFrame; }
  // The window of the frame.
  const float *window() const { return history_ + kHistory - kWindow - lookahead_ * kFrame; }

  int lookahead_;
  int newest_;  // slot of frame t in the two rings, which hold lookahead + 2 frames: t back to t - lookahead - 1
  int comb_slot_;
  HighPass high_pass_;
  PitchTracker pitch_;
  float history_[kHistory];  // high-passed, full scale 32768, newest sample last
  Spectrum spectra_[kMaxLookahead + 2];
  float energy_[kMaxLookahead + 2][kBands];
  Spectrum comb_[2];
};

}  // namespace linnet::dsp
