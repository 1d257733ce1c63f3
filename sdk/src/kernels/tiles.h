// How gemm_s8 of the vector tables cuts its work: into tiles of some groups of 8 rows and some vectors, each tile a
// function of its own whose sums stay in registers while its weights are loaded once for all its vectors. Included by
// each table's file, compiled with its flags.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::kernels {
namespace {

// Not std::integral_constant, whose functions would be weak symbols of objects with instructions of their own.
template <int n>
struct Constant {
  static constexpr int value = n;
};

// body(constant) with value, 1..largest, as a constant of the compiler.
template <int largest, class Body>
inline void as_constant(int value, Body body) {
  if constexpr (largest > 1) {
    if (value < largest) return as_constant<largest - 1>(value, body);
  }
  body(Constant<largest>());
}

// body(begin, size) for the fewest parts of 0..count-1 of no more than largest elements, as even as can be: a last part
// of one vector would take as long as one of several.
template <int largest, class Body>
inline void for_even_parts(int count, Body body) {
  const int parts = (count + largest - 1) / largest;
  for (int part = 0, begin = 0; part < parts; ++part) {
    const int end = count * (part + 1) / parts;
    as_constant<largest>(end - begin, [&](auto size) { body(begin, size); });
    begin = end;
  }
}

// body(row, size) for strips of rows whose weights half of a small first cache holds for all vectors.
template <class Body>
inline void for_strips(int rows, int cols, Body body) {
  constexpr int kBytes = 1 << 14, kFewest = 64;
  const int fitting = cols > 0 ? kBytes / cols / 16 * 16 : rows, most = fitting < kFewest ? kFewest : fitting;
  for (int row = 0; row < rows; row += most) body(row, rows - row < most ? rows - row : most);
}

// The sums of all vectors of a tile, Sums being what a table has for one vector, or for Sums::kVectors. Named one by
// one, by recursion, because compilers may leave an array of them in memory.
template <class Sums, int n>
struct TileSums {
  Sums first;
  TileSums<Sums, n - 1> rest;

  TileSums() = default;
  __attribute__((always_inline)) explicit TileSums(const int32_t *starts) : first(*starts), rest(starts + 1) {}

  // The products of the first columns, where Sums can start with them; x: of the first vector.
  template <class Weights>
  __attribute__((always_inline)) void begin(const Weights &weights, const int8_t *x, size_t stride) {
    first.begin(weights, x, stride);
    rest.begin(weights, x + Sums::kVectors * stride, stride);
  }

  // Adds the products of some columns; x: the first of them of the first vector.
  template <class Weights>
  __attribute__((always_inline)) void add(const Weights &weights, const int8_t *x, size_t stride) {
    first.add(weights, x, stride);
    rest.add(weights, x + Sums::kVectors * stride, stride);
  }

  __attribute__((always_inline)) void store(int32_t *out, size_t rows) const {
    first.store(out, rows);
    rest.store(out + Sums::kVectors * rows, rows);
  }
};
template <class Sums>
struct TileSums<Sums, 0> {
  TileSums() = default;
  explicit TileSums(const int32_t *) {}
  template <class Weights>
  void begin(const Weights &, const int8_t *, size_t) {}
  template <class Weights>
  void add(const Weights &, const int8_t *, size_t) {}
  void store(int32_t *, size_t) const {}
};

}  // namespace
}  // namespace linnet::kernels
