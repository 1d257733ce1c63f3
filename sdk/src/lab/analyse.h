// Whole recordings through the analysis: the features that the network is fed, and the band statistics and spectra of
// the noisy signal Y, its comb-filtered form P and the clean signal X that its targets come from.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>

#include "dsp/constants.h"
#include "kernels/kernels.h"

namespace linnet::lab {

// Energies and inner products per band; those with X need a clean recording.
enum Product { kYY, kPP, kYP, kXX, kXY, kXP, kProducts };
enum Signal { kNoisy, kComb, kClean, kSignals };

// Where the results go. Row t of each array belongs to frame t - lookahead; full scale is 32768, the FFT is divided by
// its length. nullptr among products and spectra: not wanted.
struct Measurements {
  float *features;                         // [frames][70]
  float *fine;                             // [frames][294], or nullptr: not wanted
  float *coherence;                        // [frames][34], of Y and P
  int32_t *period;                         // [frames], samples at 48 kHz
  float *correlation;                      // [frames]
  float *products[kProducts];              // [frames][34] each
  std::complex<float> *spectra[kSignals];  // [frames][481] each, 0 above the rate's Nyquist frequency
};

// noisy, clean: whole frames of the rate, full scale +-1; clean may be nullptr. lookahead: 0..3 frames.
void analyse(const kernels::Kernels &kernels, const dsp::Rate &rate, const float *noisy, const float *clean,
             size_t frames, int lookahead, const Measurements &out);

}  // namespace linnet::lab
