// AVX-VNNI kernels: VPDPBUSD does four products of unsigned by signed bytes and adds them to 32 bits in one
// instruction, without the 16-bit step of AVX2. Everything else is the AVX2 code.
#include "kernels/avx2_entries.h"
#include "kernels/avx2_gemv.h"
#include "kernels/contract.h"

namespace linnet::kernels {
namespace {

__attribute__((always_inline)) inline __m256i add_products(__m256i sum, __m256i magnitude, __m256i signed_weight) {
  return _mm256_dpbusd_avx_epi32(sum, magnitude, signed_weight);
}

}  // namespace

const Kernels avx_vnni_kernels = make_table<gemv_s8, gemv2_s8, sparse_gemv_s8, quantize, dequantize, sigmoid, tanh, add,
                                            mul, mul_add, gru_blend, blend, dot, correlate>("avx_vnni");

}  // namespace linnet::kernels
