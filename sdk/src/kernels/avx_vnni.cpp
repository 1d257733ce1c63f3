// AVX-VNNI kernels: VPDPBUSD in the encoding of AVX, as Intel has it from Alder Lake and AMD from Zen 5 on. Everything
// else is the AVX2 code.
#include <immintrin.h>

#include "kernels/avx2_entries.h"
#include "kernels/contract.h"

namespace linnet::kernels {
namespace {

// Adds to each 32-bit sum four products of unsigned by signed bytes.
__attribute__((always_inline)) inline __m256i four_products(__m256i sum, __m256i unsigned_bytes, __m256i bytes) {
  return _mm256_dpbusd_avx_epi32(sum, unsigned_bytes, bytes);
}
__attribute__((always_inline)) inline __m128i four_products(__m128i sum, __m128i unsigned_bytes, __m128i bytes) {
  return _mm_dpbusd_avx_epi32(sum, unsigned_bytes, bytes);
}

}  // namespace
}  // namespace linnet::kernels

#include "kernels/avx_vnni_products.h"

namespace linnet::kernels {

const Kernels avx_vnni_kernels =
    make_table<gemv_s8, gemv2_s8, gemm_s8<ShiftedProducts, 2, 6>, sparse_gemv_s8, quantize, dequantize, activate,
               sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("avx_vnni");

}  // namespace linnet::kernels
