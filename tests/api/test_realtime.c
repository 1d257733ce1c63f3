/* process, conceal, gap and reset, the setters and the statistics never allocate, lock, wait or enter the operating
 * system. Two proofs for every backend that runs here: an allocator and lock functions of the test's own that count
 * their calls, and a child process that the kernel kills at its first system call (seccomp strict mode). A control
 * child, which does make one, shows that the kernel means it; where it does not, as under user-mode emulation, that
 * part says that it was skipped. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocator.h"
#include "common.h"

#define PR_STRICT 1 /* SECCOMP_MODE_STRICT */

enum calls { WHOLE, ANY, SPREAD, STEREO, KINDS_OF_CALLS }; /* STEREO: blocks of any length, of two channels */
#define CHANNELS 2

static model blob;
static int frames_to_run = 1000, turn = 50; /* frames of one kind of input */
static const char *const kBackends[] = {"scalar", "avx2", "avx_vnni", "neon", "neon_dot", "neon_i8mm"};
#define BACKENDS (sizeof kBackends / sizeof kBackends[0])
static float frame[CHANNELS * 3 * FRAME];
static int16_t frame_i16[CHANNELS * 3 * FRAME];

#if ALLOCATOR_COUNTS
#include <pthread.h>
#include <time.h>

static unsigned long lock_calls;

#pragma GCC visibility push(default)
/* Stand in for the C library's; this program has one thread, so that nothing need be locked. */
int pthread_mutex_lock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_mutex_trylock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  (void)condition;
  (void)mutex;
  ++lock_calls;
  return 0;
}
int nanosleep(const struct timespec *wanted, struct timespec *left) {
  (void)wanted;
  (void)left;
  ++lock_calls;
  return 0;
}
#pragma GCC visibility pop
#else
static unsigned long lock_calls;
#endif

static linnet_stream *make_backend(const char *backend, enum calls calls) {
  linnet_config config = make_config(calls == ANY || calls == STEREO);
  linnet_stream *stream = NULL;
  config.spread = calls == SPREAD;
  config.channels = calls == STEREO ? CHANNELS : 1;
  config.backend = backend;
  return linnet_create(blob.handle, &config, &stream) == LINNET_OK ? stream : NULL;
}

/* In turns: speech, silence, raw bits, denormals, and a switch of every control now and then; 0 if all went well. */
static int drive(linnet_stream *stream, enum calls calls) {
  uint32_t state = 61;
  int n = 0, i, bad = 0;
  while (n < frames_to_run) {
    int kind = n / turn % 4, frames = 1 + n % 3;
    size_t samples = (size_t)frames * FRAME;
    const int values = (calls == STEREO ? CHANNELS : 1) * (int)samples;
    linnet_stats stats;
    if (kind == 0) make_signal(frame, (size_t)values, (uint32_t)n);
    for (i = 0; kind && i < values; ++i) {
      frame[i] = kind == 1 ? 0.0f : kind == 2 ? float_of(random_bits(&state)) : float_of(1u + (uint32_t)i);
    }
    if (calls != WHOLE) samples -= (size_t)n % 7;
    bad |= linnet_process(stream, frame, frame, samples) != LINNET_OK;
    for (i = 0; i < values; ++i) frame_i16[i] = (int16_t)random_bits(&state);
    if (n % 10 == 0) bad |= linnet_process_i16(stream, frame_i16, frame_i16, samples) != LINNET_OK;
    stats.size = sizeof stats;
    bad |= linnet_get_stats(stream, &stats) != LINNET_OK;
    bad |= linnet_set_attenuation_limit(stream, (float)(n % 101)) != LINNET_OK;
    bad |= linnet_set_postfilter(stream, (float)(n % 11) / 10) != LINNET_OK;
    if (calls == STEREO) {
      float *const planes[CHANNELS] = {frame, frame + 3 * FRAME};
      const float *const in[CHANNELS] = {frame, frame + 3 * FRAME};
      bad |= linnet_process_planar(stream, in, planes, samples) != LINNET_OK;
      if (n % 7 == 0) bad |= linnet_conceal_planar(stream, planes, samples) != LINNET_OK;
    }
    if (n % 7 == 0) bad |= linnet_conceal(stream, frame, samples) != LINNET_OK;
    if (n % 11 == 0) bad |= linnet_conceal_i16(stream, frame_i16, samples) != LINNET_OK;
    if (n % 13 == 0) bad |= linnet_gap(stream, n % 2 ? samples : 300 * FRAME) != LINNET_OK; /* into a rest */
    if (n % 100 < frames) bad |= linnet_reset(stream) != LINNET_OK;
    n += frames;
  }
  return bad;
}

static void no_allocation_and_no_lock(const char *backend, enum calls kind) {
  linnet_stream *stream = make_backend(backend, kind);
  unsigned long calls, locks;
  if (!stream) return;
  calls = allocator_calls;
  locks = lock_calls;
  CHECK(drive(stream, kind) == 0);
  CHECK_CASE(allocator_calls == calls, backend);
  CHECK_CASE(lock_calls == locks, backend);
  linnet_destroy(stream);
}

/* That the counters count. */
static void the_counters_work(void) {
  unsigned long calls = allocator_calls;
  linnet_stream *stream = make_stream(blob, 0);
  CHECK(allocator_calls > calls);
  calls = allocator_calls;
  linnet_destroy(stream);
  CHECK(allocator_calls > calls);
}

enum child { KILLED, FINE, FAILED, NO_SECCOMP };

/* What becomes of a child that locks itself in and then drives the stream, or, without one, makes a system call. */
static enum child run_child(linnet_stream *stream, enum calls calls) {
  int status = 0;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child < 0) return NO_SECCOMP;
  if (child == 0) {
    int result = 0;
    if (prctl(PR_SET_SECCOMP, PR_STRICT, 0, 0, 0) != 0) _exit(3);
    if (stream)
      result = drive(stream, calls);
    else
      syscall(SYS_getppid);
    syscall(SYS_exit, result ? 2 : 0); /* _exit would call exit_group, which strict mode forbids */
  }
  if (waitpid(child, &status, 0) != child) return FAILED;
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? KILLED : FAILED;
  if (WEXITSTATUS(status) == 3) return NO_SECCOMP;
  return WEXITSTATUS(status) == 0 ? FINE : FAILED;
}

static void no_system_call(const char *backend, enum calls calls) {
  linnet_stream *stream = make_backend(backend, calls);
  if (!stream) return;
  CHECK_CASE(run_child(stream, calls) == FINE, backend);
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  size_t i;
  int calls, seccomp = 0, backends = 0;
  blob = load_model(argc, argv);
  if (ALLOCATOR_COUNTS) {
    the_counters_work();
    seccomp = run_child(NULL, WHOLE) == KILLED;
  }
  if (LIBRARY_CHECKED || !seccomp) frames_to_run = 200; /* slow: without optimisation, emulated or instrumented */
  if (is_brief(argc, argv)) {
    turn = 25;
    frames_to_run = 4 * turn;
  }
  for (i = 0; i < BACKENDS; ++i) {
    linnet_stream *stream = make_backend(kBackends[i], WHOLE);
    if (!stream) continue;
    linnet_destroy(stream);
    ++backends;
    for (calls = WHOLE; calls < KINDS_OF_CALLS; ++calls) {
      no_allocation_and_no_lock(kBackends[i], (enum calls)calls);
      if (seccomp) no_system_call(kBackends[i], (enum calls)calls);
    }
  }
  CHECK(backends > 0);
  if (!ALLOCATOR_COUNTS)
    printf("skipped: counting and seccomp, this is a sanitizer build\n");
  else if (!seccomp)
    printf("skipped: seccomp, which this system does not enforce\n");
  free_model(blob);
  return check_summary();
}
