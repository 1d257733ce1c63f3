/* Runs a shared library that is not of this system's C library: load LIBRARY MODEL CHANNELS IN OUT, where IN holds
 * floats that go through in frames of 480 of each channel. Prints the kernels that ran. No float is passed but by
 * address, as Android's 32-bit ARM passes them in other registers than some Linux systems. */
#include <dlfcn.h>
#include <linnet.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTION(name) __typeof__(&name) name##_ = (__typeof__(&name))dlsym(library, #name)

int main(int count, char **words) {
  static float frame[8 * 480];
  linnet_config config = {.size = sizeof config};
  linnet_model *model = 0;
  linnet_stream *stream = 0;
  if (count != 6) return 2;
  config.channels = atoi(words[3]);
  void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  FUNCTION(linnet_model_load);
  FUNCTION(linnet_create);
  FUNCTION(linnet_process);
  FUNCTION(linnet_backend);
  FUNCTION(linnet_destroy);
  FUNCTION(linnet_model_destroy);
  if (linnet_model_load_(words[2], &model) != LINNET_OK || linnet_create_(model, &config, &stream) != LINNET_OK)
    return 1;
  FILE *in = fopen(words[4], "rb");
  FILE *out = fopen(words[5], "wb");
  if (!in || !out) return 1;
  const size_t bytes = 480 * sizeof *frame * (size_t)config.channels;
  while (fread(frame, bytes, 1, in) == 1) {
    if (linnet_process_(stream, frame, frame, 480) != LINNET_OK) return 1;
    if (fwrite(frame, bytes, 1, out) != 1) return 1;
  }
  printf("%s\n", linnet_backend_(stream));
  linnet_destroy_(stream);
  linnet_model_destroy_(model);
  return fclose(out) != 0;
}
