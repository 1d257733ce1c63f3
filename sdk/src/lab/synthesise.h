// Whole recordings through the signal path of the engine, with gains from elsewhere than its network: from an oracle
// that knows the clean signal, or from a network that is not in the SDK.
#pragma once

#include <cstddef>

#include "dsp/constants.h"
#include "kernels/kernels.h"

namespace linnet::lab {

// noisy, out: whole frames of the rate, full scale +-1; out lags by lookahead + 1 frames. Row t of gains and strengths,
// [frames][34] within 0..1, concerns frame t - lookahead, as does that of taps, [frames][98][2 * reach + 1][2]. Without
// strengths there is no comb, without taps there are no filters. lookahead: 0..3 frames; reach: 0..2, at most
// lookahead; postfilter: 0..1.
void synthesise(const kernels::Kernels &kernels, const dsp::Rate &rate, const float *noisy, size_t frames,
                int lookahead, const float *gains, const float *strengths, const float *taps, int reach,
                float postfilter, float *out);

// The same at 48 kHz with gains for each bin of the noisy spectrum, [frames][481], and neither comb nor post-filter.
void synthesise_bins(const kernels::Kernels &kernels, const float *noisy, size_t frames, int lookahead,
                     const float *bin_gains, float *out);

}  // namespace linnet::lab
