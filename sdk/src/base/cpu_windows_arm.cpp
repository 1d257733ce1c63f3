// 64-bit ARM under Windows: numbered questions to the kernel (Microsoft, IsProcessorFeaturePresent). The function is
// declared here, as windows.h defines names of ours and older ones lack these numbers. An old system answers no.
#include "base/cpu_rules.h"

#ifdef LINNET_CPU_WINDOWS_ARM

extern "C" __declspec(dllimport) int __stdcall IsProcessorFeaturePresent(unsigned long feature);

namespace linnet::base {

CpuFeatures cpu_features() {
  constexpr unsigned long kDotProduct = 43;     // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
  constexpr unsigned long kMatrixProduct = 66;  // PF_ARM_V82_I8MM_INSTRUCTIONS_AVAILABLE
  // NEON is part of the platform.
  return arm64_features(true, IsProcessorFeaturePresent(kDotProduct) != 0,
                        IsProcessorFeaturePresent(kMatrixProduct) != 0);
}

}  // namespace linnet::base
#endif
