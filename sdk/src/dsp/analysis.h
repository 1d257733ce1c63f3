// One frame of the analysis: newest 10 ms in; spectra, pitch and the inputs of a network for the frame that lies
// lookahead frames back out. Shared by the engine and, through the binding, by training, so that features exist once.
// Channels have spectra of their own and all else in common, as channels.h says.
#pragma once

#include "base/arena.h"
#include "dsp/constants.h"
#include "dsp/fft.h"
#include "dsp/interpolator.h"
#include "dsp/pitch.h"
#include "dsp/stft.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

// The newest frame is t; "the frame" is l = t - lookahead.
struct AnalysisFrame {
  const Spectrum *noisy;           // [channels] Y(l)
  const Spectrum *comb;            // [channels] P(l), of the comb-filtered signal; without pitch nullptr
  const Spectrum *near[kMaxTaps];  // [channels] each: Y(l - reach) .. Y(l + reach)
  int reach;
  float amplitude[kBands];    // ||y||_b of frame l
  float coherence[kBands];    // <p, y>_b / (||p||_b ||y||_b), 0..1, frame l; without pitch 0
  PitchResult pitch;          // period of frame l, correlation of frame t; without pitch kMaxPeriod and 0
  float features[kFeatures];  // network input: bands of frame t, coherence and period of l, correlation of t
  const float *fine;          // [294] network input of frame t, see features.h; nullptr where none is wanted
};

// What is wanted of the analysis.
struct AnalysisWants {
  int lookahead;      // 0..3 frames
  bool pitch = true;  // and with it the comb filter and the features of both
  bool fine = false;  // inputs
  int reach = 0;      // frames on each side that must be at hand: 0..2 and at most lookahead
  Rate rate = kFullRate;
  int channels = 1;  // 1..kMaxChannels
};

// Plain data, but for the rings, which lie outside because their size depends on what is wanted. Call attach and reset
// before the first process.
class Analysis {
 public:
  struct Rings {
    HighPass *high_pass;           // [channels]
    PitchTracker::Channel *pitch;  // [channels]
    float *history;                // [channels][history length]
    float *samples;                // [channels][window], below 48 kHz
    Spectrum *spectra;             // [slots][channels]: the frames t back to l - reach - 1
    float (*energy)[kBands];       // [slots]
    Spectrum *comb;                // [2][channels], with pitch
    float (*fine)[kFineInputs];    // [2], with fine
  };
  static Rings take_rings(base::Arena &arena, const AnalysisWants &wants);

  void attach(const AnalysisWants &wants, const Rings &rings);

  // All history to zero.
  void reset();

  // hop: a frame of each channel, one behind the other, of finite samples, full scale +-1 (within +-4). The pointers in
  // *frame stay valid during the next call, so that two frames can be at hand at a time, and until the one after it.
  void process(const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame);

  // The same in steps: the newest spectrum of each channel, the pitch, the comb filter of each channel, the rest. The
  // frame is whole after the last one. Costs are in multiply-adds of a network, which are as many as NEON and AVX2 do
  // in the time of the instructions here.
  static int steps(const AnalysisWants &wants) { return 2 * wants.channels + PitchTracker::kSteps + 1; }
  static uint32_t step_cost(const AnalysisWants &wants, int step);
  void step(int step, const kernels::Kernels &kernels, const float *hop, AnalysisFrame *frame);

 private:
  static bool full_rate(const AnalysisWants &wants) { return wants.rate.hertz == kSampleRate; }
  bool full_rate() const { return full_rate(wants_); }
  // As far as the comb filter looks back from the window of the frame; without it the newest window alone.
  static int history_length(const AnalysisWants &wants) {
    if (!wants.pitch) return full_rate(wants) ? kWindow : 0;
    return kCombPeriods * kMaxPeriod + kWindow + wants.lookahead * kFrame;
  }

  // Of a channel. hop: its own.
  void begin(const kernels::Kernels &kernels, int channel, const float *hop);
  // Of a channel, with the frame's pitch.
  void comb(int channel, int period);
  void finish(AnalysisFrame *frame);
  // The features of comb filter and pitch. energy: of the frame's bands.
  void find_coherence(const float energy[kBands], AnalysisFrame *frame);
  // By how many samples the history lags behind the input: those of the interpolator, which are taken out of what the
  // comb filter sees of the future, so that the output is no later than at 48 kHz. Nothing is ever behind its end.
  int lag() const { return interpolator_delay(wants_.rate); }
  // What pitch and comb filter see of the future, in samples.
  int ahead() const { return wants_.lookahead * kFrame - lag(); }
  // High-passed, full scale 32768, newest sample last. Always at 48 kHz, to which lower rates are interpolated for
  // pitch and comb filter: the last lag() samples are then 0. Without pitch lower rates have none.
  float *history(int channel) const { return rings_.history + channel * history_length(wants_); }
  // The window of the frame.
  const float *window(int channel) const { return history(channel) + kCombPeriods * kMaxPeriod; }
  PitchSignal pitch_signal() const;
  static int slots(const AnalysisWants &wants) { return wants.lookahead + wants.reach + 2; }
  // That of the frame so many before the newest.
  int slot(int back) const { return newest_ < back ? newest_ - back + slots(wants_) : newest_ - back; }
  Spectrum *spectra(int slot) const { return rings_.spectra + slot * wants_.channels; }
  Spectrum *combed() const { return rings_.comb + two_slot_ * wants_.channels; }

  AnalysisWants wants_;
  Rings rings_;
  int newest_;    // slot
  int two_slot_;  // of what is kept of two frames
  PitchTracker pitch_;
};

}  // namespace linnet::dsp
