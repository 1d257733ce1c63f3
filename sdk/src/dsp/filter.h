// Deep filtering: each low bin of the output gets a sum of the noisy bin in the frames around, with complex factors
// that the network gave (Mack and Habets 2020; Schroeter et al. 2022).
#pragma once

#include "dsp/fft.h"

namespace linnet::dsp {

// out[k] += sum_n taps[k][n] near[n][k] for k < 98. near: the count noisy spectra around the frame, 1, 3 or 5 of them,
// oldest first; taps: [98][count][2], real and imaginary parts within +-1.
void add_filtered(const Spectrum *const near[], const float *taps, int count, Spectrum *out);

}  // namespace linnet::dsp
