// What this CPU and its operating system can run, as far as the kernels care. x86 is asked by CPUID and XGETBV (an
// operating system may leave the wide registers unsaved although the CPU has them), Linux and Android on ARM by the
// auxiliary vector. Elsewhere only what the target guarantees at compile time counts.
#pragma once

namespace linnet::base {

// A flag implies those that its kernels lean on: avx_vnni implies avx2, neon_i8mm implies neon_dot, which implies neon.
struct CpuFeatures {
  bool avx2 = false;
  bool avx_vnni = false;  // VPDPBUSD in VEX encoding, 256 bits
  bool neon = false;
  bool neon_dot = false;   // SDOT, optional from ARMv8.2
  bool neon_i8mm = false;  // SMMLA, optional from ARMv8.2, mandatory from ARMv8.6
};

// Asks anew at each call (some microseconds in a virtual machine); for initialisation, not for the frame path.
CpuFeatures cpu_features();

}  // namespace linnet::base
