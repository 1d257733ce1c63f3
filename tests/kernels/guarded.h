// Memory that notices: a block between two unmapped pages, so that a read or write past either end is a crash at the
// offending instruction, with known bytes around each array, so that a stray write inside the block is seen too. In
// WebAssembly no page can be unmapped, so that there only the bytes notice.
#pragma once

#ifndef __wasm__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace checkkernels {

class Guarded {
 public:
  static constexpr uint8_t kGuard = 0xa5;
  static constexpr size_t kMargin = 128;  // guard bytes on each side, fewer where the block ends

#ifdef __wasm__
  explicit Guarded(size_t capacity) : data_(static_cast<uint8_t *>(malloc(capacity))), size_(capacity) {
    if (data_ == nullptr) {
      fprintf(stderr, "checkkernels: no memory\n");
      exit(2);
    }
  }
  ~Guarded() { free(data_); }
#else
  explicit Guarded(size_t capacity) {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_ = (capacity + page_ - 1) / page_ * page_;
    void *base = mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(static_cast<uint8_t *>(base) + page_, size_, PROT_READ | PROT_WRITE) != 0) {
      perror("checkkernels: guarded memory");
      exit(2);
    }
    data_ = static_cast<uint8_t *>(base) + page_;
  }
  ~Guarded() { munmap(data_ - page_, size_ + 2 * page_); }
#endif
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;

  // An array that ends at the unmapped page, or one that starts offset bytes behind the other unmapped page; its
  // surroundings are filled with guard bytes.
  uint8_t *at_end(size_t bytes) { return place(size_ - bytes, bytes); }
  uint8_t *at_start(size_t offset, size_t bytes) { return place(offset, bytes); }

  // Whether the surroundings of the last array placed are untouched.
  bool intact() const {
    for (size_t i = first_; i < last_; ++i) {
      bool inside = i >= begin_ && i < end_;
      if (!inside && data_[i] != kGuard) return false;
    }
    return true;
  }

 private:
  uint8_t *place(size_t begin, size_t bytes) {
    if (begin > size_ || bytes > size_ - begin) {
      fprintf(stderr, "checkkernels: an array of %zu bytes does not fit its block; raise the capacity\n", bytes);
      exit(2);
    }
    begin_ = begin;
    end_ = begin + bytes;
    first_ = begin_ > kMargin ? begin_ - kMargin : 0;
    last_ = size_ - end_ > kMargin ? end_ + kMargin : size_;
    memset(data_ + first_, kGuard, last_ - first_);
    return data_ + begin_;
  }

  uint8_t *data_ = nullptr;
#ifndef __wasm__
  size_t page_ = 0;
#endif
  size_t size_ = 0, begin_ = 0, end_ = 0, first_ = 0, last_ = 0;
};

}  // namespace checkkernels
