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

static_assert(kBandCentre[kLowBands - 2] < kLowBins && kLowBins <= kBandCentre[kLowBands - 1]);

// Bins that the lowest bands reach over.
constexpr int bins_of(int bands) { return bands < kBands ? kBandCentre[bands] : kUsedBins; }

// sums[b] = sum_k w_b[k] value[k], in rising k, of the lowest bands.
template <int kCount>
void gather(const float value[], float sums[kCount]) {
  float carried = 0.0f;  // rising side of the band, from the interval below it
  for (int b = 0; b < kCount && b + 1 < kBands; ++b) {
    float lower = 0.0f, upper = 0.0f;
    for (int k = kBandCentre[b]; k < kBandCentre[b + 1]; ++k) {
      lower += kSlopes.falling[k] * value[k];
      upper += kSlopes.rising[k] * value[k];
    }
    sums[b] = carried + lower;
    carried = upper;
  }
  if (kCount == kBands) sums[kBands - 1] = carried;
}

template <int kCount>
void product_of(const Spectrum &a, const Spectrum &b, float product[kCount]) {
  constexpr int kReach = bins_of(kCount);
  float value[kReach];
  for (int k = 0; k < kReach; ++k) value[k] = a.re[k] * b.re[k] + a.im[k] * b.im[k];
  gather<kCount>(value, product);
}

}  // namespace

void band_energy(const Spectrum &x, float energy[kBands]) { product_of<kBands>(x, x, energy); }

void low_band_energy(const Spectrum &x, float energy[kLowBands]) { product_of<kLowBands>(x, x, energy); }

void band_product(const Spectrum &a, const Spectrum &b, float product[kBands]) { product_of<kBands>(a, b, product); }

void band_interpolate(const float band[kBands], float value[kBins]) {
  for (int b = 0; b + 1 < kBands; ++b) {
    for (int k = kBandCentre[b]; k < kBandCentre[b + 1]; ++k) {
      value[k] = kSlopes.falling[k] * band[b] + kSlopes.rising[k] * band[b + 1];
    }
  }
  for (int k = kUsedBins; k < kBins; ++k) value[k] = 0.0f;
}

}  // namespace linnet::dsp
