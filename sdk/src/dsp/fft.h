// Real FFTs of 960, 640, 480, 320 and 160 points, those of a window at each rate, as complex ones of half the length
// (480 = 4*4*2*3*5, the others likewise; Stockham, autosort) and a split. Spectra are two planes of 481 floats: real
// parts, imaginary parts, of bins of 50 Hz at any rate. Above the Nyquist frequency of a lower rate there are zeros.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

struct Spectrum {
  float re[kBins];
  float im[kBins];
};

// X[k] = sum_n x[n] e^{-j 2 pi k n / W}, unscaled, W being the rate's window. x: [W].
void fft_forward(const Rate &rate, const float *x, Spectrum *spectrum);

// x[n] = sum over all W bins (conjugate symmetric) of X[k] e^{j 2 pi k n / W}, unscaled: W times the inverse. Imaginary
// parts of bins 0 and W / 2 are taken as 0, bins above are not looked at.
void fft_inverse(const Rate &rate, const Spectrum &spectrum, float *x);

}  // namespace linnet::dsp
