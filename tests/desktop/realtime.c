/* run() of the plug-ins never allocates, locks or enters the operating system, whatever the host gives it, and
 * instantiate() gives up without a leak where there is no memory. As tests/api/test_realtime.c does it: an allocator
 * and lock functions of the program's own, and a child that the kernel kills at its first system call. Blocks have
 * every length from 1 to 4096 in turns.
 *
 * Usage: realtime linnet_ladspa.so */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ladspa.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "api/allocator.h"
#include "api/locks.h"
#include "check.h"

#define LONGEST 4096
#define STRICT 1 /* SECCOMP_MODE_STRICT */

static const unsigned long kRates[] = {4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000, 384000};
#define RATES (sizeof kRates / sizeof kRates[0])

typedef struct host {
  const LADSPA_Descriptor *plugin;
  LADSPA_Handle handle;
  float audio[4][LONGEST];
  float control[3];
} host;
static host it;

static int is_mono(void) { return it.plugin->PortCount == 5; }

static int start(const LADSPA_Descriptor *plugin, unsigned long rate) {
  const int audio = plugin->PortCount == 5 ? 2 : 4;
  int port;
  it.plugin = plugin;
  it.handle = plugin->instantiate(plugin, rate);
  if (!it.handle) return 0;
  for (port = 0; port < (int)plugin->PortCount; ++port) {
    float *place = port < audio ? it.audio[port] : &it.control[port - audio];
    plugin->connect_port(it.handle, (unsigned long)port, place);
  }
  it.control[0] = 100;
  plugin->activate(it.handle);
  return 1;
}

static uint32_t state = 61;
static uint32_t bits(void) { return state = state * 1664525u + 1013904223u; }

/* In turns: noise, silence, denormal numbers, any bits. */
static void fill(float *samples, int count, int kind) {
  int i;
  for (i = 0; i < count; ++i) {
    uint32_t raw = bits();
    if (kind == 2) raw &= 0x807FFFFFu;
    if (kind == 0) samples[i] = (float)(int32_t)raw / 4294967296.0f;
    if (kind == 1) samples[i] = 0;
    if (kind >= 2) memcpy(&samples[i], &raw, sizeof raw);
  }
}

/* 0 if all that came out is finite and not far beyond full scale times four, which is as far as streams go. */
static int drive(int calls) {
  const int in = is_mono() ? 1 : 2;
  int call, channel, i, bad = 0;
  for (call = 0; call < calls; ++call) {
    const int samples = 1 + (int)(bits() >> 8) % (call % 3 ? 600 : LONGEST);
    for (channel = 0; channel < in; ++channel) fill(it.audio[channel], samples, call / 4 % 4);
    it.control[0] = call % 5 ? (float)(call % 120) : NAN;
    it.control[1] = call % 7 ? (float)(call % 30) / 20 - 0.2f : -INFINITY;
    it.plugin->run(it.handle, (unsigned long)samples);
    for (channel = in; channel < 2 * in; ++channel) {
      for (i = 0; i < samples; ++i) bad |= !(fabsf(it.audio[channel][i]) < 8.0f);
    }
    if (call % 50 == 49) it.plugin->activate(it.handle);
  }
  return bad;
}

static void no_allocation_and_no_lock(void) {
  const unsigned long calls = allocator_calls, locks = lock_calls;
  CHECK_CASE(drive(60) == 0, it.plugin->Label);
  CHECK_CASE(allocator_calls == calls, it.plugin->Label);
  CHECK_CASE(lock_calls == locks, it.plugin->Label);
}

/* Signal that ends a child which locks itself in; 0 if it came to its end. Without `run` it makes a system call. */
static int child_signal(int run) {
  int status = 0;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, STRICT, 0, 0, 0) != 0) _exit(3);
    if (run)
      syscall(SYS_exit, drive(20)); /* _exit would call exit_group, which strict mode forbids */
    else
      syscall(SYS_getppid);
  }
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* The same in a host that flushes denormal numbers, whose mode stays. */
static void in_another_mode(void) {
#if defined(__SSE__)
  const unsigned int mode = _mm_getcsr(), flush = mode | 0x8040u, control = 0xFFC0u;
  _mm_setcsr(flush);
  no_allocation_and_no_lock();
  CHECK((_mm_getcsr() & control) == (flush & control));
  _mm_setcsr(mode);
#endif
}

static void plugin_at(const LADSPA_Descriptor *plugin, unsigned long rate) {
  const unsigned long alive = allocator_made - allocator_freed;
  REQUIRE(start(plugin, rate));
  no_allocation_and_no_lock();
  in_another_mode();
  CHECK_CASE(child_signal(1) == 0, plugin->Label);
  plugin->cleanup(it.handle);
  CHECK(allocator_made - allocator_freed == alive);
}

/* Every request for memory fails in turn. */
static void no_memory(const LADSPA_Descriptor *plugin, unsigned long rate) {
  const unsigned long alive = allocator_made - allocator_freed;
  unsigned long at;
  int made = 0;
  for (at = 1; at < 100 && !made; ++at) {
    allocator_fail_at = at;
    allocator_fail_on = 0;
    made = start(plugin, rate);
    allocator_fail_at = 0;
    if (made) plugin->cleanup(it.handle);
    CHECK(allocator_made - allocator_freed == alive);
  }
  CHECK(made && at > 4);
}

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  LADSPA_Descriptor_Function descriptor;
  unsigned long form, rate;
  if (!library) {
    fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: realtime linnet_ladspa.so");
    return 2;
  }
  *(void **)&descriptor = dlsym(library, "ladspa_descriptor");
  CHECK(child_signal(0) == SIGKILL); /* the kernel means it */
  for (form = 0; descriptor(form); ++form) {
    for (rate = 0; rate < RATES; ++rate) {
      if (form < 2 && rate % 3 == 2) continue; /* both sizes of model take the same way; the large one its time */
      plugin_at(descriptor(form), kRates[rate]);
    }
  }
  CHECK(form == 4);
  no_memory(descriptor(0), 48000);
  no_memory(descriptor(1), 44100);
  dlclose(library);
  return check_summary();
}
