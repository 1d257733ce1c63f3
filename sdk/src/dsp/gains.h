// From the network's band gains and comb strengths to the enhanced spectrum: mixing of noisy and comb-filtered spectra,
// envelope post-filter, band scaling (Valin et al. 2020, sections 3 and 4); and back, to what is heard of each band.
#pragma once

#include "dsp/erb.h"
#include "dsp/fft.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

// The envelope post-filter: filtered[b] = G * w(g[b]), w(g) = g sin(pi/2 g), G restores the energy lost (beta 0.02, at
// most 5.57 dB). amplitude[b] is the noisy band amplitude. amount 0..1 blends between g and the filtered gain.
void postfilter(const float gains[kBands], const float amplitude[kBands], float amount, float filtered[kBands]);

// Gains interpolated over the bins of x; those from 20 kHz up become 0. out may be x.
void apply_gains(const kernels::Kernels &kernels, const Spectrum &x, const float gains[kBands], Spectrum *out);

// The mix of noisy and comb-filtered spectrum, z = (1 - r) y + r p per bin with r interpolated.
void mix_comb(const kernels::Kernels &kernels, const Spectrum &noisy, const Spectrum &comb,
              const float strengths[kBands], Spectrum *out);

// gains[b]: what brings a band of the mix, of that energy, to the amplitude target[b] = filtered gain * ||y||_b; at
// most
// 6. energy may be gains.
void gains_towards(const float target[kBands], const float energy[kBands], float gains[kBands]);

// gains[b] = ||enhanced||_b / amplitude[b], the noisy one, at most 1, of the bands that have low bins. energy: of the
// enhanced ones, and may be gains.
void hear_low_bands(const float energy[kLowBands], const float amplitude[kBands], float gains[kLowBands]);

// filtered[b] / gains[b], at most 6: what is left to apply where the gains were.
void gains_beyond(const float gains[kBands], const float filtered[kBands], float rest[kBands]);

}  // namespace linnet::dsp
