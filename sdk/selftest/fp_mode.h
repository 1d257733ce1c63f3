/* Floating-point modes that a caller's thread may be in, for tests: control and status bits as one number, and by name
 * the modes of this CPU that change arithmetic. C and C++. Names: ftz (results that are denormal become 0), daz (so do
 * operands), up, down, zero (rounding). ARM has one bit for the first two; RISC-V has neither. */
#ifndef LINNET_SELFTEST_FP_MODE_H
#define LINNET_SELFTEST_FP_MODE_H

#include <stdint.h>
#include <string.h>

typedef struct fp_named_mode {
  const char *name;
  uint64_t bits; /* to be set in the normal mode */
} fp_named_mode;

#if defined(__x86_64__) || defined(__i386__)
#define FP_MODES_KNOWN 1
static inline uint64_t fp_get_mode(void) {
  uint32_t mxcsr;
  __asm__ volatile("stmxcsr %0" : "=m"(mxcsr) : : "memory");
  return mxcsr;
}
static inline void fp_set_mode(uint64_t mode) {
  uint32_t mxcsr = (uint32_t)mode;
  __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr) : "memory");
}
static const fp_named_mode kFpNamedModes[] = {
    {"ftz", 0x8000}, {"daz", 0x0040}, {"up", 0x4000}, {"down", 0x2000}, {"zero", 0x6000}};
#elif defined(__aarch64__)
#define FP_MODES_KNOWN 1
static inline uint64_t fp_get_mode(void) {
  uint64_t control, status;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control) : : "memory");
  __asm__ volatile("mrs %0, fpsr" : "=r"(status) : : "memory");
  return control | status << 32;
}
static inline void fp_set_mode(uint64_t mode) {
  uint64_t control = mode & 0xffffffffu, status = mode >> 32;
  __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
  __asm__ volatile("msr fpsr, %0" : : "r"(status) : "memory");
}
static const fp_named_mode kFpNamedModes[] = {
    {"ftz", 0x01000000}, {"up", 0x00400000}, {"down", 0x00800000}, {"zero", 0x00c00000}};
#elif defined(__arm__) && defined(__ARM_FP)
#define FP_MODES_KNOWN 1
static inline uint64_t fp_get_mode(void) {
  uint32_t fpscr;
  __asm__ volatile("vmrs %0, fpscr" : "=r"(fpscr) : : "memory");
  return fpscr;
}
static inline void fp_set_mode(uint64_t mode) {
  uint32_t fpscr = (uint32_t)mode;
  __asm__ volatile("vmsr fpscr, %0" : : "r"(fpscr) : "memory");
}
static const fp_named_mode kFpNamedModes[] = {
    {"ftz", 0x01000000}, {"up", 0x00400000}, {"down", 0x00800000}, {"zero", 0x00c00000}};
#elif defined(__riscv) && defined(__riscv_flen)
#define FP_MODES_KNOWN 1
static inline uint64_t fp_get_mode(void) {
  unsigned long fcsr;
  __asm__ volatile("frcsr %0" : "=r"(fcsr) : : "memory");
  return fcsr;
}
static inline void fp_set_mode(uint64_t mode) {
  unsigned long fcsr = (unsigned long)mode;
  __asm__ volatile("fscsr %0" : : "r"(fcsr) : "memory");
}
static const fp_named_mode kFpNamedModes[] = {{"up", 0x60}, {"down", 0x40}, {"zero", 0x20}};
#else
#define FP_MODES_KNOWN 0 /* a platform with one mode */
static inline uint64_t fp_get_mode(void) { return 0; }
static inline void fp_set_mode(uint64_t mode) { (void)mode; }
static const fp_named_mode kFpNamedModes[] = {{"", 0}};
#endif

/* The mode of that name, or NULL if this CPU has none. */
static inline const fp_named_mode *fp_find_mode(const char *name) {
  size_t i;
  for (i = 0; FP_MODES_KNOWN && i < sizeof kFpNamedModes / sizeof kFpNamedModes[0]; ++i) {
    if (strcmp(kFpNamedModes[i].name, name) == 0) return &kFpNamedModes[i];
  }
  return NULL;
}

#endif /* LINNET_SELFTEST_FP_MODE_H */
