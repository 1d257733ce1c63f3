/* What the API tests share: the model in memory, signals that are the same on every machine, and comparison by bits.
 * Signals come from a linear congruential generator; no libm. C99 and C++17. */
#ifndef LINNET_TESTS_API_COMMON_H
#define LINNET_TESTS_API_COMMON_H

#if !defined(_POSIX_C_SOURCE) && !defined(__cplusplus)
#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#endif

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"
#include "linnet.h"

#define FRAME 480

#ifdef __GNUC__
#define MAYBE_UNUSED __attribute__((unused))
#else
#define MAYBE_UNUSED
#endif

typedef struct model {
  uint8_t *data; /* aligned to 64 */
  size_t size;
  linnet_model *handle; /* made of them, or NULL in a copy that is still to be changed */
} model;

/* Memory of exactly that size aligned to 64, so that a checker sees an access one byte beyond. */
MAYBE_UNUSED static void *aligned_memory(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, LINNET_ALIGNMENT, bytes ? bytes : 1) != 0) {
    fprintf(stderr, "out of memory for %lu bytes\n", (unsigned long)bytes);
    exit(2);
  }
  return memory;
}

/* Makes the model of these bytes, which must be sound. */
MAYBE_UNUSED static void make_model(model *blob) {
  linnet_status status = linnet_model_create(blob->data, blob->size, &blob->handle);
  if (status != LINNET_OK || !blob->handle) {
    fprintf(stderr, "linnet_model_create: %s\n", linnet_status_text(status));
    exit(2);
  }
}

MAYBE_UNUSED static void free_model(model blob) {
  linnet_model_destroy(blob.handle);
  free(blob.data);
}

/* Reads the model named on the command line; ends the program with a reason if it cannot. */
MAYBE_UNUSED static model load_model(int argc, char **argv) {
  model result = {NULL, 0, NULL};
  FILE *file;
  long size;
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    exit(2);
  }
  file = fopen(argv[1], "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0) {
    fprintf(stderr, "cannot read the model %s\n", argv[1]);
    exit(2);
  }
  rewind(file);
  result.size = (size_t)size;
  result.data = (uint8_t *)aligned_memory(result.size);
  if (fread(result.data, 1, result.size, file) != result.size) {
    fprintf(stderr, "cannot read the model %s\n", argv[1]);
    exit(2);
  }
  fclose(file);
  make_model(&result);
  return result;
}

/* A copy to change; repair makes its checksum fit again. */
MAYBE_UNUSED static model copy_model(model blob) {
  model copy;
  copy.size = blob.size;
  copy.data = (uint8_t *)aligned_memory(blob.size);
  copy.handle = NULL;
  memcpy(copy.data, blob.data, blob.size);
  return copy;
}

/* CRC-32 (IEEE) of all bytes but those of the checksum itself, which end the header of 64 bytes. */
MAYBE_UNUSED static void repair(model blob) {
  uint32_t crc = 0xffffffffu;
  size_t i;
  int bit;
  for (i = 0; i < blob.size; ++i) {
    if (i >= 60 && i < 64) continue;
    crc ^= blob.data[i];
    for (bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  crc = ~crc;
  memcpy(blob.data + 60, &crc, sizeof crc);
}

/* The same weights with another look-ahead, 0..3 frames. */
MAYBE_UNUSED static model with_lookahead(model blob, uint32_t lookahead) {
  model copy = copy_model(blob);
  memcpy(copy.data + 20, &lookahead, sizeof lookahead);
  repair(copy);
  make_model(&copy);
  return copy;
}

MAYBE_UNUSED static uint32_t random_bits(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8 | *state << 24;
}

/* -1..1 */
MAYBE_UNUSED static float random_sample(uint32_t *state) {
  return (float)((int32_t)(random_bits(state) & 0xffffffu) - 0x800000) * (1.0f / 8388608.0f);
}

/* A pulse train of changing pitch in noise, peak about 0.6: enough to move every part of the network. */
MAYBE_UNUSED static void make_signal(float *x, size_t samples, uint32_t seed) {
  uint32_t state = seed;
  float resonance = 0, speed = 0;
  size_t phase = 0, period = 300, i;
  for (i = 0; i < samples; ++i) {
    float pulse = 0;
    if (++phase >= period) {
      phase = 0;
      period = 200 + (i / 7) % 300;
      pulse = 0.3f;
    }
    speed = 0.97f * speed - 0.02f * resonance + pulse;
    resonance += speed * 0.2f;
    resonance *= 0.995f;
    x[i] = resonance + 0.05f * random_sample(&state);
  }
}

MAYBE_UNUSED static int same_bits(const float *a, const float *b, size_t samples) {
  return memcmp(a, b, samples * sizeof(float)) == 0;
}

MAYBE_UNUSED static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

MAYBE_UNUSED static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Finite and within +-4, by bits. */
MAYBE_UNUSED static int all_sane(const float *x, size_t samples) {
  size_t i;
  for (i = 0; i < samples; ++i) {
    if ((bits_of(x[i]) & 0x7fffffffu) > 0x40800000u) return 0;
  }
  return 1;
}

MAYBE_UNUSED static linnet_config make_config(int any_block) {
  linnet_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.any_block = any_block;
  return config;
}

/* A stream that must come into being. */
MAYBE_UNUSED static linnet_stream *make_stream(model blob, int any_block) {
  linnet_config config = make_config(any_block);
  linnet_stream *stream = NULL;
  linnet_status status = linnet_create(blob.handle, &config, &stream);
  if (status != LINNET_OK || !stream) {
    fprintf(stderr, "linnet_create: %s\n", linnet_status_text(status));
    exit(2);
  }
  return stream;
}

/* linnet_model_create and linnet_model_init with one blob, and linnet_model_size, which sees the header alone; *agree
 * tells whether all gave the status that is returned and left their results alone on an error. */
MAYBE_UNUSED static linnet_status try_models(const void *data, size_t size, int *agree) {
  linnet_model *const untouched = (linnet_model *)(uintptr_t)64;
  linnet_model *made = untouched;
  size_t bytes = 77;
  const size_t room = 1 << 16;
  void *memory = aligned_memory(room);
  const linnet_status status = linnet_model_create(data, size, &made);
  const linnet_status measured = linnet_model_size(data, size, &bytes);
  *agree = measured == status;
  *agree |= measured == LINNET_OK && (status == LINNET_ERR_CORRUPT || status == LINNET_ERR_VERSION);
  *agree &= measured == LINNET_OK ? bytes > 0 && bytes <= room : bytes == 77;
  *agree &= (status == LINNET_OK) == (made != untouched);
  if (status == LINNET_OK) linnet_model_destroy(made);
  made = untouched;
  *agree &= linnet_model_init(memory, room, data, size, &made) == status;
  *agree &= (status == LINNET_OK) == (made != untouched);
  if (status == LINNET_OK) linnet_model_destroy(made);
  free(memory);
  return status;
}

MAYBE_UNUSED static void expect_models(const void *data, size_t size, linnet_status wanted, const char *note) {
  int agree = 0;
  CHECK_CASE(try_models(data, size, &agree) == wanted, note);
  CHECK_CASE(agree, note);
}

/* linnet_size, linnet_create and linnet_init with one model and one config, likewise. */
MAYBE_UNUSED static linnet_status try_streams(const linnet_model *of, const linnet_config *config, int *agree) {
  size_t bytes = 77;
  linnet_stream *const untouched = (linnet_stream *)(uintptr_t)64;
  linnet_stream *stream = untouched;
  const size_t room = 1 << 22;
  void *memory = aligned_memory(room);
  const linnet_status first = linnet_size(of, config, &bytes);
  *agree = first == LINNET_OK || bytes == 77;
  *agree &= linnet_create(of, config, &stream) == first;
  *agree &= (first == LINNET_OK) == (stream != untouched);
  if (first == LINNET_OK) linnet_destroy(stream);
  stream = untouched;
  *agree &= linnet_init(memory, room, of, config, &stream) == first;
  *agree &= (first == LINNET_OK) == (stream != untouched);
  if (first == LINNET_OK) linnet_destroy(stream);
  free(memory);
  return first;
}

MAYBE_UNUSED static void expect_streams(const linnet_model *of, const linnet_config *config, linnet_status wanted,
                                        const char *note) {
  int agree = 0;
  CHECK_CASE(try_streams(of, config, &agree) == wanted, note);
  CHECK_CASE(agree, note);
}

#endif
