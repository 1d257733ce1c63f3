// The inputs of a network, scaled to about -2..2. The 70 features: log band energies of the newest frame with a floor
// that follows the spectrum (as in RNNoise), pitch coherence and period of the frame, pitch correlation of the newest
// frame. The fine inputs, for networks that read them: level and turn of each low bin.
#pragma once

#include "dsp/constants.h"
#include "dsp/fft.h"
#include "dsp/pitch.h"

namespace linnet::dsp {

// The first 34, from the bands of frame t (full scale 32768, transform / 960).
void make_levels(const float newest_energy[kBands], float features[kFeatures]);

// The other 36. coherence, pitch.period: frame t - lookahead.
void make_pitch_features(const float coherence[kBands], const PitchResult &pitch, float features[kFeatures]);

// Of frame t and the one before, [channels]: [98] levels on the scale of the bands', then cosines and sines of how far
// each bin turned, less what a tone in its middle would; 0 where it is silent.
void make_fine_inputs(const Spectrum *newest, const Spectrum *before, int channels, float fine[kFineInputs]);

}  // namespace linnet::dsp
