/* Live sound at a rate that no stream has, such as 44.1 kHz: to 48 kHz and back by SpeexDSP (Debian: libspeexdsp-dev),
 * which allocates nothing once its resamplers are made. Both begin half a filter ahead, so that they make nothing late;
 * but what the filters look ahead is missing at the end of a block, until the next one comes. The output therefore
 * begins with that many zeros, the lead, and every block of input gives as many samples of output.
 *
 * The delay is exact: the lead, and the 40 ms of a stream of any block. At 44.1 kHz that is 257 + 1764 samples.
 *
 *     any_rate MODEL RATE [LIMIT_DB] < IN > OUT        mono, raw floats, full scale +-1; ends with the input
 *
 * cc any_rate.c -llinnet -lspeexdsp -lm */
#include <math.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linnet.h"

#define STREAM_RATE 48000
#define BLOCK 256                             /* samples of a block at most */
#define LOWEST 8000                           /* Hz */
#define INSIDE (BLOCK * STREAM_RATE / LOWEST) /* as many samples can a block become */
#define READY 4096

typedef struct any_rate {
  linnet_stream *stream;
  SpeexResamplerState *up, *down;
  float inside[INSIDE + 1], ready[READY]; /* at the stream's rate; output that waits for its block */
  spx_uint32_t filled, lead;
  unsigned delay; /* samples at the outer rate */
} any_rate;

/* Everything that can fail or allocates. 0 if it has failed. */
static int any_rate_open(any_rate *self, const linnet_model *model, unsigned rate, float limit_db) {
  linnet_config config = {sizeof config, STREAM_RATE, 1, NULL, 0, 1}; /* any_block */
  memset(self, 0, sizeof *self);
  if (linnet_create(model, &config, &self->stream) != LINNET_OK) return 0;
  if (linnet_set_attenuation_limit(self->stream, limit_db) != LINNET_OK) return 0;
  self->up = speex_resampler_init(1, rate, STREAM_RATE, SPEEX_RESAMPLER_QUALITY_MAX, NULL);
  self->down = speex_resampler_init(1, STREAM_RATE, rate, SPEEX_RESAMPLER_QUALITY_MAX, NULL);
  if (!self->up || !self->down) return 0;
  speex_resampler_skip_zeros(self->up);
  speex_resampler_skip_zeros(self->down);
  self->lead = (spx_uint32_t)speex_resampler_get_input_latency(self->up) +
               (spx_uint32_t)ceil((double)speex_resampler_get_input_latency(self->down) * rate / STREAM_RATE);
  self->filled = self->lead;
  self->delay = self->lead + (unsigned)linnet_delay(self->stream) * (rate / 25) / (STREAM_RATE / 25);
  return self->lead + BLOCK < READY;
}

static void any_rate_close(any_rate *self) {
  if (self->up) speex_resampler_destroy(self->up);
  if (self->down) speex_resampler_destroy(self->down);
  linnet_destroy(self->stream);
}

/* For the audio thread: a block in place, of BLOCK samples at most. */
static void any_rate_process(any_rate *self, float *block, spx_uint32_t samples) {
  spx_uint32_t taken = samples, inside = INSIDE + 1, made = READY - self->filled;
  speex_resampler_process_float(self->up, 0, block, &taken, self->inside, &inside);
  linnet_process(self->stream, self->inside, self->inside, inside);
  speex_resampler_process_float(self->down, 0, self->inside, &inside, self->ready + self->filled, &made);
  self->filled += made - samples;
  memcpy(block, self->ready, samples * sizeof *block);
  memmove(self->ready, self->ready + samples, self->filled * sizeof *block);
}

/* NaN, which no range holds, for what is more or less than a number. */
static double number(const char *text) {
  char *end;
  const double value = strtod(text, &end);
  return end == text || *end != 0 ? NAN : value;
}

int main(int argc, char **argv) {
  static any_rate enhancer;
  const double rate = argc > 2 ? number(argv[2]) : NAN;
  const double limit_db = argc > 3 ? number(argv[3]) : 100;
  linnet_model *model = NULL;
  linnet_status status;
  float block[BLOCK];
  size_t samples;
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: %s MODEL RATE [LIMIT_DB] < IN > OUT\n", argv[0]);
    return 2;
  }
  if (!(rate >= LOWEST && rate <= 192000 && fmod(rate, 25) == 0)) {
    fprintf(stderr, "rate %s: give a multiple of 25 from %d to 192000 Hz\n", argv[2], LOWEST);
    return 2;
  }
  status = linnet_model_load(argv[1], &model);
  if (status != LINNET_OK) {
    fprintf(stderr, "%s: %s\n", argv[1], linnet_status_text(status));
    return 2;
  }
  if (!any_rate_open(&enhancer, model, (unsigned)rate, (float)limit_db)) {
    fprintf(stderr, "no memory, or a limit that is not within 0..100 dB\n");
    return 2;
  }
  fprintf(stderr, "delay %u samples, %u of them the resamplers'\n", enhancer.delay, (unsigned)enhancer.lead);
  while ((samples = fread(block, sizeof *block, BLOCK, stdin)) > 0) {
    any_rate_process(&enhancer, block, (spx_uint32_t)samples);
    if (fwrite(block, sizeof *block, samples, stdout) != samples) break;
  }
  any_rate_close(&enhancer);
  linnet_model_destroy(model);
  if (ferror(stdin) || ferror(stdout) || fflush(stdout) != 0) {
    fprintf(stderr, "the input cannot be read, or the output not be written\n");
    return 2;
  }
  return 0;
}
