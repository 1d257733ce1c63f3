// Synthesis of whole recordings.
#include "lab/synthesise.h"

#include <cstring>

#include "base/fp_env.h"
#include "dsp/analysis.h"
#include "dsp/stft.h"
#include "dsp/synthesis.h"
#include "lab/recording.h"

namespace linnet::lab {

void synthesise(const kernels::Kernels &kernels, const dsp::Rate &rate, const float *noisy, size_t frames,
                int lookahead, const float *gains, const float *strengths, const float *taps, int reach,
                float postfilter, float *out) {
  const base::FpScope fp_env;
  base::Arena plan;
  dsp::Synthesis::take_channels(plan, 1);
  Memory memory(plan);
  base::Arena arena = memory.arena();
  dsp::Synthesis synthesis;
  synthesis.attach(rate, dsp::Synthesis::take_channels(arena, 1), 1);
  synthesis.reset();
  dsp::AnalysisWants wants = {lookahead};
  wants.pitch = strengths != nullptr;
  wants.reach = reach;
  wants.rate = rate;
  const float none[dsp::kBands] = {};
  const size_t filters = size_t{dsp::kLowBins} * static_cast<size_t>(2 * reach + 1) * 2;
  analyse_each(kernels, noisy, frames, wants, [&](size_t t, const dsp::AnalysisFrame &frame) {
    const dsp::Synthesis::Controls controls = {gains + t * dsp::kBands, strengths ? strengths + t * dsp::kBands : none,
                                               taps ? taps + t * filters : nullptr, postfilter};
    synthesis.process(kernels, frame, controls);
    memcpy(out + t * static_cast<size_t>(rate.frame), synthesis.samples(0),
           static_cast<size_t>(rate.frame) * sizeof *out);
  });
}

void synthesise_bins(const kernels::Kernels &kernels, const float *noisy, size_t frames, int lookahead,
                     const float *bin_gains, float *out) {
  const base::FpScope fp_env;
  float overlap[dsp::kFrame] = {};
  analyse_each(kernels, noisy, frames, {lookahead}, [&](size_t t, const dsp::AnalysisFrame &frame) {
    const float *gain = bin_gains + t * dsp::kBins;
    dsp::Spectrum scaled = *frame.noisy;
    for (int k = 0; k < dsp::kBins; ++k) {
      scaled.re[k] *= gain[k];
      scaled.im[k] *= gain[k];
    }
    float *samples = out + t * dsp::kFrame;
    dsp::stft_synthesize(dsp::kFullRate, scaled, overlap, samples);
    for (int n = 0; n < dsp::kFrame; ++n) samples[n] *= 1.0f / dsp::kFullScale;
  });
}

}  // namespace linnet::lab
