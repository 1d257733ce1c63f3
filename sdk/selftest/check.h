// The vectors of the embedded model against the embedded hashes: what linnet-selftest and `linnet selftest` print.
// Model and hashes are written into expected.cpp by embed.py at build time, out of sdk/models and the manifest of the
// tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace selftest {

struct Expected {
  const char *vector, *what, *hash;
};

extern const uint8_t kModel[];  // aligned to 64
extern const size_t kModelSize;
extern const Expected kExpected[];
extern const size_t kExpectedCount;

// Gets one hash and the one that it has to equal, "" if none is known.
using CheckReport = void (*)(void *context, const char *vector, const char *what, const char *hash,
                             const char *expected);

// Runs all vectors on a backend, nullptr for the fastest. Returns nullptr or why it had to stop; that all hashes are as
// expected is for the caller to see. Not reentrant.
const char *check(const char *backend, CheckReport report, void *context);

}  // namespace selftest
