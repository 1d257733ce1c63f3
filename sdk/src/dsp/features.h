// The 70 inputs of the network, scaled to about -2..2: log band energies of the newest frame with a floor that follows
// the spectrum (as in RNNoise), pitch coherence and period of the frame, pitch correlation of the newest frame.
#pragma once

#include "dsp/constants.h"
#include "dsp/pitch.h"

namespace linnet::dsp {

// newest_energy: bands of frame t (full scale 32768, transform / 960); coherence, pitch.period: frame t - lookahead.
void make_features(const float newest_energy[kBands], const float coherence[kBands], const PitchResult &pitch,
                   float features[kFeatures]);

}  // namespace linnet::dsp
