// The C functions of gru.h: the best instruction set that the build has and the CPU knows, or the one asked for.
#include <cstring>
#include <new>

#include "gru.h"

namespace linnet_training {

typedef bool (*Work)(const linnet_gru &);

namespace plain {
bool forward(const linnet_gru &);
bool backward(const linnet_gru &);
}  // namespace plain
#if defined(__x86_64__)
namespace avx2 {
bool forward(const linnet_gru &);
bool backward(const linnet_gru &);
}  // namespace avx2
namespace avx512 {
bool forward(const linnet_gru &);
bool backward(const linnet_gru &);
}  // namespace avx512
#endif
#ifdef LINNET_HAVE_BF16
namespace avx512_bf16 {
bool forward(const linnet_gru &);
bool backward(const linnet_gru &);
}  // namespace avx512_bf16
#endif

namespace {

struct Backend {
  const char *name;
  bool known, bfloat16;  // to this CPU
  Work forward, backward;
};

// The best last.
const Backend *find(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  static const bool fused = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const bool wide = fused && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#endif
#ifdef LINNET_HAVE_BF16
  static const bool rounded = wide && __builtin_cpu_supports("avx512bf16");
#endif
  static const Backend all[] = {
      {"plain", true, false, plain::forward, plain::backward},
#if defined(__x86_64__)
      {"avx2", fused, false, avx2::forward, avx2::backward},
      {"avx512", wide, false, avx512::forward, avx512::backward},
#endif
#ifdef LINNET_HAVE_BF16
      {"avx512_bf16", rounded, true, avx512_bf16::forward, avx512_bf16::backward},
#endif
  };
  const Backend *found = nullptr;
  for (const Backend &each : all) {
    if (each.known && (!name || strcmp(name, each.name) == 0)) found = &each;
  }
  return found;
}

const Backend *&chosen() {
  static const Backend *found = find(nullptr);
  return found;
}

int run(Work work, const linnet_gru &layer) {
  try {
    return work(layer) ? 0 : 1;
  } catch (const std::bad_alloc &) {
    return 1;
  }
}

}  // namespace
}  // namespace linnet_training

#define EXPORT __attribute__((visibility("default")))
using linnet_training::chosen;

extern "C" {

EXPORT int linnet_gru_version(void) { return 1; }
EXPORT const char *linnet_gru_backend(void) { return chosen()->name; }
EXPORT int linnet_gru_has_bfloat16(void) { return chosen()->bfloat16; }
EXPORT int linnet_gru_use(const char *name) {
  const auto *found = linnet_training::find(name);
  if (found) chosen() = found;
  return found ? 0 : 1;
}
EXPORT int linnet_gru_forward(const linnet_gru *layer) { return linnet_training::run(chosen()->forward, *layer); }
EXPORT int linnet_gru_backward(const linnet_gru *layer) { return linnet_training::run(chosen()->backward, *layer); }
}
