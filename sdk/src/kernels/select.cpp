// Which kernel tables this build holds and which of them the CPU can run. The build names the compiled instruction sets
// by LINNET_HAVE_* macros; a table without its macro is not referenced, so its object need not exist.
// LINNET_NO_FALLBACK leaves out the scalar one where whatever runs the build can run the table before it.
#include <cstring>

#include "kernels/kernels.h"

namespace linnet::kernels {
namespace {

// Fastest first. Whoever can run a table can run all that follow it, so that the usable ones are a tail of this list
// and no list has to be built at run time. The exception has a list of its own: CPUs that have VPDPBUSD in the encoding
// of AVX-512 alone.
const Kernels *const kTables[] = {
#ifdef LINNET_HAVE_AVX512_VNNI
    &avx512_vnni_kernels,
#endif
#ifdef LINNET_HAVE_AVX_VNNI
    &avx_vnni_kernels,
#endif
#ifdef LINNET_HAVE_AVX2
    &avx2_kernels,
#endif
#ifdef LINNET_HAVE_NEON_I8MM
    &neon_i8mm_kernels,
#endif
#ifdef LINNET_HAVE_NEON_DOT
    &neon_dot_kernels,
#endif
#ifdef LINNET_HAVE_NEON
    &neon_kernels,
#endif
#ifdef LINNET_HAVE_WASM128
    &wasm128_kernels,
#endif
#ifndef LINNET_NO_FALLBACK
    &scalar_kernels,
#endif
};

constexpr int kTableCount = sizeof kTables / sizeof kTables[0];

#ifdef LINNET_HAVE_AVX512_VNNI
const Kernels *const kWithoutAvxVnni[] = {&avx512_vnni_kernels, &avx2_kernels, &scalar_kernels};
#endif

bool can_run(const Kernels *table, const base::CpuFeatures &cpu) {
  (void)cpu;
#ifdef LINNET_HAVE_AVX512_VNNI
  if (table == &avx512_vnni_kernels) return cpu.avx512_vnni;
#endif
#ifdef LINNET_HAVE_AVX_VNNI
  if (table == &avx_vnni_kernels) return cpu.avx_vnni;
#endif
#ifdef LINNET_HAVE_AVX2
  if (table == &avx2_kernels) return cpu.avx2;
#endif
#ifdef LINNET_HAVE_NEON_I8MM
  if (table == &neon_i8mm_kernels) return cpu.neon_i8mm;
#endif
#ifdef LINNET_HAVE_NEON_DOT
  if (table == &neon_dot_kernels) return cpu.neon_dot;
#endif
#ifdef LINNET_HAVE_NEON
  if (table == &neon_kernels) return cpu.neon;
#endif
#ifdef LINNET_HAVE_WASM128
  if (table == &wasm128_kernels) return cpu.wasm128;
#endif
  return table == &scalar_kernels;
}

}  // namespace

base::Span<const Kernels *const> available() { return available(base::cpu_features()); }

base::Span<const Kernels *const> available(const base::CpuFeatures &cpu) {
#ifdef LINNET_HAVE_AVX512_VNNI
  if (cpu.avx512_vnni && !cpu.avx_vnni) return {kWithoutAvxVnni, sizeof kWithoutAvxVnni / sizeof kWithoutAvxVnni[0]};
#endif
  int first = 0;
  while (first < kTableCount - 1 && !can_run(kTables[first], cpu)) ++first;
  return {kTables + first, static_cast<size_t>(kTableCount - first)};
}

const Kernels *find(const char *name) {
  base::Span<const Kernels *const> tables = available();
  if (name == nullptr) return tables[0];
  for (const Kernels *table : tables) {
    if (strcmp(table->name, name) == 0) return table;
  }
  return nullptr;
}

}  // namespace linnet::kernels
