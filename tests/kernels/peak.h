// How many multiply-accumulates of bytes this machine does at most: loops that stay in registers, without signs,
// broadcasts or memory, for the instructions of each x86 table. gemm_s8 is measured against them on the matrices of the
// network with shared layers.
#pragma once

#include <cstring>

#include "entries.h"
#include "kernels/kernels.h"
#include "timing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace checkkernels {

// Turns of loops of products of 32 bytes. The empty statements keep the compiler from computing them once; the sums are
// named one by one, because compilers may leave an array of them in memory.
#ifdef LINNET_HAVE_AVX2
__attribute__((target("avx2"), always_inline)) inline __m256i peak_step(__m256i sum, __m256i x, __m256i w) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
}

__attribute__((target("avx2"))) inline int peak_maddubs(int turns) {
  __m256i x = _mm256_set1_epi8(1), w0 = x, w1 = _mm256_set1_epi8(2), w2 = _mm256_set1_epi8(3), w3 = _mm256_set1_epi8(4),
          s0 = x, s1 = x, s2 = x, s3 = x;
  for (; turns > 0; --turns) {
    __asm__("" : "+x"(x));
    s0 = peak_step(s0, x, w0);
    s1 = peak_step(s1, x, w1);
    s2 = peak_step(s2, x, w2);
    s3 = peak_step(s3, x, w3);
  }
  return _mm256_extract_epi32(_mm256_add_epi32(_mm256_add_epi32(s0, s1), _mm256_add_epi32(s2, s3)), 0);
}
#endif

// VPDPBUSD takes about five cycles, and two start per cycle.
#ifdef LINNET_HAVE_AVX_VNNI
__attribute__((target("avx2,avxvnni"))) inline int peak_dpbusd(int turns) {
  const __m256i x = _mm256_set1_epi8(1);
  __m256i s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x;
  for (; turns > 0; --turns) {
    s0 = _mm256_dpbusd_avx_epi32(s0, x, x);
    s1 = _mm256_dpbusd_avx_epi32(s1, x, x);
    s2 = _mm256_dpbusd_avx_epi32(s2, x, x);
    s3 = _mm256_dpbusd_avx_epi32(s3, x, x);
    s4 = _mm256_dpbusd_avx_epi32(s4, x, x);
    s5 = _mm256_dpbusd_avx_epi32(s5, x, x);
    s6 = _mm256_dpbusd_avx_epi32(s6, x, x);
    s7 = _mm256_dpbusd_avx_epi32(s7, x, x);
    s8 = _mm256_dpbusd_avx_epi32(s8, x, x);
    s9 = _mm256_dpbusd_avx_epi32(s9, x, x);
    __asm__("" : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9));
  }
  return _mm256_extract_epi32(s0, 0);
}
#endif

#ifdef LINNET_HAVE_AVX512_VNNI
__attribute__((target("avx2,avx512vl,avx512vnni"))) inline int peak_dpbusd_evex(int turns) {
  const __m256i x = _mm256_set1_epi8(1);
  __m256i s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x;
  for (; turns > 0; --turns) {
    s0 = _mm256_dpbusd_epi32(s0, x, x);
    s1 = _mm256_dpbusd_epi32(s1, x, x);
    s2 = _mm256_dpbusd_epi32(s2, x, x);
    s3 = _mm256_dpbusd_epi32(s3, x, x);
    s4 = _mm256_dpbusd_epi32(s4, x, x);
    s5 = _mm256_dpbusd_epi32(s5, x, x);
    s6 = _mm256_dpbusd_epi32(s6, x, x);
    s7 = _mm256_dpbusd_epi32(s7, x, x);
    s8 = _mm256_dpbusd_epi32(s8, x, x);
    s9 = _mm256_dpbusd_epi32(s9, x, x);
    __asm__("" : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9));
  }
  return _mm256_extract_epi32(s0, 0);
}
#endif

// Of the instructions that a table multiplies with, in multiply-accumulates per ns; 0 if there is no loop for it.
inline double peak_rate(const Kernels &table) {
  constexpr int kTurns = 1000;
  [[maybe_unused]] auto rate = [](int products, int (*loop)(int)) {
    volatile int keep = 0;
    return products * 32 * kTurns / best_ns([&] { keep = keep + loop(kTurns); });
  };
#ifdef LINNET_HAVE_AVX2
  if (strcmp(table.name, "avx2") == 0) return rate(4, peak_maddubs);
#endif
#ifdef LINNET_HAVE_AVX_VNNI
  if (strcmp(table.name, "avx_vnni") == 0) return rate(10, peak_dpbusd);
#endif
#ifdef LINNET_HAVE_AVX512_VNNI
  if (strcmp(table.name, "avx512_vnni") == 0) return rate(10, peak_dpbusd_evex);
#endif
  (void)table;
  return 0;
}

// One table's gemm_s8 for 17 vectors, one frame, and for 34, two. The peak is measured beside each row, so that both
// see the machine in one state.
inline void bench_gemm(const Kernels &table, const Entry &entry, void *out, void *const inputs[]) {
  for (int width : {40, 48, 64, 96, 128}) {
    for (Sizes layer : {Sizes{3 * width, width}, Sizes{width, 2 * width + 8}}) {
      for (int many : {17, 34}) {
        const Sizes sizes = {layer.n, layer.m, many, layer.m};
        Random random(1);
        entry.fill(random, kUniform, sizes, inputs);
        const double ns = best_ns([&] { entry.call(table, out, inputs, sizes); });
        const double rate = static_cast<double>(count_nm(sizes)) * many / ns, peak = peak_rate(table);
        printf("%-10s x %2d %6d %5d  %-9s %12.1f  %.1f GMAC/s", entry.name, many, sizes.n, sizes.m, table.name, ns,
               rate);
        if (peak > 0) printf(", %.0f %% of %.1f", 100 * rate / peak, peak);
        printf("\n");
        fflush(stdout);
      }
    }
  }
}

}  // namespace checkkernels
