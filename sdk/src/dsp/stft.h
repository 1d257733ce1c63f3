// Analysis and synthesis with the 20 ms Vorbis window, 50 % overlap: w^2[n] + w^2[n + hop] = 1. Spectra carry 1/window,
// so that a full-scale tone has about 32768 / 4 in its bin at any rate. Also the input high-pass (-3 dB at 3.7 Hz).
#pragma once

#include "dsp/fft.h"

namespace linnet::dsp {

// spectrum = FFT(window * x) / window length, parts under 2^-40 snapped to zero. x: [rate.window].
void stft_analyze(const Rate &rate, const float *x, Spectrum *spectrum);

// Overlap-add: out gets a hop of finished samples, overlap keeps the second half for the next call.
void stft_synthesize(const Rate &rate, const Spectrum &spectrum, float *overlap, float *out);

// The Vorbis window, [rate.window], taken at the instants that the samples have among those of 48 kHz: value n is that
// of (48000 / rate n + 0.5) / 960. A half-sample centre of its own would shift the window against that of 48 kHz, and
// with it the features; the squares of two values a hop apart sum to 1 with any centre.
void stft_window(const Rate &rate, float *window);

// First-order high-pass, y(n) = x(n) - x(n - 1) + (1 - 2^-11 * 48000 / rate) y(n - 1), state in double: the pole lies
// too near the unit circle for float. It takes out a constant offset and no more: a cut at the usual 20 Hz would turn
// the phase of a low voice by some 15 degrees, which alone limits the SI-SDR of clean speech to about 12 dB.
struct HighPass {
  double previous_input;
  double previous_output;

  // In place, a hop of the rate; results under 2^-40 and a decayed state are snapped to zero.
  void process(const Rate &rate, float *x);
};

}  // namespace linnet::dsp
