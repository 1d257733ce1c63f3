// Analysis of whole recordings. The clean one goes through the front end of the noisy one and is delayed likewise, but
// has no pitch and no comb filter of its own.
#include "lab/analyse.h"

#include <cstring>

#include "base/fp_env.h"
#include "dsp/analysis.h"
#include "dsp/erb.h"
#include "dsp/stft.h"
#include "lab/recording.h"

namespace linnet::lab {

namespace {

// X(t - lookahead), newest hop t in.
class CleanSpectrum {
 public:
  CleanSpectrum(const dsp::Rate &rate, int lookahead)
      : rate_(rate), window_(history_ + kHistory - rate.window - lookahead * rate.frame) {}

  void process(const float hop[dsp::kFrame], dsp::Spectrum *spectrum) {
    float *newest = history_ + kHistory - rate_.frame;
    memmove(history_, history_ + rate_.frame, static_cast<size_t>(kHistory - rate_.frame) * sizeof(float));
    for (int n = 0; n < rate_.frame; ++n) newest[n] = hop[n] * dsp::kFullScale;
    high_pass_.process(rate_, newest);
    dsp::stft_analyze(rate_, window_, spectrum);
  }

 private:
  static constexpr int kHistory = dsp::kWindow + dsp::kMaxLookahead * dsp::kFrame;

  const dsp::Rate rate_;
  dsp::HighPass high_pass_ = {};
  float history_[kHistory] = {};  // newest sample last
  const float *window_;           // of the frame that is told
};

void store(const dsp::Spectrum &from, std::complex<float> to[dsp::kBins]) {
  for (int k = 0; k < dsp::kBins; ++k) to[k] = {from.re[k], from.im[k]};
}

}  // namespace

void analyse(const kernels::Kernels &kernels, const dsp::Rate &rate, const float *noisy, const float *clean,
             size_t frames, int lookahead, const Measurements &out) {
  const base::FpScope fp_env;
  CleanSpectrum clean_spectrum(rate, lookahead);
  dsp::Spectrum x = {};
  dsp::AnalysisWants wants = {lookahead};
  wants.fine = out.fine != nullptr;
  wants.rate = rate;
  analyse_each(kernels, noisy, frames, wants, [&](size_t t, const dsp::AnalysisFrame &frame) {
    memcpy(out.features + t * dsp::kFeatures, frame.features, sizeof frame.features);
    if (out.fine) memcpy(out.fine + t * dsp::kFineInputs, frame.fine, dsp::kFineInputs * sizeof(float));
    memcpy(out.coherence + t * dsp::kBands, frame.coherence, sizeof frame.coherence);
    out.period[t] = frame.pitch.period;
    out.correlation[t] = frame.pitch.correlation;
    if (clean) {
      float hop[dsp::kFrame];
      clean_hop(rate, clean, t, hop);
      clean_spectrum.process(hop, &x);
    }
    const dsp::Spectrum &y = *frame.noisy, &p = *frame.comb;
    const dsp::Spectrum *const factors[kProducts][2] = {{&y, &y}, {&p, &p}, {&y, &p}, {&x, &x}, {&x, &y}, {&x, &p}};
    for (int i = 0; i < kProducts; ++i) {
      if (out.products[i]) dsp::band_product(*factors[i][0], *factors[i][1], out.products[i] + t * dsp::kBands);
    }
    const dsp::Spectrum *const signals[kSignals] = {&y, &p, &x};
    for (int i = 0; i < kSignals; ++i) {
      if (out.spectra[i]) store(*signals[i], out.spectra[i] + t * dsp::kBins);
    }
  });
}

}  // namespace linnet::lab
