// A pointer with its length, for read-only views of arrays. No ownership, no bounds checks: whoever makes one has
// checked.
#pragma once

#include <cstddef>

namespace linnet::base {

template <class T>
struct Span {
  T *data = nullptr;
  size_t size = 0;

  T &operator[](size_t i) const { return data[i]; }
  T *begin() const { return data; }
  T *end() const { return data + size; }
};

}  // namespace linnet::base
