// Joins the output where a stretch of it is left out: what follows is cross-faded with what would have come.
#pragma once

#include <cstddef>

#include "dsp/constants.h"

namespace linnet::dsp {

// Plain data. Call reset before the first sample.
class Splice {
 public:
  static constexpr int kMaxFade = kFrame / 2;

  void reset(const Rate &rate) {
    fade_ = rate.frame / 2;
    kept_ = length_ = faded_ = 0;
  }

  // Before the first of a stretch that is left out. If nothing has left the stream since the last one, it is the same.
  void resume() {
    if (faded_ > 0) return;
    kept_ = length_;
    length_ = 0;
  }

  // In place: samples that leave the stream, or would if they were not left out.
  void pass(float *x, int count);

  // Further samples that are left out, after they have passed.
  void leave_out(const float *x, int count);

  // After the last of them.
  void begin();

 private:
  float left_out_[kMaxFade];  // the first ones of them
  int fade_;                  // the most that are kept
  int kept_;                  // how many are, before begin
  int length_;                // and how many after it
  int faded_;                 // how many of these have been cross-faded
};

}  // namespace linnet::dsp
