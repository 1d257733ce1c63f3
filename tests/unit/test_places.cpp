// The percentiles of times, of the self-test's bench and of benchmarks/ alike: nearest rank, so that each is one of the
// values and the worst of a hundred is not their 99th.
//
//     test_places
#include "check.h"
#include "selftest/bench.h"

using selftest::place_of;

int main() {
  CHECK(place_of(990, 100) == 98 && place_of(990, 101) == 99 && place_of(990, 1000) == 989);
  CHECK(place_of(999, 1000) == 998 && place_of(999, 100) == 99);
  CHECK(place_of(500, 4) == 1 && place_of(500, 5) == 2);
  for (size_t count = 1; count <= 50; ++count) {
    CHECK(place_of(0, count) == 0 && place_of(1000, count) == count - 1);
    CHECK(place_of(500, count) == (count - 1) / 2);
  }
  return check_summary();
}
