// Sizes of the signal path, shared by its stages. Window 20 ms, hop 10 ms (percepnet: Valin et al. 2020, section 2).
// Inside the library full scale is +-32768, so that the floors below, in the literature's units, hold. At every rate a
// bin is 50 Hz wide, so that bands, features and a model are the same at all of them; the sizes here are those of the
// highest rate and bound the others. Periods are in samples at 48 kHz at any rate.
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
constexpr int kMaxChannels = 8;

// A sampling rate that a stream may run at.
struct Rate {
  int hertz;
  int frame;     // samples per hop
  int window;    // samples per window
  int bins;      // from 0 to the Nyquist frequency
  int bands;     // whose centres do not lie above it
  int up, down;  // 48000 / hertz in lowest terms
};

constexpr Rate kRates[] = {
    {8000, 80, 160, 81, 20, 6, 1},    {16000, 160, 320, 161, 26, 3, 1},     {24000, 240, 480, 241, 29, 2, 1},
    {32000, 320, 640, 321, 32, 3, 2}, {48000, 480, 960, 481, kBands, 1, 1},
};
constexpr Rate kFullRate = kRates[4];
static_assert(kFullRate.hertz == kSampleRate && kFullRate.frame == kFrame && kFullRate.bins == kBins);

constexpr bool bands_fit() {
  for (const Rate &rate : kRates) {
    for (int b = 0; b < kBands; ++b) {
      if ((base::kBandCentre[b] < rate.bins) != (b < rate.bands)) return false;
    }
  }
  return true;
}
static_assert(bands_fit());

// That of so many Hz, or nullptr.
inline const Rate *find_rate(int hertz) {
  for (const Rate &rate : kRates) {
    if (rate.hertz == hertz) return &rate;
  }
  return nullptr;
}

}  // namespace linnet::dsp
