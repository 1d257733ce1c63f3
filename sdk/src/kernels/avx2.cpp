// AVX2 kernels. VPMADDUBSW multiplies unsigned by signed bytes and adds neighbours in 16 bits; with |x| as the unsigned
// operand and the weight carrying the sign of x, a pair is at most 2 * 127 * 127 = 32258, so it never saturates and the
// sums are exact. No fused multiply-add anywhere: it would round once where the reference rounds twice.
#include "kernels/avx2_entries.h"

namespace linnet_core::kernels {
namespace {

// Four inputs for all eight rows of a group, and without their signs.
struct Inputs {
  __m256i x, magnitude;

  __attribute__((always_inline)) explicit Inputs(const int8_t *at) {
    int32_t four;
    memcpy(&four, at, sizeof four);
    x = _mm256_set1_epi32(four);
    magnitude = _mm256_abs_epi8(x);
  }
};

// Adds the products of four columns of eight rows.
inline __m256i add_products(__m256i sum, const int8_t *weights, const Inputs &inputs) {
  __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(weights));
  __m256i pairs = _mm256_maddubs_epi16(inputs.magnitude, _mm256_sign_epi8(weight, inputs.x));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline void store(int32_t *out, __m256i sum) { _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), sum); }

void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  __m256i sum = _mm256_setzero_si256();
  for (int col = 0; col < cols; col += 4, weights += 32) sum = add_products(sum, weights, Inputs(x + col));
  store(out, sum);
}

// Four groups of 8 rows share the broadcast of the inputs. Sums are named one by one here and elsewhere, because
// compilers may leave an array of them in memory.
void multiply_four(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  size_t group = static_cast<size_t>(cols) * 8;
  __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
  for (int col = 0; col < cols; col += 4, weights += 32) {
    Inputs inputs(x + col);
    s0 = add_products(s0, weights, inputs);
    s1 = add_products(s1, weights + group, inputs);
    s2 = add_products(s2, weights + 2 * group, inputs);
    s3 = add_products(s3, weights + 3 * group, inputs);
  }
  store(out, s0);
  store(out + 8, s1);
  store(out + 16, s2);
  store(out + 24, s3);
}

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 32 <= rows; row += 32) multiply_four(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  for (; row < rows; row += 8) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

}  // namespace

const Kernels avx2_kernels = {"avx2", gemv_s8, quantize,  dequantize, sigmoid, tanh,     add,
                              mul,    mul_add, gru_blend, blend,      dot,     correlate};

}  // namespace linnet_core::kernels
