// Joins the output where a stretch of it is left out: what follows is cross-faded with what would have come.
#pragma once

#include <cstddef>

#include "dsp/constants.h"

namespace linnet::dsp {

// Plain data. Call reset before the first sample.
class Splice {
 public:
  static constexpr int kMaxFade = kFrame / 2;

  void reset() { length_ = faded_ = 0; }

  // After samples that were left out: the first ones of them, as many as there are up to half a frame.
  void begin(const float *left_out, int count);

  // In place: samples that leave the stream.
  void pass(float *x, size_t count);

 private:
  float left_out_[kMaxFade];
  int length_;
  int faded_;  // how many of them have been cross-faded
};

}  // namespace linnet::dsp
