#include "dsp/erb.h"

namespace linnet::dsp {

namespace {

struct Slopes {
  float rising[kUsedBins];   // weight of the upper band of the bin
  float falling[kUsedBins];  // weight of the lower one; the two sum to 1
};

constexpr Slopes make_slopes() {
  Slopes s{};
  for (int b = 0; b + 1 < kBands; ++b) {
    for (int k = kBandCentre[b]; k < kBandCentre[b + 1]; ++k) {
      double fraction = double(k - kBandCentre[b]) / (kBandCentre[b + 1] - kBandCentre[b]);
      s.rising[k] = static_cast<float>(fraction);
      s.falling[k] = static_cast<float>(1.0 - fraction);
    }
  }
  return s;
}

constexpr Slopes kSlopes = make_slopes();

// sums[b] = sum_k w_b[k] value[k], in rising k.
void gather(const float value[kUsedBins], float sums[kBands]) {
  float carried = 0.0f;  // rising side of the band, from the interval below it
  for (int b = 0; b + 1 < kBands; ++b) {
    float lower = 0.0f, upper = 0.0f;
    for (int k = kBandCentre[b]; k < kBandCentre[b + 1]; ++k) {
      lower += kSlopes.falling[k] * value[k];
      upper += kSlopes.rising[k] * value[k];
    }
    sums[b] = carried + lower;
    carried = upper;
  }
  sums[kBands - 1] = carried;
}

}  // namespace

void band_energy(const Spectrum &x, float energy[kBands]) { band_product(x, x, energy); }

void band_product(const Spectrum &a, const Spectrum &b, float product[kBands]) {
  float value[kUsedBins];
  for (int k = 0; k < kUsedBins; ++k) value[k] = a.re[k] * b.re[k] + a.im[k] * b.im[k];
  gather(value, product);
}

void band_interpolate(const float band[kBands], float value[kBins]) {
  for (int b = 0; b + 1 < kBands; ++b) {
    for (int k = kBandCentre[b]; k < kBandCentre[b + 1]; ++k) {
      value[k] = kSlopes.falling[k] * band[b] + kSlopes.rising[k] * band[b + 1];
    }
  }
  for (int k = kUsedBins; k < kBins; ++k) value[k] = 0.0f;
}

}  // namespace linnet::dsp
