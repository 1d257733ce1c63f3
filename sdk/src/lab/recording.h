// The analysis run over a whole recording, frame by frame: what every experiment of the laboratory begins with.
#pragma once

#include <cstddef>

#include "base/sanitise.h"
#include "dsp/analysis.h"
#include "kernels/kernels.h"
#include "lab/memory.h"

namespace linnet::lab {

// A recording of whole frames of the rate, full scale +-1, any values: like the engine, the laboratory cleans its input
// first.
inline void clean_hop(const dsp::Rate &rate, const float *recording, size_t frame, float hop[dsp::kFrame]) {
  recording += frame * static_cast<size_t>(rate.frame);
  for (int n = 0; n < rate.frame; ++n) hop[n] = base::sanitise(recording[n]);
}

// Calls each(t, frame) for every frame t of a recording, where frame is what dsp::Analysis tells of t - lookahead.
template <class Each>
void analyse_each(const kernels::Kernels &kernels, const float *recording, size_t frames,
                  const dsp::AnalysisWants &wants, Each each) {
  base::Arena plan;
  dsp::Analysis::take_rings(plan, wants);
  Memory memory(plan);
  base::Arena arena = memory.arena();
  dsp::Analysis analysis;
  analysis.attach(wants, dsp::Analysis::take_rings(arena, wants));
  analysis.reset();
  for (size_t t = 0; t < frames; ++t) {
    float hop[dsp::kFrame];
    clean_hop(wants.rate, recording, t, hop);
    dsp::AnalysisFrame frame;
    analysis.process(kernels, hop, &frame);
    each(t, frame);
  }
}

}  // namespace linnet::lab
