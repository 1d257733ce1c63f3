// Pitch comb: a Hann-weighted mean over five periods on each side, future taps cut to what the look-ahead holds and the
// weights renormalised to sum 1 (Valin et al. 2020, section 3). Keeps what repeats with the period, lowers the rest
// by about 9 dB.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

// out[n] = sum_k w_k x[n + k * period], n = 0..959, k = -5..min(5, lookahead_samples / period) and to 0 at least. x
// points at the frame inside a buffer that holds 5 * period samples before and lookahead_samples after it.
void comb_filter(const float *x, int period, int lookahead_samples, float out[kWindow]);

}  // namespace linnet::dsp
