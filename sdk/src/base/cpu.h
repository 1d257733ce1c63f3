// What this CPU and its operating system can run, as far as the kernels care. Each system is asked in its own way, in a
// file of its own: base/cpu_SYSTEM.cpp, which targets/ names for each target. What the answers mean is in cpu_rules.h.
// Builds that take every source of this folder may do so: all but one of these files are empty for any one target.
#pragma once

#if defined(__x86_64__) || defined(__i386__)
#define LINNET_CPU_X86 1  // any system: CPUID and XGETBV need no help
#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#define LINNET_CPU_LINUX_ARM 1  // Android too: the auxiliary vector
#elif defined(__aarch64__) && defined(__APPLE__)
#define LINNET_CPU_APPLE 1  // sysctlbyname
#elif defined(__aarch64__) && defined(_WIN32)
#define LINNET_CPU_WINDOWS_ARM 1  // IsProcessorFeaturePresent
#else
#define LINNET_CPU_NONE 1  // nobody to ask: what the target guarantees when it is compiled
#endif

namespace linnet::base {

// A flag implies those that its kernels lean on: avx_vnni and avx512_vnni imply avx2, neon_i8mm implies neon_dot, which
// implies neon.
struct CpuFeatures {
  bool avx2 = false;
  bool avx_vnni = false;     // VPDPBUSD in VEX encoding, 256 bits
  bool avx512_vnni = false;  // the same in EVEX encoding
  bool neon = false;
  bool neon_dot = false;   // SDOT, optional from ARMv8.2
  bool neon_i8mm = false;  // SMMLA, optional from ARMv8.2, mandatory from ARMv8.6
  bool wasm128 = false;    // an engine without these vectors refuses the whole module
};

// Asks anew at each call (some microseconds in a virtual machine); for initialisation, not for the frame path.
CpuFeatures cpu_features();

}  // namespace linnet::base
