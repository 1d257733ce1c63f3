// The frozen vectors: what is run, and one SHA-256 for each part of its result. The same hashes on every CPU, backend,
// compiler, optimisation level and floating-point mode of the caller, or the promise of equal bits is broken
// (docs/exactness.md). Needs the C library only; used by linnet-selftest, the Python binding and tests/vectors.
#pragma once

#include <cstddef>

namespace selftest {

struct Request {
  const void *model = nullptr;  // aligned to 64
  size_t model_size = 0;        // bytes
  const char *backend = nullptr;
  const char *only = nullptr;  // names of vectors separated by commas; nullptr for all
  const char *mode = nullptr;  // floating-point mode of fp_mode.h that the caller of the library is in
};

// Gets one hash of 64 hexadecimal digits. A recipe gives `samples`, the output as bytes, and `stats`, the statistics
// after every frame, which carry what the network said (speech probability, mean gain) and the pitch. A `network_*`
// vector feeds random features to the network alone, so that a difference there can be told from one of the signal
// path, and gives `outputs`.
using Report = void (*)(void *context, const char *vector, const char *what, const char *hash);

// Runs the vectors that the request names. Returns nullptr, or in a few words why it had to stop. Not reentrant.
const char *run_vectors(const Request &request, Report report, void *context);

// Name of the compiler that made this, and its version.
const char *compiler();

}  // namespace selftest
