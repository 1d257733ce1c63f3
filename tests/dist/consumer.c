/* A user's program: enhances a second of noise with the model of its argument and prints a hash of the output, FNV-1a
 * of its bytes, which is to be the same from every package. conftest.py has the same in Python.
 */
#include <linnet.h>
#include <stdint.h>
#include <stdio.h>

enum { FRAME = 480, FRAMES = 100 };

int main(int argc, char **argv) {
  linnet_model *model = NULL;
  linnet_stream *stream = NULL;
  float in[FRAME], out[FRAME];
  uint64_t hash = 14695981039346656037u;
  uint32_t noise = 1;
  int frame, i;
  if (argc != 2 || linnet_model_load(argv[1], &model) != LINNET_OK) return 2;
  if (linnet_create(model, NULL, &stream) != LINNET_OK || linnet_abi() != LINNET_ABI) return 3;
  for (frame = 0; frame < FRAMES; ++frame) {
    size_t byte;
    for (i = 0; i < FRAME; ++i) {
      noise = noise * 1664525u + 1013904223u;
      in[i] = (float)((int32_t)noise >> 16) / 131072;
    }
    if (linnet_process(stream, in, out, FRAME) != LINNET_OK) return 4;
    for (byte = 0; byte < sizeof out; ++byte) hash = (hash ^ ((const unsigned char *)out)[byte]) * 1099511628211u;
  }
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return printf("%08lx%08lx\n", (unsigned long)(hash >> 32), (unsigned long)(hash & 0xffffffffu)) < 0;
}
