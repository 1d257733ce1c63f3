#include "dsp/stft.h"

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {
namespace {

template <int W>
struct Window {
  // That of 48 kHz is its own mirror image, whose rising half is kept; at 32 kHz the instants are not.
  static constexpr bool kMirrored = W == kWindow;
  static constexpr int kKept = kMirrored ? W / 2 : W;
  float synthesis[kKept] = {};
  float analysis[kKept] = {};  // with the 1/W of the transform

  constexpr Window() {
    for (int n = 0; n < kKept; ++n) {
      // Twice the instant among those of 48 kHz, which is a whole number at every rate.
      const int twice = 2 * kWindow * n / W;
      double inner = base::table_sine(base::kPi * (0.5 * twice + 0.5) / kWindow);
      double value = base::table_sine(0.5 * base::kPi * inner * inner);
      synthesis[n] = static_cast<float>(value);
      analysis[n] = static_cast<float>(value / W);
    }
  }
};

template <int W>
constexpr Window<W> kWindowOf{};

// A half of a window: value n is scale * first[step * n], and first[step * n] alone where the step is 1 or -1.
struct Half {
  const float *first;
  int step;
  float scale;

  float operator[](int n) const { return scale * first[step * n]; }

  // Calls body(n, value) for n < count. Inlined, as a loop of the usual step is to be compiled as one that vectorises.
  template <int kUsual, typename Body>
  __attribute__((always_inline)) void each(int count, Body body) const {
    if (step == kUsual) {
      for (int n = 0; n < count; ++n) body(n, first[kUsual * n]);
    } else {
      for (int n = 0; n < count; ++n) body(n, (*this)[n]);
    }
  }
};

struct Halves {
  Half rising, falling;
};

template <int W>
Halves halves(const float *values, int stride, float scale) {
  const int middle = W / 2;
  const Half mirrored{values + middle - 1, -stride, scale}, own{values + middle, stride, scale};
  return {{values, stride, scale}, Window<W>::kMirrored ? mirrored : own};
}

// A rate's window: every so manieth value of that of 48 or 32 kHz, whose 1/W is less by that power of two.
bool of_48_khz(const Rate &rate) { return rate.window % 480 == 0; }

Halves synthesis_window(const Rate &rate) {
  return of_48_khz(rate) ? halves<kWindow>(kWindowOf<kWindow>.synthesis, kWindow / rate.window, 1.0f)
                         : halves<640>(kWindowOf<640>.synthesis, 640 / rate.window, 1.0f);
}

Halves analysis_window(const Rate &rate) {
  const int stride = (of_48_khz(rate) ? kWindow : 640) / rate.window;
  const float scale = static_cast<float>(stride);
  return of_48_khz(rate) ? halves<kWindow>(kWindowOf<kWindow>.analysis, stride, scale)
                         : halves<640>(kWindowOf<640>.analysis, stride, scale);
}

}  // namespace

void stft_window(const Rate &rate, float *window) {
  const Halves halves = synthesis_window(rate);
  const int frame = rate.frame;
  for (int n = 0; n < frame; ++n) {
    window[n] = halves.rising[n];
    window[frame + n] = halves.falling[n];
  }
}

void stft_analyze(const Rate &rate, const float *x, Spectrum *spectrum) {
  float windowed[kWindow];
  const Halves halves = analysis_window(rate);
  const int frame = rate.frame;
  halves.rising.each<1>(frame, [&](int n, float value) { windowed[n] = x[n] * value; });
  halves.falling.each<-1>(frame, [&](int n, float value) { windowed[frame + n] = x[frame + n] * value; });
  fft_forward(rate, windowed, spectrum);
  base::snap_tiny(spectrum->re, rate.bins);
  base::snap_tiny(spectrum->im, rate.bins);
}

void stft_synthesize(const Rate &rate, const Spectrum &spectrum, float *overlap, float *out) {
  float x[kWindow];
  const Halves halves = synthesis_window(rate);
  const int frame = rate.frame;
  fft_inverse(rate, spectrum, x);
  halves.rising.each<1>(frame, [&](int n, float value) { out[n] = x[n] * value + overlap[n]; });
  halves.falling.each<-1>(frame, [&](int n, float value) { overlap[n] = x[frame + n] * value; });
  base::snap_tiny(out, frame);
  base::snap_tiny(overlap, frame);
}

void HighPass::process(const Rate &rate, float *x) {
  const double pole = 1.0 - static_cast<double>(rate.up) / (2048 * rate.down);
  double last_in = previous_input, last_out = previous_output;
  for (int n = 0; n < rate.frame; ++n) {
    double in = x[n];
    last_out = (in - last_in) + pole * last_out;
    last_in = in;
    x[n] = static_cast<float>(last_out);
  }
  base::snap_tiny(x, rate.frame);
  previous_input = last_in;
  previous_output = last_out * last_out > 0x1p-120 ? last_out : 0.0;
}

}  // namespace linnet::dsp
