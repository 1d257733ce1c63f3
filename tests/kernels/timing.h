// The clock of the benchmark.
#pragma once

#include <time.h>

namespace checkkernels {

inline double now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Best time of one call in ns: runs of about half a millisecond, 200 of them.
template <class Call>
inline double best_ns(Call call) {
  int calls = 1;
  for (;; calls *= 2) {
    double start = now_ns();
    for (int i = 0; i < calls; ++i) call();
    if (now_ns() - start > 3e5) break;
  }
  double best = 1e300;
  for (int run = 0; run < 200; ++run) {
    double start = now_ns();
    for (int i = 0; i < calls; ++i) call();
    double each = (now_ns() - start) / calls;
    if (each < best) best = each;
  }
  return best;
}

}  // namespace checkkernels
