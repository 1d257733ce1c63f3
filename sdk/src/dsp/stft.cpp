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

struct Tables {
  const float *synthesis, *analysis;  // [window]
};

template <int W>
constexpr Tables tables_of() {
  return {kWindowOf<W>.synthesis, kWindowOf<W>.analysis};
}

Tables tables(const Rate &rate) {
  switch (rate.window) {
    case 160:
      return tables_of<160>();
    case 320:
      return tables_of<320>();
    case 480:
      return tables_of<480>();
    case 640:
      return tables_of<640>();
    default:
      return tables_of<960>();
  }
}

}  // namespace

const float *stft_window(const Rate &rate) { return tables(rate).synthesis; }

void stft_analyze(const Rate &rate, const float *x, Spectrum *spectrum) {
  float windowed[kWindow];
  const float *window = tables(rate).analysis;
  for (int n = 0; n < rate.window; ++n) windowed[n] = x[n] * window[n];
  fft_forward(rate, windowed, spectrum);
  base::snap_tiny(spectrum->re, rate.bins);
  base::snap_tiny(spectrum->im, rate.bins);
}

void stft_synthesize(const Rate &rate, const Spectrum &spectrum, float *overlap, float *out) {
  float x[kWindow];
  const float *window = tables(rate).synthesis;
  const int frame = rate.frame;
  fft_inverse(rate, spectrum, x);
  for (int n = 0; n < frame; ++n) out[n] = x[n] * window[n] + overlap[n];
  for (int n = 0; n < frame; ++n) overlap[n] = x[frame + n] * window[frame + n];
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
