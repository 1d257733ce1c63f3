// Real FFT of 960 points as a complex one of 480 = 4*4*2*3*5 (Stockham, autosort) and a split. Spectra are two planes
// of 481 floats: real parts, imaginary parts.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

struct Spectrum {
  float re[kBins];
  float im[kBins];
};

// X[k] = sum_n x[n] e^{-j 2 pi k n / 960}, unscaled.
void fft_forward(const float x[kWindow], Spectrum *spectrum);

// x[n] = sum over all 960 bins (conjugate symmetric) of X[k] e^{j 2 pi k n / 960}, unscaled: 960 times the inverse.
// Imaginary parts of bins 0 and 480 are taken as 0.
void fft_inverse(const Spectrum &spectrum, float x[kWindow]);

}  // namespace linnet::dsp
