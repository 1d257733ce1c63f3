// Apple's 64-bit ARM, phones and computers alike: one number in the kernel's table for each feature (Apple,
// "Determining Instruction Set Characteristics"). A system too old to know a name has no CPU with that feature, or none
// that says so.
#include "base/cpu_rules.h"

#ifdef LINNET_CPU_APPLE
#include <stddef.h>
#include <sys/sysctl.h>

namespace linnet::base {
namespace {

bool has(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

}  // namespace

CpuFeatures cpu_features() {
  // NEON is part of the architecture.
  return arm64_features(true, has("hw.optional.arm.FEAT_DotProd"), has("hw.optional.arm.FEAT_I8MM"));
}

}  // namespace linnet::base
#endif
