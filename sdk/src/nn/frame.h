// What goes into a network for one frame, and what comes out of it.
#pragma once

#include "base/bands.h"

namespace linnet::nn {

using base::kBands;
using base::kFeatures;
using base::kFineInputs;
using base::kLowBins;

struct NetworkInput {
  const float *features;  // [70]
  const float *fine;      // [294] of networks that read them, else not looked at
};

struct NetworkOutput {
  float gains[kBands];       // amplitude gain per band, 0..1
  float strengths[kBands];   // comb strength per band, 0..1
  float speech_probability;  // 0..1
  const float *taps;         // [98][taps][2] filters of the low bins, within +-1, until the next batch; nullptr: none
};

}  // namespace linnet::nn
