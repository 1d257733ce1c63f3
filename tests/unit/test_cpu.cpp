// What is concluded from the words of a CPU and its system, on any machine: each single bit matters, and a CPU that has
// everything is not trusted under a system that does not save its registers.
//
//     test_cpu
#include "base/cpu_rules.h"
#include "check.h"

using namespace linnet::base;  // NOLINT: this program is about nothing else

namespace {

constexpr uint32_t kOsXsave = 1u << 27, kAvx = 1u << 28, kAvx2 = 1u << 5, kVnni = 1u << 4, kAll = ~0u;

struct X86Case {
  const char *what;
  X86Words words;
  bool avx2, avx_vnni;
};

const X86Case kX86[] = {
    {"nothing", {}, false, false},
    {"SSE4.2 only: no leaf 7", {0x00982203, 0, 0, 0}, false, false},
    {"AVX2 of 2013", {kOsXsave | kAvx, kAvx2, 0, 7}, true, false},
    {"AVX-VNNI", {kOsXsave | kAvx, kAvx2, kVnni, 7}, true, true},
    {"wider registers are saved too", {kOsXsave | kAvx, kAvx2, kVnni, 0xE7}, true, true},
    {"AVX of 2011", {kOsXsave | kAvx, 0, 0, 7}, false, false},
    {"system without XSAVE, whatever XCR0 seems to be", {kAvx, kAvx2, kVnni, 7}, false, false},
    {"every bit but OSXSAVE", {kAll & ~kOsXsave, kAll, kAll, kAll}, false, false},
    {"every bit but AVX", {kAll & ~kAvx, kAll, kAll, kAll}, false, false},
    {"system that saves XMM alone", {kOsXsave | kAvx, kAvx2, kVnni, 3}, false, false},
    {"system that saves no XMM", {kOsXsave | kAvx, kAvx2, kVnni, 5}, false, false},
    {"system that saves neither", {kAll, kAll, kAll, kAll & ~6u}, false, false},
    {"every bit but AVX2: VNNI leans on it", {kAll, kAll & ~kAvx2, kAll, kAll}, false, false},
    {"every bit but AVX-VNNI", {kAll, kAll, kAll & ~kVnni, kAll}, true, false},
};

void x86() {
  for (const X86Case &one : kX86) {
    const CpuFeatures found = x86_features(one.words);
    CHECK_CASE(found.avx2 == one.avx2, one.what);
    CHECK_CASE(found.avx_vnni == one.avx_vnni, one.what);
    CHECK_CASE(!found.neon && !found.neon_dot && !found.neon_i8mm, one.what);
  }
  CHECK(may_read_xcr0(kOsXsave));
  CHECK(!may_read_xcr0(0) && !may_read_xcr0(kAll & ~kOsXsave));
}

struct ArmCase {
  const char *what;
  uint64_t hwcap, hwcap2;
  bool neon, dot, i8mm;
};

const ArmCase kLinuxArm64[] = {
    {"nothing", 0, 0, false, false, false},
    {"Cortex-A53", 0x8FF, 0, true, false, false},
    {"Cortex-A76: dot product", 0x10FFFFF | 1 << 20, 0, true, true, false},
    {"Cortex-X2: matrix product", 0x1FFFFF, 1 << 13, true, true, true},
    {"every bit but Advanced SIMD", ~(1ull << 1), ~0ull, false, false, false},
    {"every bit but the dot product", ~(1ull << 20), ~0ull, true, false, false},
    {"every bit but the matrix product", ~0ull, ~(1ull << 13), true, true, false},
    {"the same bit of the first word", 1 << 1 | 1 << 20 | 1 << 13, 0, true, true, false},
};

void linux_arm() {
  for (const ArmCase &one : kLinuxArm64) {
    const CpuFeatures found = linux_arm64_features(one.hwcap, one.hwcap2);
    CHECK_CASE(found.neon == one.neon, one.what);
    CHECK_CASE(found.neon_dot == one.dot, one.what);
    CHECK_CASE(found.neon_i8mm == one.i8mm, one.what);
    CHECK_CASE(!found.avx2 && !found.avx_vnni, one.what);
  }
  CHECK(linux_arm32_features(1 << 12).neon && !linux_arm32_features(~(1ull << 12)).neon);
  CHECK(!linux_arm32_features(~0ull).neon_dot && !linux_arm32_features(~0ull).neon_i8mm);
}

// Apple and Windows answer to names and numbers: an answer counts for nothing without those that it leans on.
void three_answers() {
  for (int i = 0; i < 8; ++i) {
    const bool neon = (i & 1) != 0, dot = (i & 2) != 0, matrix = (i & 4) != 0;
    const CpuFeatures found = arm64_features(neon, dot, matrix);
    CHECK(found.neon == neon);
    CHECK(found.neon_dot == (neon && dot));
    CHECK(found.neon_i8mm == (neon && dot && matrix));
  }
}

// The machine that this runs on: whatever it says must be consistent.
void here() {
  const CpuFeatures found = cpu_features();
  CHECK(!found.avx_vnni || found.avx2);
  CHECK(!found.neon_dot || found.neon);
  CHECK(!found.neon_i8mm || found.neon_dot);
#ifdef __aarch64__
  CHECK(found.neon);
#endif
}

}  // namespace

int main() {
  x86();
  linux_arm();
  three_answers();
  here();
  return check_summary();
}
