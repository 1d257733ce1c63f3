/* Enhances a 16-bit file: WAV at 8, 16, 24, 32 or 48 kHz with up to eight channels, or raw mono samples at 48 kHz. One
 * stream for all channels, a few kilobytes of memory besides, output of the input's length with the delay taken out.
 * Exit status 2 when something is wrong; what was at OUT before is then still there.
 *
 *     enhance_file MODEL IN OUT [ATTENUATION_LIMIT_DB] */
#define _POSIX_C_SOURCE 200809L /* S_ISREG */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "linnet.h"

#define MAX_FRAME 480
#define MAX_CHANNELS 8

static uint32_t little32(const uint8_t *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t little16(const uint8_t *b) { return (uint32_t)b[0] | (uint32_t)b[1] << 8; }

static void put32(uint8_t *b, uint32_t value) {
  int i;
  for (i = 0; i < 4; ++i) b[i] = (uint8_t)(value >> 8 * i);
}

typedef struct sound {
  int is_wav;
  unsigned channels;
  uint32_t rate;
  unsigned long frames; /* samples per channel, or UNTIL_THE_END */
} sound;

#define UNTIL_THE_END 0xffffffffUL

/* By reading, which pipes allow too, and which takes any size where a long has 32 bits. 0 if the file ends before. */
static int skip(FILE *in, uint64_t bytes) {
  while (bytes > 0 && getc(in) != EOF) --bytes;
  return bytes == 0;
}

/* Leaves the file at its first sample. Returns NULL or what is wrong. */
static const char *open_sound(FILE *in, sound *s) {
  uint8_t b[40];
  uint32_t size;
  int have_format = 0;
  const int is_wave = fread(b, 1, 12, in) == 12 && memcmp(b + 8, "WAVE", 4) == 0;
  s->is_wav = is_wave && memcmp(b, "RIFF", 4) == 0;
  s->channels = 1;
  s->rate = 48000;
  s->frames = UNTIL_THE_END;
  if (is_wave && !s->is_wav) return "a WAV file of another kind than RIFF: convert it first";
  if (!s->is_wav) return fseek(in, 0, SEEK_SET) == 0 ? NULL : "raw samples of a pipe: give a file, or a WAV";
  for (;;) {
    if (fread(b, 1, 8, in) != 8) return "a WAV file without samples";
    size = little32(b + 4);
    if (memcmp(b, "data", 4) == 0) break;
    if (memcmp(b, "fmt ", 4) != 0) {
      if (!skip(in, (uint64_t)size + (size & 1))) return "a WAV file without samples"; /* odd chunks are padded */
    } else {
      uint32_t tag;
      if (size < 16 || size > sizeof b || fread(b, 1, size, in) != size) return "a WAV file with a damaged header";
      tag = size >= 26 && little16(b) == 0xfffe ? little16(b + 24) : little16(b);
      s->channels = little16(b + 2);
      if (tag != 1 || little16(b + 14) != 16) return "not 16-bit PCM: convert it to 16-bit first";
      s->rate = little32(b + 4);
      if (s->rate == 0) return "a WAV file with a damaged header";
      if (s->channels < 1 || s->channels > MAX_CHANNELS) return "more than 8 channels: split it first";
      have_format = 1;
      if (!skip(in, size & 1)) return "a WAV file without samples";
    }
  }
  if (!have_format) return "a WAV file without a format";
  if (size != 0xffffffffu) s->frames = size / (2 * s->channels);
  return s->frames == 0 ? "a WAV file without samples, or of a recorder that did not finish it" : NULL;
}

static int write_header(FILE *out, const sound *s, unsigned long frames) {
  uint8_t b[44] = "RIFF....WAVEfmt ";
  const uint32_t bytes = (uint32_t)(frames * s->channels * 2);
  put32(b + 4, 36 + bytes);
  put32(b + 16, 16);
  b[20] = 1;
  b[22] = (uint8_t)s->channels;
  put32(b + 24, s->rate);
  put32(b + 28, s->rate * s->channels * 2);
  b[32] = (uint8_t)(s->channels * 2);
  b[34] = 16;
  memcpy(b + 36, "data", 4);
  put32(b + 40, bytes);
  return fseek(out, 0, SEEK_SET) == 0 && fwrite(b, 1, sizeof b, out) == sizeof b;
}

/* Frame by frame: the first `delay` output samples belong to nothing, and as many zeros push out the last ones.
 * Returns NULL or what is wrong, with the output unless *at_input is set. */
static const char *enhance(FILE *in, FILE *out, const sound *s, linnet_stream *stream, int *at_input) {
  static uint8_t bytes[MAX_FRAME * MAX_CHANNELS * 2];
  static int16_t samples[MAX_FRAME * MAX_CHANNELS];
  const size_t step = s->channels * 2, frame = (size_t)linnet_frame_size(stream);
  unsigned long read = 0, written = 0, skip = (unsigned long)linnet_delay(stream);
  if (s->is_wav && !write_header(out, s, 0)) return "cannot be written";
  for (;;) {
    size_t wanted = frame, got, first, count, i;
    linnet_status status;
    if (s->frames - read < wanted) wanted = s->frames - read;
    got = fread(bytes, step, wanted, in);
    *at_input = 1;
    if (ferror(in)) return "cannot be read";
    if (got < wanted && s->frames != UNTIL_THE_END) return "cut short: it has fewer samples than its header says";
    *at_input = 0;
    read += got;
    if (got == 0 && written == read) break;
    memset(bytes + got * step, 0, (frame - got) * step);
    for (i = 0; i < frame * s->channels; ++i) {
      const uint32_t value = little16(bytes + 2 * i);
      samples[i] = (int16_t)(value < 0x8000 ? (int32_t)value : (int32_t)value - 0x10000);
    }
    status = linnet_process_i16(stream, samples, samples, frame);
    if (status != LINNET_OK) return linnet_status_text(status);
    for (i = 0; i < frame * s->channels; ++i) {
      bytes[2 * i] = (uint8_t)((uint16_t)samples[i] & 0xff);
      bytes[2 * i + 1] = (uint8_t)((uint16_t)samples[i] >> 8);
    }
    first = skip < frame ? skip : frame;
    skip -= first;
    count = frame - first;
    if (count > read - written) count = read - written;
    if (fwrite(bytes + first * step, step, count, out) != count) return "cannot be written";
    written += count;
  }
  if (s->is_wav && !write_header(out, s, written)) return "cannot be written";
  return NULL;
}

/* Where to write: "PATH.part", which takes the place of the file at the end, or the path itself if a device or a pipe
 * is there. NULL without memory. */
static char *part_of(const char *path) {
  struct stat about;
  const int in_place = stat(path, &about) == 0 && !S_ISREG(about.st_mode);
  const size_t length = strlen(path);
  char *part = (char *)malloc(length + sizeof ".part");
  if (part) {
    memcpy(part, path, length + 1);
    if (!in_place) memcpy(part + length, ".part", sizeof ".part");
  }
  return part;
}

/* Of a part: whether something lies there, the input even, that is not ours to write over. */
static int taken(const char *part, const char *path) {
  struct stat about;
  return strcmp(part, path) != 0 && stat(part, &about) == 0;
}

/* Gives what is finished its name, and leaves nothing of what is not. 0 if it cannot get its name. */
static int end_part(const char *part, const char *path, int finished) {
  if (strcmp(part, path) == 0) return 1;
  if (finished) {
#ifdef _WIN32
    remove(path); /* rename replaces nothing there */
#endif
    if (rename(part, path) == 0) return 1;
  }
  remove(part);
  return !finished;
}

int main(int argc, char **argv) {
  linnet_model *model = NULL;
  linnet_stream *stream = NULL;
  const char *problem = NULL, *name = "";
  char *part = NULL;
  FILE *in = NULL, *out = NULL;
  sound s = {0, 0, 0, 0};
  int at_input = 0;
  if (argc < 4 || argc > 5) {
    fprintf(stderr, "usage: %s MODEL IN OUT [ATTENUATION_LIMIT_DB]\n", argv[0]);
    return 2;
  }
  name = argv[2];
  if (strcmp(argv[2], argv[3]) == 0) {
    fprintf(stderr, "%s: input and output are the same file\n", name);
    return 2;
  }
  in = fopen(name, "rb");
  problem = in ? open_sound(in, &s) : "cannot be opened";
  if (!problem) {
    linnet_status status = linnet_model_load(argv[1], &model);
    name = argv[1];
    if (status != LINNET_OK) problem = linnet_status_text(status);
  }
  if (!problem) { /* one signal: what is taken away is the same in all channels */
    linnet_config config = {sizeof config, (int32_t)s.rate, 0, NULL, 0, (int32_t)s.channels};
    linnet_status status = linnet_create(model, &config, &stream);
    if (status == LINNET_ERR_RATE) {
      name = argv[2];
      problem = "not at 8000, 16000, 24000, 32000 or 48000 Hz: resample it first";
    }
    if (status == LINNET_OK && argc == 5) {
      char *end = argv[4];
      const float limit = (float)strtod(argv[4], &end);
      name = argv[4];
      status = *end || end == argv[4] ? LINNET_ERR_ARGUMENT : linnet_set_attenuation_limit(stream, limit);
      if (status != LINNET_OK) problem = "not an attenuation limit: give 0 to 100 (dB)";
    }
    if (status != LINNET_OK && !problem) problem = linnet_status_text(status);
  }
  if (!problem) {
    name = argv[3];
    part = part_of(name);
    if (part && taken(part, name)) problem = "cannot be written while its name with .part behind it is taken";
  }
  if (!problem) {
    out = part ? fopen(part, "wb") : NULL;
    problem = out ? enhance(in, out, &s, stream, &at_input) : "cannot be opened for writing";
    if (at_input) name = argv[2];
    if (out && fclose(out) != 0 && !problem) problem = "cannot be written";
    if (out && !end_part(part, argv[3], !problem)) problem = "cannot be written";
  }
  free(part);
  linnet_destroy(stream);
  linnet_model_destroy(model);
  if (in) fclose(in);
  if (problem) fprintf(stderr, "%s: %s\n", name, problem);
  return problem ? 2 : 0;
}
