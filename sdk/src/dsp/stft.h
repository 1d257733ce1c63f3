// Analysis and synthesis with the 20 ms Vorbis window, 50 % overlap: w^2[n] + w^2[n + 480] = 1. Spectra carry 1/960, so
// that a full-scale tone has about 32768 / 4 in its bin. Also the input high-pass (-3 dB at 3.7 Hz).
#pragma once

#include "dsp/fft.h"

namespace linnet::dsp {

// spectrum = FFT(window * x) / 960, parts under 2^-40 snapped to zero.
void stft_analyze(const float x[kWindow], Spectrum *spectrum);

// Overlap-add: out gets 480 finished samples, overlap keeps the second half for the next call.
void stft_synthesize(const Spectrum &spectrum, float overlap[kFrame], float out[kFrame]);

// The Vorbis window, 960 values.
const float *stft_window();

// First-order high-pass, y(n) = x(n) - x(n - 1) + (1 - 2^-11) y(n - 1), state in double: the pole lies too near the
// unit circle for float. It takes out a constant offset and no more: a cut at the usual 20 Hz would turn the phase of a
// low voice by some 15 degrees, which alone limits the SI-SDR of clean speech to about 12 dB.
struct HighPass {
  double previous_input;
  double previous_output;

  // In place, 480 samples; results under 2^-40 and a decayed state are snapped to zero.
  void process(float x[kFrame]);
};

}  // namespace linnet::dsp
