#include "dsp/interpolator.h"

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {
namespace {

constexpr int kMaxPhases = 6;

// Modified Bessel function of the first kind and order 0, of z with z^2 / 4 = quarter; by its series.
constexpr double bessel(double quarter) {
  double term = 1, sum = 1;
  for (int k = 1; k <= 40; ++k) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

// The phases between two samples, Up to the sample: sinc(t) under a Kaiser window that ends at 8 samples, gain 1 at 0.
template <int Up>
struct Phases {
  float tap[Up][kInterpolatorTaps] = {};

  constexpr Phases() {
    constexpr double kQuarter = 0.25 * 5.0 * 5.0;  // of the window's beta, squared
    constexpr int kHalf = kInterpolatorTaps / 2;
    for (int p = 0; p < Up; ++p) {
      double raw[kInterpolatorTaps] = {}, sum = 0;
      for (int i = 0; i < kInterpolatorTaps; ++i) {
        const int whole = i - (kHalf - 1);  // sample of the tap, from the one at or before the instant
        const double t = double(p) / Up - whole, place = t / kHalf;
        const double window = bessel(kQuarter * (1 - place * place)) / bessel(kQuarter);
        // sin(pi t) is that of the fraction, with the sign of every whole sample
        const double sine = (whole % 2 == 0 ? 1 : -1) * base::table_sine(base::kPi * p / Up);
        raw[i] = p == 0 ? (whole == 0 ? 1 : 0) : window * sine / (base::kPi * t);
        sum += raw[i];
      }
      for (int i = 0; i < kInterpolatorTaps; ++i) tap[p][i] = static_cast<float>(raw[i] / sum);
    }
  }
};

template <int Up>
constexpr Phases<Up> kPhases{};

const float (*phases_of(int up)) [kInterpolatorTaps] {
  switch (up) {
    case 2:
      return kPhases<2>.tap;
    case 3:
      return kPhases<3>.tap;
    default:
      return kPhases<kMaxPhases>.tap;
  }
}

}  // namespace

void interpolate(const kernels::Kernels &kernels, const Rate &rate, const float *newest, float out[kFrame]) {
  const float (*taps)[kInterpolatorTaps] = phases_of(rate.up);
  const float *x = newest + 1 - kInterpolatorTaps;
  int phase = 0;
  for (int n = 0; n < kFrame; ++n) {
    out[n] = kernels.dot(x, taps[phase], kInterpolatorTaps);
    phase += rate.down;
    if (phase >= rate.up) {
      phase -= rate.up;
      ++x;
    }
  }
  base::snap_tiny(out, kFrame);
}

}  // namespace linnet::dsp
