// See device.h. ARM's own names of its cores are in their technical reference manuals, under MIDR_EL1; those of others
// are in arch/arm64/include/asm/cputype.h of Linux.
#include "selftest/device.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#ifdef _WIN32
#include <windows.h>
#else
#include <time.h>
#ifndef __wasm__
#include <sys/resource.h>
#endif
#endif
#ifdef __linux__
#include <sched.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

namespace selftest {
namespace {

constexpr int64_t kSecond = 1000000000;

constexpr struct {
  const char *id, *name;
} kArmCores[] = {
    {"41:c07", "Cortex-A7"},
    {"41:c0f", "Cortex-A15"},
    {"41:d03", "Cortex-A53"},
    {"41:d04", "Cortex-A35"},
    {"41:d05", "Cortex-A55"},
    {"41:d07", "Cortex-A57"},
    {"41:d08", "Cortex-A72"},
    {"41:d09", "Cortex-A73"},
    {"41:d0a", "Cortex-A75"},
    {"41:d0b", "Cortex-A76"},
    {"41:d0c", "Neoverse N1"},
    {"41:d0d", "Cortex-A77"},
    {"41:d40", "Neoverse V1"},
    {"41:d41", "Cortex-A78"},
    {"41:d44", "Cortex-X1"},
    {"41:d46", "Cortex-A510"},
    {"41:d47", "Cortex-A710"},
    {"41:d48", "Cortex-X2"},
    {"41:d4d", "Cortex-A715"},
    {"41:d4e", "Cortex-X3"},
    {"51:800", "Kryo 2xx Gold (Cortex-A73)"},
    {"51:801", "Kryo 2xx Silver (Cortex-A53)"},
    {"51:802", "Kryo 3xx Gold (Cortex-A75)"},
    {"51:803", "Kryo 3xx Silver (Cortex-A55)"},
    {"51:804", "Kryo 4xx Gold (Cortex-A76)"},
    {"51:805", "Kryo 4xx Silver (Cortex-A55)"},
};

// The value of "key : value" if the line has that key, else nullptr.
const char *value_of(const char *line, const char *key) {
  const size_t length = strlen(key);
  if (strncmp(line, key, length) != 0) return nullptr;
  const char *at = line + length;
  while (*at == ' ' || *at == '\t') ++at;
  return *at == ':' ? at + 1 + (at[1] == ' ') : nullptr;
}

// What /proc/cpuinfo says of one processor: values by kKeys, empty where there is no such line.
enum Key { kNumber, kImplementer, kPart, kVendor, kFamily, kModel, kName, kKeyCount };
constexpr const char *kKeys[kKeyCount] = {"processor",  "CPU implementer", "CPU part",  "vendor_id",
                                          "cpu family", "model",           "model name"};
struct Processor {
  char values[kKeyCount][sizeof Core::name];

  unsigned number(Key key) const { return static_cast<unsigned>(strtoul(values[key], nullptr, 0)); }
};

void describe(const Processor &processor, Core *core) {
  if (processor.number(kPart)) {
    snprintf(core->id, sizeof core->id, "%02x:%03x", processor.number(kImplementer) & 0xffu,
             processor.number(kPart) & 0xfffu);
    snprintf(core->name, sizeof core->name, "ARM core %s", core->id);
    for (const auto &known : kArmCores) {
      if (strcmp(known.id, core->id) == 0) snprintf(core->name, sizeof core->name, "%s", known.name);
    }
    return;
  }
  if (*processor.values[kVendor]) {
    snprintf(core->id, sizeof core->id, "%.20s:%.8s:%.8s", processor.values[kVendor], processor.values[kFamily],
             processor.values[kModel]);
  }
  memcpy(core->name, processor.values[kName], sizeof core->name);
}

// Which of the kinds of cores this one is, counted there; -1 if there is no room for another.
int count(const Processor &processor, Cpu *cpu) {
  Core core = {};
  describe(processor, &core);
  int kind = 0;
  while (kind < cpu->size &&
         (strcmp(cpu->kinds[kind].id, core.id) != 0 || strcmp(cpu->kinds[kind].name, core.name) != 0)) {
    ++kind;
  }
  if (kind == Cpu::kMost) return -1;
  if (kind == cpu->size) cpu->kinds[cpu->size++] = core;
  ++cpu->kinds[kind].count;
  return kind;
}

}  // namespace

Cpu parse_cpuinfo(const char *text, int processor) {
  Cpu cpu = {};
  cpu.ran_on = -1;
  Processor block = {};
  // The lines of a processor end with an empty line, or with the text.
  for (const char *at = text;;) {
    const size_t length = strcspn(at, "\r\n");
    char line[128];
    snprintf(line, sizeof line, "%.*s", static_cast<int>(length), at);
    for (int key = 0; key < kKeyCount; ++key) {
      if (const char *value = value_of(line, kKeys[key])) snprintf(block.values[key], sizeof Core::name, "%s", value);
    }
    if (length == 0) {
      if (*block.values[kPart] || *block.values[kName]) {
        const int kind = count(block, &cpu);
        if (*block.values[kNumber] && block.number(kNumber) == static_cast<unsigned>(processor)) cpu.ran_on = kind;
      }
      block = {};
      if (*at == 0) break;
    }
    at += length;
    at += *at == '\r';
    at += *at == '\n';
  }
  if (cpu.size == 1) cpu.ran_on = 0;
  return cpu;
}

#ifdef _WIN32

int64_t now() {
  LARGE_INTEGER ticks, rate;
  QueryPerformanceCounter(&ticks);
  QueryPerformanceFrequency(&rate);
  return ticks.QuadPart / rate.QuadPart * kSecond + ticks.QuadPart % rate.QuadPart * kSecond / rate.QuadPart;
}

void sleep_until(int64_t time) {
  for (int64_t left = time - now(); left > 0; left = time - now()) Sleep(static_cast<DWORD>(left / 1000000 + 1));
}

uint64_t peak_memory() { return 0; }

#else

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

void sleep_until(int64_t time) {
  for (int64_t left = time - now(); left > 0; left = time - now()) {
    timespec pause;
    pause.tv_sec = static_cast<time_t>(left / kSecond);
    pause.tv_nsec = static_cast<long>(left % kSecond);
    nanosleep(&pause, nullptr);
  }
}

#ifdef __wasm__
uint64_t peak_memory() { return uint64_t{__builtin_wasm_memory_size(0)} * 65536; }  // it never shrinks
#else
uint64_t peak_memory() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
  return static_cast<uint64_t>(usage.ru_maxrss);
#else
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
#endif
}
#endif

#endif

bool read_cpu(const char *cpuinfo, Cpu *cpu) {
  *cpu = {};
  cpu->ran_on = -1;
  const char *path = cpuinfo;
  int processor = -1;
#ifdef __linux__
  if (!path) {
    path = "/proc/cpuinfo";
    processor = sched_getcpu();
  }
#endif
  if (path) {
    FILE *file = fopen(path, "rb");
    if (!file) return !cpuinfo;  // the system does not tell
    // Some 1.5 KB for each processor of x86: a server's last ones may be missing.
    static char text[1 << 18];
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    const bool failed = ferror(file) != 0;  // a folder
    (void)fclose(file);                     // only read from
    *cpu = parse_cpuinfo(text, processor);
    return !failed || !cpuinfo;
  }
#ifdef __APPLE__
  Core &core = cpu->kinds[0];
  size_t size = sizeof core.name;
  if (sysctlbyname("machdep.cpu.brand_string", core.name, &size, nullptr, 0) == 0) {
    core.count = cpu->size = 1;
    cpu->ran_on = 0;
  }
#endif
  return true;
}

}  // namespace selftest
