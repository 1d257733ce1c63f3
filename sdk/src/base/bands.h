// What both sides of the network speak of: the bands, and the low bins that are looked at one by one.
#pragma once

namespace linnet::base {

constexpr int kBands = 34;  // triangles on the ERB scale

// Their peaks in bins of 50 Hz.
constexpr int kBandCentre[kBands] = {0,  2,  4,  6,  8,  10,  12,  15,  18,  21,  24,  28,  32,  36,  41,  47,  53,
                                     60, 68, 77, 87, 98, 110, 124, 140, 157, 176, 198, 223, 251, 282, 317, 356, 400};

constexpr int kFeatures = 2 * kBands + 2;
constexpr int kLowBins = 98;               // below 4.9 kHz
constexpr int kFineInputs = 3 * kLowBins;  // of each its level, and cosine and sine of its turn
constexpr int kMaxTaps = 5;                // frames that a filter of a low bin may see

}  // namespace linnet::base
