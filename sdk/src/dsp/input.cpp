#include "dsp/input.h"

#include <cstring>

#include "base/bits.h"
#include "base/sanitise.h"

namespace linnet::dsp {
namespace {

// From 0 to 1 without a bend at either end.
float smooth_step(float x) { return x * x * (3 - 2 * x); }

}  // namespace

void Input::reset(const Rate &rate) {
  memset(this, 0, sizeof *this);
  fade_out_ = extended_ = rate.frame;
  faded_in_ = fade_in();
}

void Input::receive(const float *from, int count, float *to) {
  losing_ = false;
  for (int n = 0; n < count; ++n) to[n] = base::sanitise(from[n]);
  for (int n = 0; n < count && faded_in_ < fade_in(); ++n) {
    const float ending = made_up();
    if (++faded_in_ == fade_in()) break;  // the sample itself
    to[n] = base::snap_tiny(ending + smooth_step(static_cast<float>(faded_in_) / static_cast<float>(fade_in())) *
                                         (to[n] - ending));
  }
  remember(to, count);
}

void Input::lose(int period, int count, float *to) {
  if (!losing_) begin_loss(period);
  for (int n = 0; n < count; ++n) to[n] = made_up();
  remember(to, count);
}

// A period seldom ends as it began. What the newest sample differs by from the one a period before it is added to what
// follows and dies away, and so does the slope of this difference: there is neither a step nor a bend. The slope is
// bounded, as neighbouring samples of noise tell nothing of where it goes: gone on with, it would be the loudest of
// all.
void Input::begin_loss(int period) {
  constexpr float kPole = 15.0f / 16;
  auto back = [this](int n) { return recent_[(oldest_ + kRecent - n) % kRecent]; };  // 1: the newest sample
  float loudest = 0;
  for (int n = 1; n <= period; ++n) {
    const float magnitude = base::bits_float(base::float_bits(back(n)) & 0x7fffffffu);
    if (magnitude > loudest) loudest = magnitude;
  }
  const float steepest = loudest * (1 - kPole);
  float shift = back(1) - back(period + 1), slope = shift - kPole * (back(2) - back(period + 2));
  slope = slope > steepest ? steepest : slope < -steepest ? -steepest : slope;
  for (int n = 0; n < fade_out_; ++n) {
    slope *= kPole;
    shift = kPole * shift + slope;
    extension_[n] = base::sanitise((n < period ? back(period - n) : extension_[n - period]) + shift);
  }
  for (int n = 0; n < fade_out_; ++n) {
    extension_[n] =
        base::snap_tiny(extension_[n] * smooth_step(1 - static_cast<float>(n + 1) / static_cast<float>(fade_out_)));
  }
  extended_ = 0;
  faded_in_ = 0;
  losing_ = true;
}

float Input::made_up() { return extended_ < fade_out_ ? extension_[extended_++] : 0.0f; }

void Input::remember(const float *x, int count) {
  const int skipped = count > kRecent ? count - kRecent : 0;
  for (int n = skipped; n < count;) {
    const int room = kRecent - oldest_, part = count - n < room ? count - n : room;
    memcpy(recent_ + oldest_, x + n, static_cast<size_t>(part) * sizeof(float));
    oldest_ = part == room ? 0 : oldest_ + part;
    n += part;
  }
}

}  // namespace linnet::dsp
