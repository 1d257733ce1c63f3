// The plug-ins as LV2 has them: https://lv2plug.in, lv2/core. What they are and which ports they have stands in
// linnet.ttl of the bundle, which sdk/packaging/lv2.py writes. lv2_descriptor is the only symbol of the library.
#include <lv2/core/lv2.h>

#include "plugins/instance.h"

namespace {

using plugin::Instance;
using plugin::kForm;

extern const LV2_Descriptor kDescriptor[plugin::kForms];

LV2_Handle instantiate(const LV2_Descriptor *descriptor, double rate, const char *, const LV2_Feature *const *) {
  return plugin::instantiate(kForm[descriptor - kDescriptor], rate);
}
void connect(LV2_Handle handle, uint32_t port, void *place) {
  plugin::connect(static_cast<Instance *>(handle), port, static_cast<float *>(place));
}
void activate(LV2_Handle handle) { plugin::reset(static_cast<Instance *>(handle)->enhancer); }
void run(LV2_Handle handle, uint32_t samples) { plugin::run(static_cast<Instance *>(handle), samples); }
void cleanup(LV2_Handle handle) { plugin::cleanup(static_cast<Instance *>(handle)); }

constexpr LV2_Descriptor descriptor(int index) {
  return {kForm[index].uri, instantiate, connect, activate, run, nullptr, cleanup, nullptr};
}

const LV2_Descriptor kDescriptor[plugin::kForms] = {descriptor(0), descriptor(1), descriptor(2), descriptor(3)};

}  // namespace

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) {
  return index < plugin::kForms ? &kDescriptor[index] : nullptr;
}
