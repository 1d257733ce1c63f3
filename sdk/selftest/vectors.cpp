// See vectors.h. The network by itself is fed here, by what is inside the library; signals.cpp has the rest.
#include "selftest/vectors.h"

#include <cstdlib>

#include "base/arena.h"
#include "kernels/kernels.h"
#include "linnet.h"
#include "model/blob.h"
#include "nn/network.h"
#include "selftest/fp_mode.h"
#include "selftest/recipes.h"
#include "selftest/sha256.h"
#include "selftest/signals.h"

namespace selftest {
namespace {

// A hundred frames of random features: of the usual size (divisor 16), far beyond it (1), and zeros (0).
struct Features {
  const char *name;
  int32_t divisor;
  int frames;  // per call, 1 or 2
};

const char *run_network(const Request &request, const Features &use, Report report, void *context) {
  linnet::model::BlobView view;
  linnet::nn::Weights weights;
  if (linnet::model::parse_blob(request.model, request.model_size, &view) != linnet::model::BlobError::kNone ||
      weights.bind(view) != linnet::model::BlobError::kNone) {
    return "the model is refused";
  }
  const linnet::kernels::Kernels *kernels = linnet::kernels::find(request.backend);
  if (!kernels) return linnet_status_text(LINNET_ERR_BACKEND);
  linnet::nn::Network network;
  network.attach(weights);
  linnet::base::Arena measuring;
  network.place(measuring);
  uint8_t *memory = static_cast<uint8_t *>(malloc(measuring.used() + 63));
  if (!memory) return linnet_status_text(LINNET_ERR_NO_MEMORY);
  linnet::base::Arena arena(memory + (64 - reinterpret_cast<uintptr_t>(memory) % 64) % 64);
  network.place(arena);
  network.reset();

  recipes::Random random{99};
  Sha256 hash;
  for (int frame = 0; frame < 100; frame += use.frames) {
    float features[2][linnet::nn::kFeatures], fine[2][linnet::nn::kFineInputs];
    linnet::nn::NetworkInput inputs[2];
    for (int i = 0; i < use.frames; ++i) {
      const auto draw = [&] { return use.divisor ? recipes::unit(random.sample() / use.divisor) * 16.0f : 0.0f; };
      for (float &feature : features[i]) feature = draw();
      for (int k = 0; weights.fine() && k < linnet::nn::kFineInputs; ++k) fine[i][k] = draw();
      inputs[i] = {features[i], fine[i]};
    }
    linnet::nn::NetworkOutput outputs[2];
    network.process(*kernels, inputs, use.frames, outputs);
    const size_t taps = size_t{2} * linnet::nn::kLowBins * static_cast<size_t>(weights.taps());
    for (int i = 0; i < use.frames; ++i) {
      hash.add(outputs[i].gains, sizeof outputs[i].gains);
      hash.add(outputs[i].strengths, sizeof outputs[i].strengths);
      hash.add(&outputs[i].speech_probability, sizeof outputs[i].speech_probability);
      if (taps > 0) hash.add(outputs[i].taps, taps * sizeof(float));
    }
  }
  free(memory);
  char text[65];
  hash.finish(text);
  report(context, use.name, "outputs", text);
  return nullptr;
}

}  // namespace

const char *run_vectors(const Request &request, Report report, void *context) {
  constexpr Features networks[] = {
      {"network_usual", 16, 1}, {"network_large", 1, 1}, {"network_zero", 0, 1}, {"network_two_frames", 16, 2}};
  if (request.mode && !fp_find_mode(request.mode)) return "this CPU has no such floating-point mode";
  const char *why = nullptr;
  for (const Features &network : networks) {
    if (!why && chosen(request.only, network.name)) why = run_network(request, network, report, context);
  }
  return why ? why : run_signals(request, report, context);
}

const char *compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace selftest
