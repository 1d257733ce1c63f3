// Sizes of the signal path, shared by its stages. Rate 48 kHz, window 20 ms, hop 10 ms (percepnet: Valin et al. 2020,
// section 2). Inside the library full scale is +-32768, so that the floors below, in the literature's units, hold.
#pragma once

#include "base/bands.h"

namespace linnet::dsp {

using base::kBands;
using base::kFeatures;
using base::kFineInputs;
using base::kLowBins;
using base::kMaxTaps;

constexpr int kSampleRate = 48000;
constexpr int kFrame = 480;       // samples per hop
constexpr int kWindow = 960;      // samples per window
constexpr int kBins = 481;        // 0..24 kHz in steps of 50 Hz
constexpr int kUsedBins = 400;    // bins below 20 kHz; the others are silenced
constexpr int kMaxLookahead = 3;  // frames; the model chooses 0..3
constexpr int kMinPeriod = 60;    // samples: 800 Hz
constexpr int kMaxPeriod = 768;   // samples: 62.5 Hz
constexpr int kCombPeriods = 5;   // on each side of the sample
constexpr float kFullScale = 32768.0f;

}  // namespace linnet::dsp
