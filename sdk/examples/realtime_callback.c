/* The pattern for a sound card: a callback that gets blocks of whatever size the system likes and must return in time.
 * All that can fail or wait is done before; the callback only calls linnet_process, which neither allocates nor locks.
 * The controls may be turned from the thread of the user interface at any time. A loop stands in for the sound card,
 * with three seconds of buzzing in noise.
 *
 *     realtime_callback MODEL */
#include <stdio.h>

#include "linnet.h"

/* What the audio system would call. in and out hold `samples` mono samples and may be the same array. */
static void audio_callback(void *user, const float *in, float *out, unsigned samples) {
  linnet_stream *stream = (linnet_stream *)user;
  linnet_process(stream, in, out, samples); /* cannot fail here: the stream lives and takes any block */
}

int main(int argc, char **argv) {
  static const unsigned sizes[] = {128, 441, 64, 512, 1, 480, 1024}; /* systems do change it as they go */
  linnet_config config = {sizeof config, 48000, 1, NULL, 0, 1};      /* any_block */
  linnet_model *model = NULL;
  linnet_stream *stream = NULL;
  linnet_status status;
  uint32_t random = 1;
  unsigned done = 0, call = 0, i;
  float block[1024];
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  status = linnet_model_load(argv[1], &model);
  if (status == LINNET_OK) status = linnet_create(model, &config, &stream);
  if (status != LINNET_OK) {
    fprintf(stderr, "%s: %s\n", argv[1], linnet_status_text(status));
    return 2;
  }
  printf("delay %d samples, backend %s\n", linnet_delay(stream), linnet_backend(stream));
  while (done < 3 * 48000) {
    const unsigned samples = sizes[call++ % (sizeof sizes / sizeof sizes[0])];
    for (i = 0; i < samples; ++i, ++done) {
      random = random * 1664525u + 1013904223u;
      block[i] = (done % 400 == 0 ? 0.5f : 0.0f) + 0.05f * ((float)(random >> 8) / 8388608.0f - 1.0f);
    }
    audio_callback(stream, block, block, samples);
    if (call % 100 == 0) { /* elsewhere: a meter and a slider */
      linnet_stats stats;
      stats.size = sizeof stats;
      linnet_get_stats(stream, &stats);
      printf("%5.2f s  speech %.2f  input SNR %5.1f dB  mean gain %.2f  pitch %5.1f Hz\n", done / 48000.0,
             stats.speech_probability, stats.input_snr_db, stats.mean_gain, stats.pitch_hz);
      linnet_set_attenuation_limit(stream, done < 2 * 48000 ? 100.0f : 12.0f);
    }
  }
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return 0;
}
