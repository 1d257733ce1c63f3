// Everything else, where nobody can be asked: what the target guarantees when it is compiled.
#include "base/cpu_rules.h"

#ifdef LINNET_CPU_NONE

namespace linnet::base {

CpuFeatures cpu_features() {
#ifdef __ARM_NEON
  constexpr bool kNeon = true;
#else
  constexpr bool kNeon = false;
#endif
#ifdef __ARM_FEATURE_DOTPROD
  constexpr bool kDotProduct = true;
#else
  constexpr bool kDotProduct = false;
#endif
#ifdef __ARM_FEATURE_MATMUL_INT8
  constexpr bool kMatrixProduct = true;
#else
  constexpr bool kMatrixProduct = false;
#endif
  CpuFeatures features = arm64_features(kNeon, kDotProduct, kMatrixProduct);
#ifdef __wasm_simd128__
  features.wasm128 = true;
#endif
  return features;
}

}  // namespace linnet::base
#endif
