/* Hours of audio in one stream: output stays finite and within +-4, frames are counted exactly, and after a reset the
 * stream is as a fresh one. A second argument is the number of minutes, a tenth of one without it, a third the rate in
 * Hz; with them memory may not grow either, which under an emulator it does. Speech-like sound, noise, raw bits, losses
 * and silence take turns. The time per frame of the last tenth over that of the first is printed, not judged. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include <unistd.h>

#include "common.h"

#define SECOND 100 /* frames */
#define ROUND 20   /* seconds of all kinds of sound, after which every page is there that is ever used */

static model blob;
static float input[SECOND * FRAME], output[SECOND * FRAME], expected[SECOND * FRAME];

/* Kilobytes of the process that are no file's, in exact numbers; 0 where the system does not tell. */
static long held(void) {
  char line[128];
  long kilobytes = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "Anonymous: %ld", &kilobytes) == 1) break;
  }
  fclose(file);
  return kilobytes;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void make_second(long second, size_t samples) {
  uint32_t state = (uint32_t)second;
  size_t i;
  switch (second / 5 % 4) {
    case 0:
      make_signal(input, samples, state);
      break;
    case 1:
      for (i = 0; i < samples; ++i) input[i] = 0.1f * random_sample(&state);
      break;
    case 2:
      for (i = 0; i < samples; ++i)
        input[i] = second % 7 ? 0.5f * random_sample(&state) : float_of(random_bits(&state));
      break;
    default:
      memset(input, 0, samples * sizeof *input);
  }
}

static void a_day(double minutes, int32_t rate, int memory_counts) {
  linnet_config config = make_config(0);
  linnet_stream *stream = NULL, *fresh = NULL;
  linnet_stats stats;
  const size_t samples = (size_t)rate;
  const long seconds = (long)(minutes * 60);
  long second, before = 0, insane = 0, failed = 0;
  double first = 0, last = 0, start;
  config.sample_rate = rate;
  REQUIRE(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
  REQUIRE(linnet_create(blob.handle, &config, &fresh) == LINNET_OK);
  for (second = 0; second < seconds; ++second) {
    make_second(second, samples);
    if (second % 19 == 7) {
      failed += linnet_conceal(stream, output, samples) != LINNET_OK;
    } else {
      start = now();
      failed += linnet_process(stream, input, output, samples) != LINNET_OK;
      if (second < seconds / 10) first += now() - start;
      if (second >= seconds - seconds / 10) last += now() - start;
    }
    insane += !all_sane(output, samples);
    if (second == ROUND) before = held();
  }
  stats.size = sizeof stats;
  CHECK(failed == 0);
  CHECK(insane == 0);
  if (memory_counts) CHECK(before > 0 && held() <= before);
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK && stats.frame == (uint64_t)seconds * SECOND);
  make_signal(input, samples, 77);
  CHECK(linnet_reset(stream) == LINNET_OK);
  CHECK(linnet_process(stream, input, output, samples) == LINNET_OK);
  CHECK(linnet_process(fresh, input, expected, samples) == LINNET_OK);
  CHECK(same_bits(output, expected, samples));
  printf("%.2f minutes at %ld Hz: %ld frames, %ld KB held, last tenth / first tenth of the time %.3f\n", minutes,
         (long)rate, seconds * SECOND, held(), first > 0 ? last / first : 1.0);
  linnet_destroy(stream);
  linnet_destroy(fresh);
}

int main(int argc, char **argv) {
  const double minutes = argc > 2 ? atof(argv[2]) : 0.1;
  blob = load_model(argc, argv);
  a_day(minutes, argc > 3 ? atoi(argv[3]) : 48000, argc > 2);
  free_model(blob);
  return check_summary();
}
