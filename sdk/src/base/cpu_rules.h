// What the words mean that a CPU or an operating system answers with: pure functions from them to CpuFeatures, so that
// every rule can be tried on every machine. Bit positions: Intel SDM volume 2 (CPUID leaves 1 and 7) and volume 1
// chapter 14 (order of the AVX checks); Linux arch/arm and arch/arm64 hwcap lists. The constants are written out here
// because older C libraries lack some of them.
#pragma once

#include <stdint.h>

#include "base/cpu.h"

namespace linnet::base {

// Registers of CPUID and extended control register 0. A word that the CPU does not have, or that may not be read, is 0.
struct X86Words {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0;
  uint32_t leaf7_ecx = 0;
  uint32_t leaf7_1_eax = 0;  // of subleaf 1
  uint32_t xcr0 = 0;
};

// Whether XGETBV is legal: the operating system has switched XSAVE on.
constexpr bool may_read_xcr0(uint32_t leaf1_ecx) {
  constexpr uint32_t kOsXsave = 1u << 27;
  return (leaf1_ecx & kOsXsave) != 0;
}

// A CPU with AVX2 is of no use under a system that does not save the wide registers when it switches tasks.
constexpr CpuFeatures x86_features(const X86Words &words) {
  constexpr uint32_t kAvx = 1u << 28;                // leaf 1 ecx
  constexpr uint32_t kAvx2 = 1u << 5;                // leaf 7 ebx
  constexpr uint32_t kAvx512 = 1u << 16 | 1u << 31;  // leaf 7 ebx: F and VL
  constexpr uint32_t kAvx512Vnni = 1u << 11;         // leaf 7 ecx
  constexpr uint32_t kAvxVnni = 1u << 4;             // leaf 7.1 eax
  constexpr uint32_t kSseAndAvxState = 2u | 4u;      // XCR0: XMM and upper YMM halves are saved
  constexpr uint32_t kAvx512State = 7u << 5;         // masks, upper ZMM halves, ZMM16..31
  CpuFeatures features;
  if (!may_read_xcr0(words.leaf1_ecx)) return features;
  if ((words.xcr0 & kSseAndAvxState) != kSseAndAvxState) return features;
  if ((words.leaf1_ecx & kAvx) == 0) return features;
  features.avx2 = (words.leaf7_ebx & kAvx2) != 0;
  features.avx_vnni = features.avx2 && (words.leaf7_1_eax & kAvxVnni) != 0;
  features.avx512_vnni = features.avx2 && (words.xcr0 & kAvx512State) == kAvx512State &&
                         (words.leaf7_ebx & kAvx512) == kAvx512 && (words.leaf7_ecx & kAvx512Vnni) != 0;
  return features;
}

// 64-bit ARM on any system: its answers to three questions.
constexpr CpuFeatures arm64_features(bool neon, bool dot_product, bool matrix_product) {
  CpuFeatures features;
  features.neon = neon;
  features.neon_dot = features.neon && dot_product;
  features.neon_i8mm = features.neon_dot && matrix_product;
  return features;
}

// AT_HWCAP and AT_HWCAP2 of Linux on 64-bit ARM.
constexpr CpuFeatures linux_arm64_features(uint64_t hwcap, uint64_t hwcap2) {
  constexpr uint64_t kAdvancedSimd = 1u << 1;
  constexpr uint64_t kDotProduct = 1u << 20;
  constexpr uint64_t kMatrixProduct = 1u << 13;  // in the second word: I8MM
  return arm64_features((hwcap & kAdvancedSimd) != 0, (hwcap & kDotProduct) != 0, (hwcap2 & kMatrixProduct) != 0);
}

// AT_HWCAP of Linux on 32-bit ARM.
constexpr CpuFeatures linux_arm32_features(uint64_t hwcap) {
  constexpr uint64_t kNeon = 1u << 12;
  return arm64_features((hwcap & kNeon) != 0, false, false);
}

}  // namespace linnet::base
