// 34 triangular bands on the ERB scale, 0..20 kHz, half overlapping: weights of all bands sum to one at every bin below
// 20 kHz and to zero above (Valin et al. 2020, section 2; band edges from the ERB recurrence of Glasberg and Moore).
#pragma once

#include "base/bands.h"
#include "dsp/fft.h"

namespace linnet::dsp {

using base::kBandCentre;

// energy[b] = sum_k w_b[k] |X[k]|^2
void band_energy(const Spectrum &x, float energy[kBands]);

// The bands in which there are low bins, and their energies alone.
constexpr int kLowBands = 22;
void low_band_energy(const Spectrum &x, float energy[kLowBands]);

// product[b] = sum_k w_b[k] Re(conj(A[k]) B[k])
void band_product(const Spectrum &a, const Spectrum &b, float product[kBands]);

// value[k] = sum_b w_b[k] band[b] for k < 400, 0 above.
void band_interpolate(const float band[kBands], float value[kBins]);

}  // namespace linnet::dsp
