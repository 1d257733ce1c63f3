// AVX-VNNI kernels: VPDPBUSD does four products of unsigned by signed bytes and adds them to 32 bits in one
// instruction, without the 16-bit step of AVX2. The operands are prepared as there (|x|, and the weight with the sign
// of x). Everything but the matrix product is the AVX2 code.
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
  return _mm256_dpbusd_avx_epi32(sum, inputs.magnitude, _mm256_sign_epi8(weight, inputs.x));
}

inline void store(int32_t *out, __m256i even, __m256i odd) {
  _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm256_add_epi32(even, odd));
}

// Even and odd groups of four columns have sums of their own, here and below: the instruction takes about five cycles,
// and two start per cycle, so that many independent sums are needed.
void multiply_one(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  __m256i even = _mm256_setzero_si256(), odd = even;
  int col = 0;
  for (; col + 8 <= cols; col += 8, weights += 64) {
    even = add_products(even, weights, Inputs(x + col));
    odd = add_products(odd, weights + 32, Inputs(x + col + 4));
  }
  if (col < cols) even = add_products(even, weights, Inputs(x + col));
  store(out, even, odd);
}

// Four groups of 8 rows share the broadcast of the inputs.
void multiply_four(int32_t *out, const int8_t *weights, const int8_t *x, int cols) {
  size_t group = static_cast<size_t>(cols) * 8;
  __m256i even0 = _mm256_setzero_si256(), even1 = even0, even2 = even0, even3 = even0;
  __m256i odd0 = even0, odd1 = even0, odd2 = even0, odd3 = even0;
  int col = 0;
  for (; col + 8 <= cols; col += 8, weights += 64) {
    Inputs left(x + col), right(x + col + 4);
    even0 = add_products(even0, weights, left);
    odd0 = add_products(odd0, weights + 32, right);
    even1 = add_products(even1, weights + group, left);
    odd1 = add_products(odd1, weights + group + 32, right);
    even2 = add_products(even2, weights + 2 * group, left);
    odd2 = add_products(odd2, weights + 2 * group + 32, right);
    even3 = add_products(even3, weights + 3 * group, left);
    odd3 = add_products(odd3, weights + 3 * group + 32, right);
  }
  if (col < cols) {
    Inputs last(x + col);
    even0 = add_products(even0, weights, last);
    even1 = add_products(even1, weights + group, last);
    even2 = add_products(even2, weights + 2 * group, last);
    even3 = add_products(even3, weights + 3 * group, last);
  }
  store(out, even0, odd0);
  store(out + 8, even1, odd1);
  store(out + 16, even2, odd2);
  store(out + 24, even3, odd3);
}

void gemv_s8(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  int row = 0;
  for (; row + 32 <= rows; row += 32) multiply_four(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
  for (; row < rows; row += 8) multiply_one(out + row, weights + static_cast<size_t>(row) * cols, x, cols);
}

}  // namespace

const Kernels avx_vnni_kernels = {"avx_vnni", gemv_s8, quantize,  dequantize, sigmoid, tanh,     add,
                                  mul,        mul_add, gru_blend, blend,      dot,     correlate};

}  // namespace linnet_core::kernels
