// The products of the AVX-VNNI and the AVX512-VNNI table: VPDPBUSD does four products of unsigned by signed bytes and
// adds them to 32 bits in one instruction, without the 16-bit step of AVX2. The two differ in its encoding and in how
// many registers there are. Included by each table's file, compiled with its flags, behind its own four_products.
#pragma once

#include "kernels/avx2_gemm.h"
#include "kernels/avx2_gemv.h"

namespace linnet::kernels {
namespace {

__attribute__((always_inline)) inline __m256i add_products(__m256i sum, __m256i magnitude, __m256i signed_weight) {
  return four_products(sum, magnitude, signed_weight);
}

// The unsigned operand is w + 128, so that the products have 128 x too much.
struct ShiftedProducts {
  struct Weights {
    __m256i shifted;

    __attribute__((always_inline)) explicit Weights(__m256i block)
        : shifted(_mm256_xor_si256(block, _mm256_set1_epi8(-128))) {}
  };

  struct Inputs {
    __m256i x;

    __attribute__((always_inline)) explicit Inputs(const int8_t *at) : x(broadcast_four(at)) {}
  };

  __attribute__((always_inline)) static __m256i add(__m256i sum, const Weights &weights, const Inputs &inputs) {
    return four_products(sum, weights.shifted, inputs.x);
  }

  __attribute__((always_inline)) static __m128i take_off(__m128i sum, __m128i x) {
    return four_products(sum, _mm_set1_epi8(-128), _mm_sub_epi8(_mm_setzero_si128(), x));
  }
};

}  // namespace
}  // namespace linnet::kernels
