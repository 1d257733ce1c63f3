// The network over whole recordings, with memory of its own: there is no stream here that would bring it.
#include "lab/predict.h"

#include <algorithm>
#include <vector>

#include "base/arena.h"
#include "base/fp_env.h"

namespace linnet::lab {

namespace {

struct alignas(base::Arena::kAlignment) Line {
  uint8_t bytes[base::Arena::kAlignment];
};

}  // namespace

void predict(const kernels::Kernels &kernels, const nn::Weights &weights, const float *features, size_t frames,
             size_t at_once, nn::NetworkOutput *out) {
  const base::FpScope fp_env;
  nn::Network network;
  network.attach(weights);
  base::Arena plan;
  network.place(plan);
  std::vector<Line> memory(plan.used() / sizeof(Line));
  base::Arena arena(memory.data());
  network.place(arena);
  network.reset();
  for (size_t t = 0; t < frames; t += at_once) {
    const size_t count = std::min(at_once, frames - t);
    network.process(kernels, features + t * nn::kInputs, static_cast<int>(count), out + t);
  }
}

}  // namespace linnet::lab
