// The network over whole recordings, with memory of its own: there is no stream here that would bring it.
#include "lab/predict.h"

#include <algorithm>

#include "base/fp_env.h"
#include "lab/memory.h"

namespace linnet::lab {

void predict(const kernels::Kernels &kernels, const nn::Weights &weights, const float *inputs, size_t frames,
             size_t at_once, nn::NetworkOutput *out, float *taps) {
  const base::FpScope fp_env;
  nn::Network network;
  network.attach(weights);
  base::Arena plan;
  network.place(plan);
  Memory memory(plan);
  base::Arena arena = memory.arena();
  network.place(arena);
  network.reset();
  const size_t size = size_t{2} * nn::kLowBins * static_cast<size_t>(weights.taps());
  at_once = std::min(at_once, size_t{nn::kMaxBatch});
  for (size_t t = 0; t < frames; t += at_once) {
    const size_t count = std::min(at_once, frames - t);
    nn::NetworkInput in[nn::kMaxBatch] = {};
    for (size_t i = 0; i < nn::kMaxBatch && i < count; ++i) {
      const float *row = inputs + (t + i) * static_cast<size_t>(weights.inputs());
      in[i] = {row, row + nn::kFeatures};
    }
    network.process(kernels, in, static_cast<int>(count), out + t);
    for (size_t i = t; size > 0 && i < t + count; ++i) {
      std::copy(out[i].taps, out[i].taps + size, taps + i * size);
      out[i].taps = taps + i * size;
    }
  }
}

}  // namespace linnet::lab
