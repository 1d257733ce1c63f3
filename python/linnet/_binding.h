// What the files of the binding share: numpy arrays in and out, and errors. Rows of per-step arrays concern the frame
// that lies `lookahead` steps back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "linnet.h"

namespace binding {

namespace py = pybind11;

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<int32_t>;
using Complexes = py::array_t<std::complex<float>, py::array::c_style | py::array::forcecast>;

// Becomes linnet._core.LinnetError.
struct LinnetError {
  int status;
  std::string detail;
};

inline void check(linnet_status status, const std::string &detail = "") {
  if (status != LINNET_OK) throw LinnetError{status, detail};
}

// A copy of the bytes of a model, aligned to cache lines and side by side, however they lie in the buffer.
class Bytes {
 public:
  explicit Bytes(const py::buffer &buffer) {
    const py::buffer_info info = buffer.request();
    size_ = static_cast<size_t>(info.size * info.itemsize);
    lines_.resize(size_ / sizeof(Line) + 1);
    if (PyBuffer_ToContiguous(lines_.data(), info.view(), info.view()->len, 'C') != 0) throw py::error_already_set();
  }
  const void *data() const { return lines_.data(); }
  size_t size() const { return size_; }

 private:
  struct alignas(LINNET_ALIGNMENT) Line {
    uint8_t bytes[LINNET_ALIGNMENT];
  };
  std::vector<Line> lines_;
  size_t size_;
};

// The kernels of this name, or the fastest.
inline const linnet::kernels::Kernels &kernels_of(const std::optional<std::string> &name) {
  const linnet::kernels::Kernels *kernels = linnet::kernels::find(name ? name->c_str() : nullptr);
  if (!kernels) throw LinnetError{LINNET_ERR_BACKEND, *name};
  return *kernels;
}

inline void check_mono(const py::array &array, const char *name) {
  if (array.ndim() != 1) throw py::value_error(std::string(name) + " must be one-dimensional (mono)");
}

inline void check_length(const py::array &array, py::ssize_t expected, const char *name) {
  if (array.ndim() != 1 || array.shape(0) != expected)
    throw py::value_error(std::string(name) + " must be one-dimensional with " + std::to_string(expected) + " values");
}

inline void check_matrix(const py::array &array, py::ssize_t rows, py::ssize_t columns, const char *name) {
  if (array.ndim() != 2 || array.shape(0) != rows || array.shape(1) != columns)
    throw py::value_error(std::string(name) + " must have shape (" + std::to_string(rows) + ", " +
                          std::to_string(columns) + ")");
}

template <class Array = Floats>
Array vector_of(py::ssize_t n) {
  return Array(std::vector<py::ssize_t>{n});
}

template <class Array = Floats>
Array matrix_of(py::ssize_t rows, py::ssize_t columns) {
  return Array(std::vector<py::ssize_t>{rows, columns});
}

}  // namespace binding

// What each file of the binding adds to linnet._core.
void bind_lab(pybind11::module_ &m);
void bind_selftest(pybind11::module_ &m);
