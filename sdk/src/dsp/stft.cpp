#include "dsp/stft.h"

#include <cstring>

#include "base/bits.h"
#include "base/math.h"

namespace linnet_core::dsp {
namespace {

struct Window {
  float synthesis[kWindow];
  float analysis[kWindow];  // with the 1/960 of the transform
};

constexpr Window make_window() {
  Window w{};
  for (int n = 0; n < kWindow; ++n) {
    double inner = base::table_sine(base::kPi * (n + 0.5) / kWindow);
    double value = base::table_sine(0.5 * base::kPi * inner * inner);
    w.synthesis[n] = static_cast<float>(value);
    w.analysis[n] = static_cast<float>(value / kWindow);
  }
  return w;
}

constexpr Window kWindows = make_window();

}  // namespace

const float *stft_window() { return kWindows.synthesis; }

void stft_analyze(const float x[kWindow], Spectrum *spectrum) {
  float windowed[kWindow];
  for (int n = 0; n < kWindow; ++n) windowed[n] = x[n] * kWindows.analysis[n];
  fft_forward(windowed, spectrum);
  base::snap_tiny(spectrum->re, kBins);
  base::snap_tiny(spectrum->im, kBins);
}

void stft_synthesize(const Spectrum &spectrum, float overlap[kFrame], float out[kFrame]) {
  float x[kWindow];
  fft_inverse(spectrum, x);
  for (int n = 0; n < kFrame; ++n) out[n] = x[n] * kWindows.synthesis[n] + overlap[n];
  for (int n = 0; n < kFrame; ++n) overlap[n] = x[kFrame + n] * kWindows.synthesis[kFrame + n];
  base::snap_tiny(out, kFrame);
  base::snap_tiny(overlap, kFrame);
}

void HighPass::process(float x[kFrame]) {
  constexpr double kA1 = -1.99599, kA2 = 0.99600;
  double s0 = state[0], s1 = state[1];
  for (int n = 0; n < kFrame; ++n) {
    double in = x[n];
    double out = in + s0;
    s0 = s1 - 2.0 * in - kA1 * out;
    s1 = in - kA2 * out;
    x[n] = static_cast<float>(out);
  }
  base::snap_tiny(x, kFrame);
  // 2^-60, and both at once: one alone would leave a step.
  uint64_t bits[2];
  double decayed[2] = {s0, s1};
  memcpy(bits, decayed, sizeof bits);
  constexpr uint64_t kLimit = uint64_t(1023 - 60) << 52, kMagnitude = ~uint64_t(0) >> 1;
  bool silent = (bits[0] & kMagnitude) < kLimit && (bits[1] & kMagnitude) < kLimit;
  state[0] = silent ? 0.0 : s0;
  state[1] = silent ? 0.0 : s1;
}

}  // namespace linnet_core::dsp
