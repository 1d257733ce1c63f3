// From a lower rate up to 48 kHz, where pitch is searched for and the comb filter works: whole periods of a lower
// rate's samples would miss the harmonics by more than the comb can bear. A polyphase filter of windowed sincs
// (Crochiere and Rabiner, Multirate Digital Signal Processing, 1983), which gives the samples themselves where the two
// grids meet.
#pragma once

#include "dsp/constants.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

constexpr int kInterpolatorTaps = 16;  // per phase

// By how many samples at 48 kHz the result lags: half the filter, 8 samples at the lower rate.
inline int interpolator_delay(const Rate &rate) {
  return rate.hertz == kSampleRate ? 0 : kInterpolatorTaps / 2 * rate.up / rate.down;
}

// newest: a hop at a rate below 48 kHz, in a buffer that holds at least 15 samples before it. out: 480 samples, those
// of 48 kHz that begin interpolator_delay before the hop does.
void interpolate(const kernels::Kernels &kernels, const Rate &rate, const float *newest, float out[kFrame]);

}  // namespace linnet::dsp
