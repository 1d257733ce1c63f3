/* Division of integers on 32-bit ARM, for CPUs without an instruction for it (Cortex-A8 and A9) and linkers without the
 * compiler's own library: where there is no NDK. Names and registers of "Run-time ABI for the Arm Architecture",
 * section 5.3.1: quotient in r0, remainder in r1. Not on any path that is called often: one bit at a time will do. */
#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN unsigned long long __aeabi_uidivmod(unsigned numerator, unsigned denominator) {
  unsigned quotient = 0, rest = 0;
  if (denominator == 0) return (unsigned long long)numerator << 32;
  for (int bit = 31; bit >= 0; --bit) {
    const unsigned carry = rest >> 31;
    rest = rest << 1 | (numerator >> bit & 1);
    if (carry || rest >= denominator) {
      rest -= denominator;
      quotient |= 1u << bit;
    }
  }
  return (unsigned long long)rest << 32 | quotient;
}

HIDDEN unsigned long long __aeabi_idivmod(int numerator, int denominator) {
  const unsigned n = numerator < 0 ? 0u - (unsigned)numerator : (unsigned)numerator;
  const unsigned d = denominator < 0 ? 0u - (unsigned)denominator : (unsigned)denominator;
  const unsigned long long both = __aeabi_uidivmod(n, d);
  const unsigned quotient = (unsigned)both, rest = (unsigned)(both >> 32);
  return (unsigned long long)(numerator < 0 ? 0u - rest : rest) << 32 |
         ((numerator < 0) != (denominator < 0) ? 0u - quotient : quotient);
}

HIDDEN unsigned __aeabi_uidiv(unsigned numerator, unsigned denominator) {
  return (unsigned)__aeabi_uidivmod(numerator, denominator);
}

HIDDEN int __aeabi_idiv(int numerator, int denominator) { return (int)__aeabi_idivmod(numerator, denominator); }
