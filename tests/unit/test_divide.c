/* The division of sdk/packaging/divide.c against that of the compiler, on any machine. (On 32-bit ARM they are one.)
 *
 *     test_divide */
#include <limits.h>

#include "../../sdk/packaging/divide.c"
#include "check.h"

int main(void) {
  const int values[] = {0,     1,       2,       3,       7,           10, 480, 768, 65535,
                        65536, 1 << 30, INT_MAX, INT_MIN, INT_MIN + 1, -1, -2,  -480};
  const int count = (int)(sizeof values / sizeof values[0]);
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < count; ++k) {
      const int a = values[i], b = values[k];
      const unsigned u = (unsigned)a, v = (unsigned)b;
      if (b == 0) continue;
      CHECK(__aeabi_uidiv(u, v) == u / v);
      CHECK(__aeabi_uidivmod(u, v) == ((unsigned long long)(u % v) << 32 | u / v));
      if (a == INT_MIN && b == -1) continue;
      CHECK(__aeabi_idiv(a, b) == a / b);
      CHECK(__aeabi_idivmod(a, b) == ((unsigned long long)(unsigned)(a % b) << 32 | (unsigned)(a / b)));
    }
  }
  return check_summary();
}
