// ARM under Linux and Android: the capability words of the auxiliary vector.
#include "base/cpu_rules.h"

#ifdef LINNET_CPU_LINUX_ARM
#include <sys/auxv.h>

namespace linnet::base {

CpuFeatures cpu_features() {
#ifdef __aarch64__
  return linux_arm64_features(getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
#else
  return linux_arm32_features(getauxval(AT_HWCAP));
#endif
}

}  // namespace linnet::base
#endif
