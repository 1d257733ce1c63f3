#include "dsp/stft.h"

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {
namespace {

template <int W>
struct Window {
  float synthesis[W] = {};
  float analysis[W] = {};  // with the 1/W of the transform

  constexpr Window() {
    for (int n = 0; n < W; ++n) {
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

// A rate's window: every so manieth value of that of 48 or 32 kHz, whose 1/W is less by that power of two.
struct Place {
  const float *synthesis, *analysis;
  int stride;  // 1, 2 or 4
};

template <int W>
constexpr Place place_in(int window) {
  return {kWindowOf<W>.synthesis, kWindowOf<W>.analysis, W / window};
}

Place place(const Rate &rate) {
  return rate.window % 480 == 0 ? place_in<960>(rate.window) : place_in<640>(rate.window);
}

// Inlined, as loops of stride 1 are to be compiled as such.
__attribute__((always_inline)) inline void analyze(const float *x, const float *window, int stride, int count,
                                                   float *out) {
  const float scale = static_cast<float>(stride);
  for (int n = 0; n < count; ++n) out[n] = x[n] * (scale * window[stride * n]);
}

__attribute__((always_inline)) inline void overlap_add(const float *x, const float *window, int stride, int frame,
                                                       float *overlap, float *out) {
  for (int n = 0; n < frame; ++n) out[n] = x[n] * window[stride * n] + overlap[n];
  for (int n = 0; n < frame; ++n) overlap[n] = x[frame + n] * window[stride * (frame + n)];
}

}  // namespace

void stft_window(const Rate &rate, float *window) {
  const Place found = place(rate);
  for (int n = 0; n < rate.window; ++n) window[n] = found.synthesis[found.stride * n];
}

void stft_analyze(const Rate &rate, const float *x, Spectrum *spectrum) {
  float windowed[kWindow];
  const Place found = place(rate);
  if (found.stride == 1) {
    analyze(x, found.analysis, 1, rate.window, windowed);
  } else {
    analyze(x, found.analysis, found.stride, rate.window, windowed);
  }
  fft_forward(rate, windowed, spectrum);
  base::snap_tiny(spectrum->re, rate.bins);
  base::snap_tiny(spectrum->im, rate.bins);
}

void stft_synthesize(const Rate &rate, const Spectrum &spectrum, float *overlap, float *out) {
  float x[kWindow];
  const Place found = place(rate);
  const int frame = rate.frame;
  fft_inverse(rate, spectrum, x);
  if (found.stride == 1) {
    overlap_add(x, found.synthesis, 1, frame, overlap, out);
  } else {
    overlap_add(x, found.synthesis, found.stride, frame, overlap, out);
  }
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
