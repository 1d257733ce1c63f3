// The questions behind cpu.h. Bit positions: Intel SDM volume 2 (CPUID leaves 1 and 7) and volume 1 chapter 14 (order
// of the AVX checks); Linux arch/arm and arch/arm64 hwcap lists. The constants are written out here because older C
// libraries lack some of them.
#include "base/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace linnet::base {

#if defined(__x86_64__) || defined(__i386__)

namespace {

constexpr unsigned kOsXsave = 1u << 27;    // leaf 1 ecx: the operating system uses XSAVE, XGETBV is legal
constexpr unsigned kAvx = 1u << 28;        // leaf 1 ecx
constexpr unsigned kAvx2 = 1u << 5;        // leaf 7.0 ebx
constexpr unsigned kAvxVnni = 1u << 4;     // leaf 7.1 eax
constexpr unsigned kSseAndAvxState = 0x6;  // XCR0: XMM and upper YMM halves are saved

// Extended control register 0. In assembly because the intrinsic wants a compiler flag for the whole file.
unsigned xcr0() {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

CpuFeatures cpu_features() {
  CpuFeatures features;
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return features;
  if ((ecx & kOsXsave) == 0 || (ecx & kAvx) == 0) return features;
  if ((xcr0() & kSseAndAvxState) != kSseAndAvxState) return features;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  features.avx2 = (ebx & kAvx2) != 0;
  // eax holds the number of the last subleaf.
  if (features.avx2 && eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) {
    features.avx_vnni = (eax & kAvxVnni) != 0;
  }
  return features;
}

#elif defined(__aarch64__) && defined(__linux__)

CpuFeatures cpu_features() {
  constexpr unsigned long kAdvancedSimd = 1ul << 1;
  constexpr unsigned long kDotProduct = 1ul << 20;
  constexpr unsigned long kMatrixProduct = 1ul << 13;  // AT_HWCAP2: I8MM
  unsigned long capabilities = getauxval(AT_HWCAP), more = getauxval(AT_HWCAP2);
  CpuFeatures features;
  features.neon = (capabilities & kAdvancedSimd) != 0;
  features.neon_dot = features.neon && (capabilities & kDotProduct) != 0;
  features.neon_i8mm = features.neon_dot && (more & kMatrixProduct) != 0;
  return features;
}

#elif defined(__arm__) && defined(__linux__)

CpuFeatures cpu_features() {
  constexpr unsigned long kNeon = 1ul << 12;
  CpuFeatures features;
  features.neon = (getauxval(AT_HWCAP) & kNeon) != 0;
  return features;
}

#else

CpuFeatures cpu_features() {
  CpuFeatures features;
#if defined(__ARM_NEON)
  features.neon = true;
#endif
#if defined(__ARM_NEON) && defined(__ARM_FEATURE_DOTPROD)
  features.neon_dot = true;
#endif
#if defined(__ARM_NEON) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)
  features.neon_i8mm = true;
#endif
  return features;
}

#endif

}  // namespace linnet::base
