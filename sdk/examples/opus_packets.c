/* In front of a packet coder such as Opus: packets of 20 ms are two frames of linnet, so no extra delay and no buffer
 * is needed. The coder is left out; where it would stand, this program counts. Memory comes from the caller, as in an
 * embedded product: linnet itself allocates nothing here.
 *
 *     opus_packets MODEL */
#include <stdio.h>
#include <stdlib.h>

#include "linnet.h"

#define PACKET 960 /* 20 ms at 48 kHz */

/* In a product: a static array. NULL without memory; *block is what free wants. */
static void *aligned_memory(size_t bytes, void **block) {
  *block = malloc(bytes + LINNET_ALIGNMENT);
  if (!*block) return NULL;
  return (uint8_t *)*block + (LINNET_ALIGNMENT - (uintptr_t)*block % LINNET_ALIGNMENT) % LINNET_ALIGNMENT;
}

static union {
  uint8_t bytes[64 * 1024 * 1024 / 8];
  uint64_t align;
} blob; /* in a product: a constant array in flash */

/* Stands for opus_encode(encoder, samples, PACKET, ...): tells how loud the packet is. */
static int send_packet(const int16_t *samples) {
  int i, peak = 0;
  for (i = 0; i < PACKET; ++i) {
    if (abs(samples[i]) > peak) peak = abs(samples[i]);
  }
  return peak;
}

int main(int argc, char **argv) {
  linnet_model *model = NULL;
  linnet_stream *stream = NULL;
  linnet_status status;
  size_t blob_size, model_bytes = 0, bytes = 0;
  void *memory, *model_block = NULL, *stream_block = NULL;
  int16_t packet[PACKET];
  uint32_t random = 1;
  int n, i, loudest = 0;
  FILE *file;
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  file = fopen(argv[1], "rb");
  if (!file) {
    fprintf(stderr, "%s: cannot be opened\n", argv[1]);
    return 2;
  }
  blob_size = fread(blob.bytes, 1, sizeof blob.bytes, file);
  fclose(file);

  status = linnet_model_size(blob.bytes, blob_size, &model_bytes);
  if (status == LINNET_OK) {
    memory = aligned_memory(model_bytes, &model_block);
    status = memory ? linnet_model_init(memory, model_bytes, blob.bytes, blob_size, &model) : LINNET_ERR_NO_MEMORY;
  }
  if (status == LINNET_OK) status = linnet_size(model, NULL, &bytes);
  if (status == LINNET_OK) {
    memory = aligned_memory(bytes, &stream_block);
    status = memory ? linnet_init(memory, bytes, model, NULL, &stream) : LINNET_ERR_NO_MEMORY;
  }
  if (status != LINNET_OK) {
    fprintf(stderr, "%s: %s\n", argv[1], linnet_status_text(status));
    return 2;
  }
  for (n = 0; n < 100; ++n) { /* two seconds */
    for (i = 0; i < PACKET; ++i) {
      random = random * 1664525u + 1013904223u;
      packet[i] = (int16_t)((n * PACKET + i) % 300 == 0 ? 12000 : (int)(random >> 21) - 1024);
    }
    status = linnet_process_i16(stream, packet, packet, PACKET);
    if (status != LINNET_OK) {
      fprintf(stderr, "packet %d: %s\n", n, linnet_status_text(status));
      return 2;
    }
    i = send_packet(packet);
    if (i > loudest) loudest = i;
  }
  printf("%d packets of %d samples, delay %d samples, %lu bytes of state, loudest sample %d\n", n, PACKET,
         linnet_delay(stream), (unsigned long)bytes, loudest);
  linnet_destroy(stream);
  linnet_model_destroy(model);
  free(stream_block);
  free(model_block);
  return 0;
}
