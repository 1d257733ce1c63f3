// What LADSPA and LV2 have in common: an instance whose ports the host connects to places of its own, in the order
//
//     an input for each channel, an output for each channel, limit, post-filter, latency, and for LV2 enabled.
//
// A host may leave out ports, or ask for ones that are not there.
#ifndef LINNET_PLUGINS_INSTANCE_H
#define LINNET_PLUGINS_INSTANCE_H

#include <cstdlib>

#include "plugins/enhancer.h"

namespace plugin {

enum Control { kLimit, kPostfilter, kLatency, kEnabled, kControls };

struct Instance {
  Enhancer *enhancer;
  int channels;
  float *port[2 * kMaxChannels + kControls];
};

inline Instance *instantiate(const Form &form, double rate) {
  auto *instance = static_cast<Instance *>(calloc(1, sizeof(Instance)));
  if (!instance) return nullptr;
  instance->channels = form.channels;
  instance->enhancer = create(form, rate);
  if (instance->enhancer) return instance;
  free(instance);
  return nullptr;
}

inline void cleanup(Instance *instance) {
  if (!instance) return;
  destroy(instance->enhancer);
  free(instance);
}

inline void connect(Instance *instance, unsigned long port, float *place) {
  if (port < 2UL * static_cast<unsigned long>(instance->channels) + kControls) instance->port[port] = place;
}

inline void run(Instance *instance, size_t samples) {
  const float *in[kMaxChannels] = {};
  float *out[kMaxChannels] = {};
  float **port = instance->port;
  for (int channel = 0; channel < instance->channels; ++channel) {
    in[channel] = port[channel];
    out[channel] = port[instance->channels + channel];
  }
  const float *const *control = port + 2 * instance->channels;
  float limit = control[kLimit] ? *control[kLimit] : kDefaultLimit;
  // Switched off, the input comes out as late as it would enhanced.
  if (control[kEnabled] && !(*control[kEnabled] > 0)) limit = 0;
  set_controls(instance->enhancer, limit, control[kPostfilter] ? *control[kPostfilter] : kDefaultPostfilter);
  process(instance->enhancer, in, out, samples);
  if (float *place = port[2 * instance->channels + kLatency]) {
    *place = static_cast<float>(latency(instance->enhancer));
  }
}

}  // namespace plugin

#endif
