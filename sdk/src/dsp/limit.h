// The attenuation limit: a share of the raw signal is put back into the enhanced one. The shares are the same in all
// channels of a frame.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

// 10^(-db / 20) for db 0..100, the same bits everywhere; exactly 1 at 0 and exactly 0 at 100.
float attenuation_to_mix(float db);

// Plain data. Call reset before the first frame.
class Limit {
 public:
  static constexpr float kNone = 100.0f;  // dB

  void reset();

  // The next frame, under a limit of so many dB: from the share of the frame before a line leads to that of this one.
  // The first frame has its own from the start.
  void next(float db);

  // Of one channel. raw: a frame of its delay line, as old as the enhanced one, in whose place the newest goes; hop:
  // the newest frame, in whose place the output goes, finite and within +-4.
  void apply(int frame, const float *enhanced, float *raw, float *hop) const;

 private:
  bool first_;
  float db_, target_;   // the newest limit and the share that it means
  float from_, share_;  // shares of the raw signal at the ends of the frame
};

}  // namespace linnet::dsp
