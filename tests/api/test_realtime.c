/* process, conceal, gap and reset, the setters and the statistics never allocate, lock, wait or enter the operating
 * system, at any rate and with any number of channels. Two proofs for every backend that runs here: an allocator and
 * lock functions of the test's own that count their calls, and a child process that the kernel kills at its first
 * system call (seccomp strict mode). A control child, which does make one, shows that the kernel means it; where it
 * does not, as under user-mode emulation, that part says that it was skipped. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocator.h"
#include "common.h"
#include "locks.h"

#define PR_STRICT 1 /* SECCOMP_MODE_STRICT */

enum calls { WHOLE, ANY, SPREAD, KINDS_OF_CALLS };
#define CHANNELS 8

/* A kind of stream. */
typedef struct shape {
  const char *backend;
  enum calls calls;
  int32_t rate, channels;
} shape;

static model blob;
static const char *const kBackends[] = {"scalar", "avx2", "avx_vnni", "avx512_vnni", "neon", "neon_dot", "neon_i8mm"};
#define BACKENDS (sizeof kBackends / sizeof kBackends[0])
static float frame[CHANNELS * 3 * FRAME];
static int16_t frame_i16[CHANNELS * 3 * FRAME];

static linnet_stream *make_shape(shape of) {
  linnet_config config = make_config(of.calls == ANY);
  linnet_stream *stream = NULL;
  config.spread = of.calls == SPREAD;
  config.sample_rate = of.rate;
  config.channels = of.channels;
  config.backend = of.backend;
  return linnet_create(blob.handle, &config, &stream) == LINNET_OK ? stream : NULL;
}

/* In turns of 8 frames: speech, silence, raw bits, denormals, and a switch of every control now and then; 0 if all
 * went well. */
static int drive(linnet_stream *stream, shape of, int frames_to_run) {
  const int channels = linnet_channels(stream), length = linnet_frame_size(stream);
  uint32_t state = 61;
  int n = 0, i, bad = 0;
  while (n < frames_to_run) {
    int kind = n / 8 % 4, frames = 1 + n % 3;
    size_t samples = (size_t)(frames * length);
    const int values = channels * (int)samples;
    float *planes[CHANNELS] = {0};
    const float *in[CHANNELS] = {0};
    linnet_stats stats;
    if (kind == 0) make_signal(frame, (size_t)values, (uint32_t)n);
    for (i = 0; kind && i < values; ++i) {
      frame[i] = kind == 1 ? 0.0f : kind == 2 ? float_of(random_bits(&state)) : float_of(1u + (uint32_t)i);
    }
    if (of.calls != WHOLE) samples -= (size_t)n % 7;
    bad |= linnet_process(stream, frame, frame, samples) != LINNET_OK;
    for (i = 0; i < values; ++i) frame_i16[i] = (int16_t)random_bits(&state);
    if (n % 10 == 0) bad |= linnet_process_i16(stream, frame_i16, frame_i16, samples) != LINNET_OK;
    stats.size = sizeof stats;
    bad |= linnet_get_stats(stream, &stats) != LINNET_OK;
    bad |= linnet_set_attenuation_limit(stream, (float)(n % 101)) != LINNET_OK;
    bad |= linnet_set_postfilter(stream, (float)(n % 11) / 10) != LINNET_OK;
    for (i = 0; i < channels; ++i) in[i] = planes[i] = frame + i * frames * length;
    if (n % 5 == 0) bad |= linnet_process_planar(stream, in, planes, samples) != LINNET_OK;
    if (n % 7 == 0) bad |= linnet_conceal_planar(stream, planes, samples) != LINNET_OK;
    if (n % 7 == 0) bad |= linnet_conceal(stream, frame, samples) != LINNET_OK;
    if (n % 11 == 0) bad |= linnet_conceal_i16(stream, frame_i16, samples) != LINNET_OK;
    if (n % 13 == 0) bad |= linnet_gap(stream, samples) != LINNET_OK;
    if (n % 240 == 124) bad |= linnet_gap(stream, (size_t)(300 * length)) != LINNET_OK; /* into a rest */
    if (n % 100 < frames) bad |= linnet_reset(stream) != LINNET_OK;
    n += frames;
  }
  return bad;
}

static const char *name_of(shape of) {
  static char words[64];
  sprintf(words, "%s, calls %d, %ld Hz, %ld channels", of.backend, (int)of.calls, (long)of.rate, (long)of.channels);
  return words;
}

static void no_allocation_and_no_lock(shape of, int frames) {
  linnet_stream *stream = make_shape(of);
  unsigned long calls, locks;
  if (!stream) return;
  calls = allocator_calls;
  locks = lock_calls;
  CHECK_CASE(drive(stream, of, frames) == 0, name_of(of));
  CHECK_CASE(allocator_calls == calls, name_of(of));
  CHECK_CASE(lock_calls == locks, name_of(of));
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
static enum child run_child(linnet_stream *stream, shape of, int frames) {
  int status = 0;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child < 0) return NO_SECCOMP;
  if (child == 0) {
    int result = 0;
    if (prctl(PR_SET_SECCOMP, PR_STRICT, 0, 0, 0) != 0) _exit(3);
    if (stream)
      result = drive(stream, of, frames);
    else
      syscall(SYS_getppid);
    syscall(SYS_exit, result ? 2 : 0); /* _exit would call exit_group, which strict mode forbids */
  }
  if (waitpid(child, &status, 0) != child) return FAILED;
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? KILLED : FAILED;
  if (WEXITSTATUS(status) == 3) return NO_SECCOMP;
  return WEXITSTATUS(status) == 0 ? FINE : FAILED;
}

static void no_system_call(shape of, int frames) {
  linnet_stream *stream = make_shape(of);
  if (!stream) return;
  CHECK_CASE(run_child(stream, of, frames) == FINE, name_of(of));
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  static const int32_t rates[] = {8000, 16000, 24000, 32000, 48000};
  size_t i, rate;
  int calls, channels, seccomp = 0, backends = 0;
  int frames = 1000, frames_of_a_shape = 32; /* of the usual shapes, and of each of all */
  blob = load_model(argc, argv);
  if (ALLOCATOR_COUNTS) {
    the_counters_work();
    seccomp = run_child(NULL, (shape){0}, 0) == KILLED;
  }
  if (LIBRARY_CHECKED) frames = 400;                 /* slow */
  if (!seccomp) frames = 200, frames_of_a_shape = 4; /* emulated or instrumented: slower */
  if (is_brief(argc, argv))
    frames = 100, frames_of_a_shape = 4;
  else if (argc > 2)
    frames = atoi(argv[2]);
  for (i = 0; i < BACKENDS; ++i) {
    shape of = {kBackends[i], WHOLE, 48000, 1};
    linnet_stream *stream = make_shape(of);
    if (!stream) continue;
    linnet_destroy(stream);
    ++backends;
    for (calls = WHOLE; calls < KINDS_OF_CALLS; ++calls) {
      of.calls = (enum calls)calls;
      no_allocation_and_no_lock(of, frames);
      if (seccomp) no_system_call(of, frames);
    }
    /* Every rate with every number of channels; the ways to call take turns. */
    for (rate = 0; rate < sizeof rates / sizeof rates[0]; ++rate) {
      for (channels = 1; channels <= CHANNELS; ++channels) {
        of.rate = rates[rate];
        of.channels = channels;
        of.calls = (enum calls)((rate + (size_t)channels + i) % KINDS_OF_CALLS);
        no_allocation_and_no_lock(of, frames_of_a_shape);
        if (seccomp) no_system_call(of, frames_of_a_shape);
      }
    }
  }
  CHECK(backends > 0);
  printf("%d backends, %d frames of each way to call, %d of each rate and number of channels%s\n", backends, frames,
         frames_of_a_shape, seccomp ? ", under seccomp too" : "");
  if (!ALLOCATOR_COUNTS)
    printf("skipped: counting and seccomp, this is a sanitizer build\n");
  else if (!seccomp)
    printf("skipped: seccomp, which this system does not enforce\n");
  free_model(blob);
  return check_summary();
}
