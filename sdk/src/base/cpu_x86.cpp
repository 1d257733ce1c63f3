// Intel and AMD under any system: CPUID, and XGETBV where that is legal.
#include "base/cpu_rules.h"

#ifdef LINNET_CPU_X86
#include <cpuid.h>

namespace linnet::base {
namespace {

// Extended control register 0. In assembly because the intrinsic wants a compiler flag for the whole file.
uint32_t xcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

CpuFeatures cpu_features() {
  X86Words words;
  unsigned eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) words.leaf1_ecx = ecx;
  if (may_read_xcr0(words.leaf1_ecx)) words.xcr0 = xcr0();
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    words.leaf7_ebx = ebx;
    words.leaf7_ecx = ecx;
    // eax holds the number of the last subleaf.
    if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) words.leaf7_1_eax = eax;
  }
  return x86_features(words);
}

}  // namespace linnet::base
#endif
