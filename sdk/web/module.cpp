// The functions of the WebAssembly module: the C API with numbers instead of structs, so that JavaScript needs to know
// no layout. Addresses and sizes are in bytes of the module's memory. All memory comes from the caller, who makes the
// module's grow for it, so that no allocator has to be downloaded; an instance holds one stream, and goes as a whole.
// It asks its host for nothing, hence no linnet_model_load. _initialize is to be called first, as for every module of
// this kind.
#include <cstdint>

#include "linnet.h"

#define EXPORT(name) extern "C" __attribute__((export_name(name)))

static linnet_config config_of(int32_t rate, int32_t any_block, int32_t channels) {
  linnet_config config = {};
  config.size = sizeof config;
  config.sample_rate = rate;
  config.any_block = any_block;
  config.channels = channels;
  return config;
}

// What they find or make is written to *out, which holds a size or an address (32 bits); all return a linnet_status.
// Memory for a model, a stream or a blob is aligned to 64.
EXPORT("model_size") int32_t web_model_size(const void *blob, size_t size, size_t *out) {
  return linnet_model_size(blob, size, out);
}
EXPORT("model_init")
int32_t web_model_init(void *memory, size_t bytes, const void *blob, size_t size, linnet_model **out) {
  return linnet_model_init(memory, bytes, blob, size, out);
}
EXPORT("stream_size")
int32_t web_stream_size(const linnet_model *model, int32_t rate, int32_t any_block, int32_t channels, size_t *out) {
  const linnet_config config = config_of(rate, any_block, channels);
  return linnet_size(model, &config, out);
}
EXPORT("stream_init")
int32_t web_stream_init(void *memory, size_t bytes, const linnet_model *model, int32_t rate, int32_t any_block,
                        int32_t channels, linnet_stream **out) {
  const linnet_config config = config_of(rate, any_block, channels);
  return linnet_init(memory, bytes, model, &config, out);
}

// planes: the address of an array of samples for each channel, which is enhanced where it is.
EXPORT("process") int32_t web_process(linnet_stream *stream, float *const *planes, size_t samples) {
  return linnet_process_planar(stream, planes, planes, samples);
}
EXPORT("reset") int32_t web_reset(linnet_stream *stream) { return linnet_reset(stream); }
EXPORT("frame_size") int32_t web_frame_size(const linnet_stream *stream) { return linnet_frame_size(stream); }
EXPORT("delay") int32_t web_delay(const linnet_stream *stream) { return linnet_delay(stream); }
EXPORT("set_attenuation_limit") int32_t web_set_attenuation_limit(linnet_stream *stream, float db) {
  return linnet_set_attenuation_limit(stream, db);
}
EXPORT("set_postfilter") int32_t web_set_postfilter(linnet_stream *stream, float amount) {
  return linnet_set_postfilter(stream, amount);
}

// out: speech probability, input's speech to noise ratio in dB, mean gain, pitch in Hz. frame: frames done, as a
// double, which goes on to count where a float no longer does (after 47 hours).
EXPORT("get_stats") int32_t web_get_stats(const linnet_stream *stream, float *out, double *frame) {
  linnet_stats stats = {};
  stats.size = sizeof stats;
  const linnet_status status = linnet_get_stats(stream, &stats);
  if (status != LINNET_OK) return status;
  out[0] = stats.speech_probability;
  out[1] = stats.input_snr_db;
  out[2] = stats.mean_gain;
  out[3] = stats.pitch_hz;
  *frame = static_cast<double>(stats.frame);
  return status;
}

// Text ends with a zero byte.
EXPORT("backend") const char *web_backend(const linnet_stream *stream) { return linnet_backend(stream); }
EXPORT("version") const char *web_version() { return linnet_version(); }
EXPORT("status_text") const char *web_status_text(int32_t status) {
  return linnet_status_text(static_cast<linnet_status>(status));
}
