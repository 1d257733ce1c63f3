// The plug-ins as LADSPA has them: https://ladspa.org, ladspa.h. ladspa_descriptor is the only symbol of the library.
#include <ladspa.h>

#include "plugins/instance.h"

namespace {

using plugin::Instance;
using plugin::kForm;

// Not registered; hosts of today go by file and label.
constexpr unsigned long kFirstId = 0x6C6E74;
constexpr unsigned long kMonoPorts = 5, kStereoPorts = 7;

constexpr LADSPA_PortDescriptor kAudioIn = LADSPA_PORT_INPUT | LADSPA_PORT_AUDIO;
constexpr LADSPA_PortDescriptor kAudioOut = LADSPA_PORT_OUTPUT | LADSPA_PORT_AUDIO;
constexpr LADSPA_PortDescriptor kControlIn = LADSPA_PORT_INPUT | LADSPA_PORT_CONTROL;
constexpr LADSPA_PortDescriptor kControlOut = LADSPA_PORT_OUTPUT | LADSPA_PORT_CONTROL;
constexpr LADSPA_PortDescriptor kMonoPort[kMonoPorts] = {kAudioIn, kAudioOut, kControlIn, kControlIn, kControlOut};
constexpr LADSPA_PortDescriptor kStereoPort[kStereoPorts] = {kAudioIn,   kAudioIn,   kAudioOut,  kAudioOut,
                                                             kControlIn, kControlIn, kControlOut};

// Other suppressors call the first one so too. Hosts know an output named "latency".
#define CONTROLS "Attenuation Limit (dB)", "Post Filter", "latency"
constexpr const char *kMonoName[kMonoPorts] = {"Input", "Output", CONTROLS};
constexpr const char *kStereoName[kStereoPorts] = {"Input (L)", "Input (R)", "Output (L)", "Output (R)", CONTROLS};

constexpr LADSPA_PortRangeHintDescriptor kBounded = LADSPA_HINT_BOUNDED_BELOW | LADSPA_HINT_BOUNDED_ABOVE;
constexpr LADSPA_PortRangeHint kLimitHint = {kBounded | LADSPA_HINT_DEFAULT_100, 0, plugin::kMaxLimit};
constexpr LADSPA_PortRangeHint kPostfilterHint = {kBounded | LADSPA_HINT_DEFAULT_0, 0, plugin::kMaxPostfilter};
constexpr LADSPA_PortRangeHint kLatencyHint = {LADSPA_HINT_INTEGER, 0, 0};
constexpr LADSPA_PortRangeHint kMonoHint[kMonoPorts] = {{}, {}, kLimitHint, kPostfilterHint, kLatencyHint};
constexpr LADSPA_PortRangeHint kStereoHint[kStereoPorts] = {{}, {}, {}, {}, kLimitHint, kPostfilterHint, kLatencyHint};
static_assert(plugin::kDefaultLimit == 100 && plugin::kDefaultPostfilter == 0, "the hints say other defaults");

LADSPA_Handle instantiate(const LADSPA_Descriptor *descriptor, unsigned long rate) {
  return plugin::instantiate(kForm[descriptor->UniqueID - kFirstId], static_cast<double>(rate));
}
void connect(LADSPA_Handle handle, unsigned long port, LADSPA_Data *place) {
  plugin::connect(static_cast<Instance *>(handle), port, place);
}
void activate(LADSPA_Handle handle) { plugin::reset(static_cast<Instance *>(handle)->enhancer); }
void run(LADSPA_Handle handle, unsigned long samples) { plugin::run(static_cast<Instance *>(handle), samples); }
void cleanup(LADSPA_Handle handle) { plugin::cleanup(static_cast<Instance *>(handle)); }

constexpr LADSPA_Descriptor descriptor(int index) {
  const bool mono = kForm[index].channels == 1;
  return {kFirstId + static_cast<unsigned long>(index),
          kForm[index].label,
          LADSPA_PROPERTY_HARD_RT_CAPABLE,
          kForm[index].name,
          "The linnet authors",
          "BSD-2-Clause",
          mono ? kMonoPorts : kStereoPorts,
          mono ? kMonoPort : kStereoPort,
          mono ? kMonoName : kStereoName,
          mono ? kMonoHint : kStereoHint,
          nullptr,
          instantiate,
          connect,
          activate,
          run,
          nullptr,
          nullptr,
          nullptr,
          cleanup};
}

constexpr LADSPA_Descriptor kDescriptor[plugin::kForms] = {descriptor(0), descriptor(1), descriptor(2), descriptor(3)};

}  // namespace

extern "C" __attribute__((visibility("default"))) const LADSPA_Descriptor *ladspa_descriptor(unsigned long index) {
  return index < plugin::kForms ? &kDescriptor[index] : nullptr;
}
