/* A program of another compiler and C library than the shared library's: consumer MODEL. An impulse through a stream
 * that attenuates nothing comes out as it went in, as late as linnet_delay says. */
#include <linnet.h>
#include <stdio.h>
#include <string.h>

enum { FRAME = 480, FRAMES = 10 };

int main(int count, char **words) {
  static float samples[FRAMES * FRAME];
  linnet_config config;
  linnet_model *model = NULL;
  linnet_stream *stream = NULL;
  int i;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  if (count != 2) return 2;
  if (linnet_abi() != LINNET_ABI || linnet_model_load(words[1], &model) != LINNET_OK) return 1;
  if (linnet_create(model, &config, &stream) != LINNET_OK) return 1;
  if (linnet_set_attenuation_limit(stream, 0.0f) != LINNET_OK) return 1;
  samples[7] = 0.5f;
  for (i = 0; i < FRAMES; ++i) {
    if (linnet_process(stream, samples + i * FRAME, samples + i * FRAME, FRAME) != LINNET_OK) return 1;
  }
  for (i = 0; i < FRAMES * FRAME; ++i) {
    if (samples[i] != (i == 7 + linnet_delay(stream) ? 0.5f : 0.0f)) {
      printf("sample %d is %g\n", i, samples[i]);
      return 1;
    }
  }
  printf("%s, %s: as it must be\n", linnet_version(), linnet_backend(stream));
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return 0;
}
