// AVX2 kernels. VPMADDUBSW multiplies unsigned by signed bytes and adds neighbours in 16 bits; with |x| as the unsigned
// operand and the weight carrying the sign of x, a pair is at most 2 * 127 * 127 = 32258, so it never saturates and the
// sums are exact. No fused multiply-add anywhere: it would round once where the reference rounds twice.
#include "kernels/avx2_entries.h"
#include "kernels/avx2_gemv.h"
#include "kernels/contract.h"

namespace linnet::kernels {
namespace {

__attribute__((always_inline)) inline __m256i add_products(__m256i sum, __m256i magnitude, __m256i signed_weight) {
  __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_weight);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

}  // namespace

const Kernels avx2_kernels = make_table<gemv_s8, gemv2_s8, sparse_gemv_s8, quantize, dequantize, sigmoid, tanh, add,
                                        mul, mul_add, gru_blend, blend, dot, correlate>("avx2");

}  // namespace linnet::kernels
