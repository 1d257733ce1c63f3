// AVX2 kernels. VPMADDUBSW multiplies unsigned by signed bytes and adds neighbours in 16 bits; with |x| as the unsigned
// operand and the weight carrying the sign of x, a pair is at most 2 * 127 * 127 = 32258, so it never saturates and the
// sums are exact. No fused multiply-add anywhere: it would round once where the reference rounds twice.
#include "kernels/avx2_entries.h"
#include "kernels/avx2_gemm.h"
#include "kernels/avx2_gemv.h"
#include "kernels/contract.h"

namespace linnet::kernels {
namespace {

__attribute__((always_inline)) inline __m256i add_products(__m256i sum, __m256i magnitude, __m256i signed_weight) {
  __m256i pairs = _mm256_maddubs_epi16(magnitude, signed_weight);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// The unsigned operand is |x|. A weight w has its bits inverted where x is negative, which makes -w - 1 of it, so that
// the products lack |x| there; a pair of them is at most 2 * 127 * 128 = 32512.
struct InvertedProducts {
  struct Weights {
    __m256i weights;

    __attribute__((always_inline)) explicit Weights(__m256i block) : weights(block) {}
  };

  struct Inputs {
    __m256i negative, magnitude;

    __attribute__((always_inline)) explicit Inputs(const int8_t *at) {
      const __m256i x = broadcast_four(at);
      negative = _mm256_cmpgt_epi8(_mm256_setzero_si256(), x);
      magnitude = _mm256_abs_epi8(x);
    }
  };

  __attribute__((always_inline)) static __m256i add(__m256i sum, const Weights &weights, const Inputs &inputs) {
    return add_products(sum, inputs.magnitude, _mm256_xor_si256(weights.weights, inputs.negative));
  }

  __attribute__((always_inline)) static __m128i take_off(__m128i sum, __m128i x) {
    const __m128i none = _mm_setzero_si128();
    return _mm_add_epi32(sum, _mm_sad_epu8(_mm_max_epi8(_mm_sub_epi8(none, x), none), none));
  }
};

}  // namespace

const Kernels avx2_kernels =
    make_table<gemv_s8, gemv2_s8, gemm_s8<InvertedProducts, 8, 1>, sparse_gemv_s8, quantize, dequantize, activate,
               sigmoid, tanh, add, mul, gru_update, blend, dot, correlate>("avx2");

}  // namespace linnet::kernels
