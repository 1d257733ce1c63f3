// The floating-point mode of the calling thread. Audio hosts like to flush denormals or leave odd rounding modes
// behind; results here must not depend on it. For as long as an FpScope lives the thread rounds to nearest, keeps
// denormals and traps nothing; afterwards the caller's control bits and sticky flags are back as they were.
#pragma once

#include <cstdint>

namespace linnet::base {

// The asm statements clobber "memory" so that no load, store or the arithmetic between them moves across.
class FpScope {
 public:
  FpScope() {
#if defined(__x86_64__) || defined(__i386__)
    uint32_t mode = 0x1f80;  // all exceptions masked, nearest, no flush-to-zero, no denormals-are-zero
    asm volatile("stmxcsr %0" : "=m"(saved_) : : "memory");
    asm volatile("ldmxcsr %0" : : "m"(mode) : "memory");
#elif defined(__aarch64__)
    uint64_t zero = 0;
    asm volatile("mrs %0, fpcr" : "=r"(saved_) : : "memory");
    asm volatile("mrs %0, fpsr" : "=r"(saved_flags_) : : "memory");
    asm volatile("msr fpcr, %0" : : "r"(zero) : "memory");
#elif defined(__arm__) && defined(__ARM_FP)
    uint32_t zero = 0;
    asm volatile("vmrs %0, fpscr" : "=r"(saved_) : : "memory");
    asm volatile("vmsr fpscr, %0" : : "r"(zero) : "memory");
#elif defined(__riscv) && defined(__riscv_flen)
    asm volatile("frcsr %0" : "=r"(saved_) : : "memory");
    asm volatile("fscsr zero" : : : "memory");
#endif
  }

  ~FpScope() {
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("ldmxcsr %0" : : "m"(saved_) : "memory");
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" : : "r"(saved_) : "memory");
    asm volatile("msr fpsr, %0" : : "r"(saved_flags_) : "memory");
#elif defined(__arm__) && defined(__ARM_FP)
    asm volatile("vmsr fpscr, %0" : : "r"(saved_) : "memory");
#elif defined(__riscv) && defined(__riscv_flen)
    asm volatile("fscsr %0" : : "r"(saved_) : "memory");
#endif
  }

  FpScope(const FpScope &) = delete;
  FpScope &operator=(const FpScope &) = delete;

 private:
#if defined(__x86_64__) || defined(__i386__)
  uint32_t saved_;
#elif defined(__aarch64__)
  uint64_t saved_, saved_flags_;
#elif defined(__arm__) && defined(__ARM_FP)
  uint32_t saved_;
#elif defined(__riscv) && defined(__riscv_flen)
  unsigned long saved_;
#endif
  // Elsewhere (WebAssembly) the mode is fixed and the scope is empty.
};

}  // namespace linnet::base
