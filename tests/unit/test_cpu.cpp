// What is concluded from the words of a CPU and its system, on any machine: each single bit matters, and a CPU that has
// everything is not trusted under a system that does not save its registers. And which kernel tables follow from it.
//
//     test_cpu
#include <cstring>

#include "base/cpu_rules.h"
#include "check.h"
#include "kernels/kernels.h"

using namespace linnet::base;  // NOLINT: this program is about nothing else

namespace {

constexpr uint32_t kOsXsave = 1u << 27, kAvx = 1u << 28, kAvx2 = 1u << 5, kVnni = 1u << 4, kAll = ~0u;
constexpr uint32_t kAvx512 = kAvx2 | 1u << 16 | 1u << 31, kVnni512 = 1u << 11;  // F and VL; VNNI

struct X86Case {
  const char *what;
  X86Words words;
  bool avx2, avx_vnni, avx512_vnni;
};

const X86Case kX86[] = {
    {"nothing", {}, false, false, false},
    {"SSE4.2 only: no leaf 7", {0x00982203, 0, 0, 0, 0}, false, false, false},
    {"AVX2 of 2013", {kOsXsave | kAvx, kAvx2, 0, 0, 7}, true, false, false},
    {"AVX-VNNI", {kOsXsave | kAvx, kAvx2, 0, kVnni, 7}, true, true, false},
    {"AVX512-VNNI alone", {kOsXsave | kAvx, kAvx512, kVnni512, 0, 0xE7}, true, false, true},
    {"both", {kOsXsave | kAvx, kAvx512, kVnni512, kVnni, 0xE7}, true, true, true},
    {"wider registers are saved too", {kOsXsave | kAvx, kAvx2, 0, kVnni, 0xE7}, true, true, false},
    {"AVX-512 of 2017", {kOsXsave | kAvx, kAvx512, 0, 0, 0xE7}, true, false, false},
    {"system that saves no masks", {kOsXsave | kAvx, kAvx512, kVnni512, kVnni, 0xC7}, true, true, false},
    {"system that saves no upper halves", {kOsXsave | kAvx, kAvx512, kVnni512, kVnni, 0xA7}, true, true, false},
    {"system that saves 16 registers", {kOsXsave | kAvx, kAvx512, kVnni512, kVnni, 0x67}, true, true, false},
    {"every bit but AVX512F", {kAll, kAll & ~(1u << 16), kAll, kAll, kAll}, true, true, false},
    {"every bit but AVX512VL", {kAll, kAll & ~(1u << 31), kAll, kAll, kAll}, true, true, false},
    {"every bit but AVX512-VNNI", {kAll, kAll, kAll & ~kVnni512, kAll, kAll}, true, true, false},
    {"AVX of 2011", {kOsXsave | kAvx, 0, 0, 0, 7}, false, false, false},
    {"system without XSAVE, whatever XCR0 seems to be", {kAvx, kAvx2, 0, kVnni, 7}, false, false, false},
    {"every bit but OSXSAVE", {kAll & ~kOsXsave, kAll, kAll, kAll, kAll}, false, false, false},
    {"every bit but AVX", {kAll & ~kAvx, kAll, kAll, kAll, kAll}, false, false, false},
    {"system that saves XMM alone", {kOsXsave | kAvx, kAvx2, 0, kVnni, 3}, false, false, false},
    {"system that saves no XMM", {kOsXsave | kAvx, kAvx2, 0, kVnni, 5}, false, false, false},
    {"system that saves neither", {kAll, kAll, kAll, kAll, kAll & ~6u}, false, false, false},
    {"every bit but AVX2: the others lean on it", {kAll, kAll & ~kAvx2, kAll, kAll, kAll}, false, false, false},
    {"every bit but AVX-VNNI", {kAll, kAll, kAll, kAll & ~kVnni, kAll}, true, false, true},
};

void x86() {
  for (const X86Case &one : kX86) {
    const CpuFeatures found = x86_features(one.words);
    CHECK_CASE(found.avx2 == one.avx2, one.what);
    CHECK_CASE(found.avx_vnni == one.avx_vnni, one.what);
    CHECK_CASE(found.avx512_vnni == one.avx512_vnni, one.what);
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
    CHECK_CASE(!found.avx2 && !found.avx_vnni && !found.avx512_vnni, one.what);
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

// The tables of this build for a CPU: those that it can run, fastest first.
bool compiled(const char *name, size_t length) {
  CpuFeatures all;
  all.avx2 = all.avx_vnni = all.avx512_vnni = all.neon = all.neon_dot = all.neon_i8mm = true;
  for (const linnet::kernels::Kernels *table : linnet::kernels::available(all)) {
    if (strlen(table->name) == length && strncmp(table->name, name, length) == 0) return true;
  }
  return false;
}

struct TablesCase {
  CpuFeatures cpu;
  const char *tables;
};

CpuFeatures x86(bool avx2, bool avx_vnni, bool avx512_vnni) {
  CpuFeatures cpu;
  cpu.avx2 = avx2;
  cpu.avx_vnni = avx_vnni;
  cpu.avx512_vnni = avx512_vnni;
  return cpu;
}

const TablesCase kTables[] = {
    {CpuFeatures(), "scalar "},
    {x86(true, false, false), "avx2 scalar "},
    {x86(true, true, false), "avx_vnni avx2 scalar "},
    {x86(true, false, true), "avx512_vnni avx2 scalar "},
    {x86(true, true, true), "avx512_vnni avx_vnni avx2 scalar "},
    {arm64_features(true, false, false), "neon scalar "},
    {arm64_features(true, true, false), "neon_dot neon scalar "},
    {arm64_features(true, true, true), "neon_i8mm neon_dot neon scalar "},
};

// Every table that a build or its compiler lacks is missing, and nothing else.
void tables() {
  for (const TablesCase &one : kTables) {
    char expected[80] = "", found[80] = "";
    for (const char *from = one.tables; *from;) {
      const size_t length = static_cast<size_t>(strchr(from, ' ') - from) + 1;
      if (compiled(from, length - 1)) strncat(expected, from, length);
      from += length;
    }
    for (const linnet::kernels::Kernels *table : linnet::kernels::available(one.cpu)) {
      strcat(found, table->name);
      strcat(found, " ");
    }
    CHECK_CASE(strcmp(found, expected) == 0, one.tables);
  }
}

// The machine that this runs on: whatever it says must be consistent.
void here() {
  const CpuFeatures found = cpu_features();
  CHECK((!found.avx_vnni && !found.avx512_vnni) || found.avx2);
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
  tables();
  here();
  return check_summary();
}
