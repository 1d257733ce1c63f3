// What a frame should cost on named CPUs: benchmarks/results/cpu_load.json, written into estimates.cpp by estimates.py
// at build time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace selftest {

struct Estimate {
  const char *core;            // id of device.h
  const char *cpu;             // "Cortex-A76 2.4 GHz"
  const char *backend;         // kernels that it was made for
  uint64_t multiply_adds;      // of the model: those of equal shape cost the same
  double us, low_us, high_us;  // microseconds of one frame, and their band
};

extern const Estimate kEstimates[];
extern const size_t kEstimateCount;

}  // namespace selftest
