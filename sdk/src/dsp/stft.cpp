#include "dsp/stft.h"

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {
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
  constexpr double kPole = 1.0 - 1.0 / 2048;
  double last_in = previous_input, last_out = previous_output;
  for (int n = 0; n < kFrame; ++n) {
    double in = x[n];
    last_out = (in - last_in) + kPole * last_out;
    last_in = in;
    x[n] = static_cast<float>(last_out);
  }
  base::snap_tiny(x, kFrame);
  previous_input = last_in;
  previous_output = last_out * last_out > 0x1p-120 ? last_out : 0.0;
}

}  // namespace linnet::dsp
