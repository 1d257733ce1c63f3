// Hands out 64-byte aligned pieces of one block of memory. With a null base it only counts, so that the same plan
// first measures and then places: linnet_size and linnet_init cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::base {

class Arena {
 public:
  static constexpr size_t kAlignment = 64;

  explicit Arena(void *base = nullptr) : base_(static_cast<uint8_t *>(base)) {}

  // Room for count objects of T, uninitialised; nullptr while measuring.
  template <class T>
  T *take(size_t count) {
    size_t offset = used_;
    used_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return base_ ? reinterpret_cast<T *>(base_ + offset) : nullptr;
  }

  size_t used() const { return used_; }

 private:
  uint8_t *base_;
  size_t used_ = 0;
};

}  // namespace linnet::base
