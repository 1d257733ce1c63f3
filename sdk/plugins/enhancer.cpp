#include "plugins/enhancer.h"

#include <speex/speex_resampler.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "linnet.h"

namespace plugin {
namespace {

constexpr double kEngineRate = 48000;  // where the host's is not one of a stream's
constexpr uint32_t kChunk = 960;       // host samples at a time; at 48 kHz two frames, which share a pass over weights
constexpr int kQuality = SPEEX_RESAMPLER_QUALITY_MAX;
constexpr float kClamp = 4;  // of samples, as streams do

// NaN stays what it is, which the setters refuse.
float within(float value, float high) { return value < 0 ? 0 : value > high ? high : value; }

// Filters would spread what is not a number, or too large, over their length.
float sanitised(float value) {
  if (!std::isfinite(value)) return 0;
  return value < -kClamp ? -kClamp : value > kClamp ? kClamp : value;
}

}  // namespace

// Host samples go up to the engine's rate, through the stream, and down again into `ready`, where they wait to be
// fetched. Either resampler is started half a filter ahead (skip_zeros), so that it adds no delay but is silent until
// it has seen as much. Were `ready` empty at first, up to `lead` samples would be missing at the end of a call: it
// begins with so many zeros. `room` is for what one chunk can become.
struct Enhancer {
  int channels;
  bool native;
  linnet_model *model;
  linnet_stream *stream;
  SpeexResamplerState *up, *down;  // null if native
  uint32_t lead, filled, room;
  uint32_t latency;
  float *buffers;               // all that follow
  float *chunk[kMaxChannels];   // of kChunk
  float *engine[kMaxChannels];  // of room, at the engine's rate
  float *ready[kMaxChannels];   // of lead + kChunk, of which `filled` hold samples
};

namespace {

bool make_stream(Enhancer *enhancer, const Form &form, double rate) {
  const auto size = static_cast<size_t>(form.model_end - form.model);
  if (linnet_model_create(form.model, size, &enhancer->model) != LINNET_OK) return false;
  linnet_config config = {};
  config.size = sizeof config;
  config.any_block = 1;
  config.channels = form.channels;
  config.sample_rate = static_cast<int32_t>(rate);
  const linnet_status status = linnet_create(enhancer->model, &config, &enhancer->stream);
  enhancer->native = status != LINNET_ERR_RATE;
  if (enhancer->native) return status == LINNET_OK;
  config.sample_rate = static_cast<int32_t>(kEngineRate);
  return linnet_create(enhancer->model, &config, &enhancer->stream) == LINNET_OK;
}

bool make_resamplers(Enhancer *enhancer, uint32_t rate) {
  const auto channels = static_cast<spx_uint32_t>(enhancer->channels);
  const auto engine = static_cast<spx_uint32_t>(kEngineRate);
  enhancer->up = speex_resampler_init(channels, rate, engine, kQuality, nullptr);
  enhancer->down = speex_resampler_init(channels, engine, rate, kQuality, nullptr);
  if (!enhancer->up || !enhancer->down) return false;
  const double ratio = rate / kEngineRate;
  enhancer->lead = static_cast<uint32_t>(speex_resampler_get_input_latency(enhancer->up)) +
                   static_cast<uint32_t>(std::ceil(speex_resampler_get_input_latency(enhancer->down) * ratio));
  enhancer->room = static_cast<uint32_t>(std::ceil(kChunk / ratio)) + 1;
  return true;
}

bool make_buffers(Enhancer *enhancer) {
  const size_t resampled = enhancer->native ? 0 : size_t{enhancer->room} + enhancer->lead + kChunk;
  enhancer->buffers = static_cast<float *>(calloc(enhancer->channels * (kChunk + resampled), sizeof(float)));
  if (!enhancer->buffers) return false;
  float *place = enhancer->buffers;
  for (int channel = 0; channel < enhancer->channels; ++channel) {
    enhancer->chunk[channel] = place;
    enhancer->engine[channel] = place + kChunk;
    enhancer->ready[channel] = place + kChunk + enhancer->room;
    place += kChunk + resampled;
  }
  return true;
}

void resample(SpeexResamplerState *resampler, int channel, const float *in, uint32_t samples, float *out,
              uint32_t *made) {
  speex_resampler_process_float(resampler, static_cast<spx_uint32_t>(channel), in, &samples, out, made);
}

void restart(SpeexResamplerState *resampler) {
  speex_resampler_reset_mem(resampler);
  speex_resampler_skip_zeros(resampler);
}

// The host samples of the chunks, enhanced in place.
void process_resampled(Enhancer *enhancer, uint32_t samples) {
  uint32_t inside = 0, made = 0;
  for (int channel = 0; channel < enhancer->channels; ++channel) {
    float *chunk = enhancer->chunk[channel];
    for (uint32_t i = 0; i < samples; ++i) chunk[i] = sanitised(chunk[i]);
    inside = enhancer->room;
    resample(enhancer->up, channel, chunk, samples, enhancer->engine[channel], &inside);
  }
  linnet_process_planar(enhancer->stream, enhancer->engine, enhancer->engine, inside);
  for (int channel = 0; channel < enhancer->channels; ++channel) {
    float *ready = enhancer->ready[channel];
    made = enhancer->lead + kChunk - enhancer->filled;
    resample(enhancer->down, channel, enhancer->engine[channel], inside, ready + enhancer->filled, &made);
    memcpy(enhancer->chunk[channel], ready, samples * sizeof(float));
    memmove(ready, ready + samples, (enhancer->filled + made - samples) * sizeof(float));
  }
  enhancer->filled += made - samples;
}

}  // namespace

Enhancer *create(const Form &form, double rate) {
  if (!(rate >= kLowestRate && rate <= kHighestRate) || rate != std::floor(rate)) return nullptr;
  auto *enhancer = static_cast<Enhancer *>(calloc(1, sizeof(Enhancer)));
  if (!enhancer) return nullptr;
  enhancer->channels = form.channels;
  if (!make_stream(enhancer, form, rate) ||
      (!enhancer->native && !make_resamplers(enhancer, static_cast<uint32_t>(rate))) || !make_buffers(enhancer)) {
    destroy(enhancer);
    return nullptr;
  }
  const double delay = linnet_delay(enhancer->stream) * rate / linnet_sample_rate(enhancer->stream);
  enhancer->latency = enhancer->lead + static_cast<uint32_t>(std::floor(delay + 0.5));
  reset(enhancer);
  return enhancer;
}

void destroy(Enhancer *enhancer) {
  if (!enhancer) return;
  free(enhancer->buffers);
  if (enhancer->up) speex_resampler_destroy(enhancer->up);
  if (enhancer->down) speex_resampler_destroy(enhancer->down);
  linnet_destroy(enhancer->stream);
  linnet_model_destroy(enhancer->model);
  free(enhancer);
}

void reset(Enhancer *enhancer) {
  linnet_reset(enhancer->stream);
  if (enhancer->native) return;
  restart(enhancer->up);
  restart(enhancer->down);
  enhancer->filled = enhancer->lead;
  for (int channel = 0; channel < enhancer->channels; ++channel) {
    memset(enhancer->ready[channel], 0, enhancer->lead * sizeof(float));
  }
}

void set_controls(Enhancer *enhancer, float limit_db, float postfilter) {
  linnet_set_attenuation_limit(enhancer->stream, within(limit_db, kMaxLimit));
  linnet_set_postfilter(enhancer->stream, within(postfilter, kMaxPostfilter));
}

uint32_t latency(const Enhancer *enhancer) { return enhancer->latency; }

void process(Enhancer *enhancer, const float *const in[], float *const out[], size_t samples) {
  uint32_t part = 0;
  for (size_t done = 0; done < samples; done += part) {
    part = samples - done < kChunk ? static_cast<uint32_t>(samples - done) : kChunk;
    for (int channel = 0; channel < enhancer->channels; ++channel) {
      if (in[channel]) {
        memcpy(enhancer->chunk[channel], in[channel] + done, part * sizeof(float));
      } else {
        memset(enhancer->chunk[channel], 0, part * sizeof(float));
      }
    }
    if (enhancer->native) {
      linnet_process_planar(enhancer->stream, enhancer->chunk, enhancer->chunk, part);
    } else {
      process_resampled(enhancer, part);
    }
    for (int channel = 0; channel < enhancer->channels; ++channel) {
      if (out[channel]) memcpy(out[channel] + done, enhancer->chunk[channel], part * sizeof(float));
    }
  }
}

}  // namespace plugin
