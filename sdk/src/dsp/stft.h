// Analysis and synthesis with the 20 ms Vorbis window, 50 % overlap: w^2[n] + w^2[n + 480] = 1. Spectra carry 1/960, so
// that a full-scale tone has about 32768 / 4 in its bin. Also the input high-pass (-3 dB at 22 Hz).
#pragma once

#include "dsp/fft.h"

namespace linnet_core::dsp {

// spectrum = FFT(window * x) / 960, parts under 2^-40 snapped to zero.
void stft_analyze(const float x[kWindow], Spectrum *spectrum);

// Overlap-add: out gets 480 finished samples, overlap keeps the second half for the next call.
void stft_synthesize(const Spectrum &spectrum, float overlap[kFrame], float out[kFrame]);

// The Vorbis window, 960 values.
const float *stft_window();

// Second-order high-pass, b = (1, -2, 1), a = (1, -1.99599, 0.99600), state in double: at 48 kHz the poles lie too near
// the unit circle for float.
struct HighPass {
  double state[2];

  // In place, 480 samples; results under 2^-40 and decayed states are snapped to zero.
  void process(float x[kFrame]);
};

}  // namespace linnet_core::dsp
