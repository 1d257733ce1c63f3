// What the bench asks of the system it runs on: the time, a pause, the memory in use, and which CPU this is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace selftest {

// Nanoseconds on a clock that never goes back.
int64_t now();

// Sleeps until the clock shows at least that time. Windows wakes in steps of up to 16 ms.
void sleep_until(int64_t time);

// The most memory that this process has had in use, in bytes; 0 where the system does not tell it cheaply.
uint64_t peak_memory();

// One kind of core. id says the same of it on every system: "41:d0b" from ARM's registers (implementer and part),
// "AuthenticAMD:25:33" from x86's (vendor, family and model), "" if it is not told.
struct Core {
  char id[40];
  char name[64];
  int count;
};

struct Cpu {
  static constexpr int kMost = 8;
  Core kinds[kMost];
  int size;    // of kinds; 0 where the system does not tell
  int ran_on;  // which of the kinds the caller's thread is on now; -1 if unknown
};

// The cores that a text in the format of /proc/cpuinfo describes, and which kind that processor of it is.
Cpu parse_cpuinfo(const char *text, int processor);

// The CPU of this device, or of the one whose /proc/cpuinfo was saved in that file. False if that file cannot be read.
bool read_cpu(const char *cpuinfo, Cpu *cpu);

}  // namespace selftest
