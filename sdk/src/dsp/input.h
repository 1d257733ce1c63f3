// The samples that a stream works on: those that came, cleaned, and made-up ones in place of those that were lost, so
// that the signal neither ends nor begins at once. No sample moves in time.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

// Plain data. Call reset before the first sample. A loss takes a frame until silence, and after it the signal is whole
// again within half a frame.
class Input {
 public:
  void reset(const Rate &rate);

  // Sanitised samples; the first ones after a loss fade in. from and to may be the same array.
  void receive(const float *from, int count, float *to);

  // In place of lost samples the period before them, again and again, fading out. period: 1..kMaxPeriod
  // samples of the rate.
  void lose(int period, int count, float *to);

 private:
  static constexpr int kRecent = kMaxPeriod + 2;

  int fade_in() const { return fade_out_ / 2; }
  void begin_loss(int period);
  float made_up();
  void remember(const float *x, int count);

  float recent_[kRecent];    // ring of the newest samples
  int oldest_;               // place of the oldest one, which the next one takes
  float extension_[kFrame];  // what the newest loss began with
  int fade_out_;             // how long that is, in samples
  int extended_;             // how many of these samples have gone by
  int faded_in_;             // samples since the newest loss, up to fade_in()
  bool losing_;              // whether the newest sample was lost
};

}  // namespace linnet::dsp
