// The C functions of linnet.h: check every argument, then call the model or the engine. The only file that allocates,
// and where the caller's floating-point mode is put aside; the frame path behind it runs blind.
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/bits.h"
#include "base/fp_env.h"
#include "choice.h"
#include "engine.h"
#include "linnet.h"
#include "model/blob.h"
#include "model/file.h"
#include "nn/network.h"

#ifndef LINNET_VERSION
#define LINNET_VERSION "0.0.0"  // the build passes the project's
#endif

// Bound weights; the blob they point into is the caller's, or lies behind the model in its allocation.
struct alignas(LINNET_ALIGNMENT) linnet_model {
  static constexpr uint32_t kAlive = 0x6d6e6e74;

  volatile uint32_t magic;  // volatile: the mark of a destroyed object must really be written
  void *allocation;         // what free wants, if the library made it
  linnet::nn::Weights weights;
};

struct alignas(LINNET_ALIGNMENT) linnet_stream {
  static constexpr uint32_t kAlive = 0x736e6e74;

  volatile uint32_t magic;
  bool any_samples;  // per call, not frames alone
  void *allocation;
  linnet::Engine engine;
};

namespace {

using linnet::base::Arena;
using linnet::base::FpScope;

static_assert(LINNET_ALIGNMENT == Arena::kAlignment && LINNET_BLOB_ALIGNMENT >= alignof(uint64_t));

bool aligned(const void *pointer, size_t alignment) { return reinterpret_cast<uintptr_t>(pointer) % alignment == 0; }

// 0 <= x <= high, false for NaN; by bits, so that no floating-point mode of the caller matters. -0 is 0.
bool in_range(float x, float high) {
  const uint32_t bits = linnet::base::float_bits(x);
  return bits <= linnet::base::float_bits(high) || bits == 0x80000000u;
}

bool is_finite(double x) { return x - x == 0.0; }

// Of a model or a stream.
template <class T>
linnet_status check_live(const T *object) {
  if (!object) return LINNET_ERR_ARGUMENT;
  if (!aligned(object, LINNET_ALIGNMENT) || object->magic != T::kAlive) return LINNET_ERR_STATE;
  return LINNET_OK;
}

template <class T>
bool is_live(const T *object) {
  return check_live(object) == LINNET_OK;
}

// Writes a field of a struct of the caller's if it lies whole within the size that the struct says it has.
template <class S, class T>
void fill(S *caller, size_t size, T *field, T value) {
  const size_t end =
      static_cast<size_t>(reinterpret_cast<uint8_t *>(field) - reinterpret_cast<uint8_t *>(caller)) + sizeof *field;
  if (end <= size) *field = value;
}

linnet_status blob_status(linnet::model::BlobError error) {
  switch (error) {
    case linnet::model::BlobError::kNone:
      return LINNET_OK;
    case linnet::model::BlobError::kNotABlob:
      return LINNET_ERR_NOT_A_BLOB;
    case linnet::model::BlobError::kVersion:
      return LINNET_ERR_VERSION;
    case linnet::model::BlobError::kIo:
      return LINNET_ERR_IO;
    case linnet::model::BlobError::kNoMemory:
      return LINNET_ERR_NO_MEMORY;
    case linnet::model::BlobError::kCorrupt:
      break;
  }
  return LINNET_ERR_CORRUPT;
}

linnet_status check_blob(const void *blob) {
  if (!blob) return LINNET_ERR_ARGUMENT;
  return aligned(blob, LINNET_BLOB_ALIGNMENT) ? LINNET_OK : LINNET_ERR_ALIGNMENT;
}

// Checks the blob whole and binds its weights.
linnet_status bind(const void *blob, size_t blob_size, linnet::nn::Weights *weights) {
  linnet_status status = check_blob(blob);
  if (status != LINNET_OK) return status;
  linnet::model::BlobView view;
  status = blob_status(linnet::model::parse_blob(blob, blob_size, &view));
  if (status != LINNET_OK) return status;
  return blob_status(weights->bind(view));
}

// How much of its memory a model takes, up to a blob behind it.
size_t measure_model() {
  Arena arena;
  arena.take<linnet_model>(1);
  return arena.used();
}

linnet_model *build_model(const linnet::nn::Weights &weights, void *memory, void *allocation) {
  linnet_model *model = new (memory) linnet_model();
  model->weights = weights;
  model->allocation = allocation;
  model->magic = linnet_model::kAlive;
  return model;
}

// What a stream is built from, checked.
struct Setup {
  const linnet::nn::Weights *weights = nullptr;
  const linnet::kernels::Kernels *kernels = nullptr;
  linnet::EngineWants wants;
};

// Of the config, copies the fields that lie whole within the caller's size; the others keep their defaults.
linnet_status check_setup(const linnet_model *model, const linnet_config *config, Setup *setup) {
  const linnet_status status = check_live(model);
  if (status != LINNET_OK) return status;
  linnet_config full = {sizeof(linnet_config), 0, 0, nullptr, 0, 0};
  if (config) {
    const size_t size = config->size;
    if (size < sizeof config->size) return LINNET_ERR_ARGUMENT;
    if (size >= offsetof(linnet_config, sample_rate) + sizeof full.sample_rate) full.sample_rate = config->sample_rate;
    if (size >= offsetof(linnet_config, any_block) + sizeof full.any_block) full.any_block = config->any_block;
    if (size >= offsetof(linnet_config, backend) + sizeof full.backend) full.backend = config->backend;
    if (size >= offsetof(linnet_config, spread) + sizeof full.spread) full.spread = config->spread;
    if (size >= offsetof(linnet_config, channels) + sizeof full.channels) full.channels = config->channels;
  }
  linnet::EngineWants &wants = setup->wants;
  wants.rate = linnet::dsp::find_rate(full.sample_rate == 0 ? linnet::dsp::kSampleRate : full.sample_rate);
  if (!wants.rate) return LINNET_ERR_RATE;
  if (full.any_block != 0 && full.any_block != 1) return LINNET_ERR_ARGUMENT;
  if (full.spread != 0 && full.spread != 1) return LINNET_ERR_ARGUMENT;
  if (full.channels < 0 || full.channels > linnet::dsp::kMaxChannels) return LINNET_ERR_ARGUMENT;
  setup->weights = &model->weights;
  wants.any_block = full.any_block == 1;
  wants.spread = full.spread == 1;
  wants.channels = full.channels == 0 ? 1 : full.channels;
  setup->kernels = linnet::kernels::find(full.backend);
  return setup->kernels ? LINNET_OK : LINNET_ERR_BACKEND;
}

// One plan for measuring and placing, so that linnet_size and linnet_init cannot disagree.
size_t plan(const Setup &setup, linnet::Engine *engine, Arena *arena) {
  engine->attach(*setup.weights, *setup.kernels, setup.wants);
  engine->place(*arena);
  return arena->used();
}

size_t measure(const Setup &setup) {
  Arena arena;
  arena.take<linnet_stream>(1);
  linnet::Engine engine;
  return plan(setup, &engine, &arena);
}

linnet_stream *build(const Setup &setup, void *memory, void *allocation) {
  Arena arena(memory);
  linnet_stream *stream = new (arena.take<linnet_stream>(1)) linnet_stream();
  plan(setup, &stream->engine, &arena);
  stream->engine.reset();
  stream->any_samples = setup.wants.any_block || setup.wants.spread;
  stream->allocation = allocation;
  stream->magic = linnet_stream::kAlive;
  return stream;
}

// Memory aligned to 64 out of plain malloc; *allocation is what free wants.
void *allocate(size_t bytes, void **allocation) {
  *allocation = malloc(bytes + LINNET_ALIGNMENT - 1);
  const uintptr_t address = reinterpret_cast<uintptr_t>(*allocation);
  if (!address) return nullptr;
  return static_cast<uint8_t *>(*allocation) + (LINNET_ALIGNMENT - address % LINNET_ALIGNMENT) % LINNET_ALIGNMENT;
}

template <class T>
void destroy(T *object) {
  if (!is_live(object)) return;
  void *const allocation = object->allocation;
  object->magic = 0;
  if (allocation) free(allocation);
}

// Whether two arrays of this many samples lie over each other without being the same.
template <class T>
bool overlap(const T *in, const T *out, size_t samples) {
  const uintptr_t a = reinterpret_cast<uintptr_t>(in), b = reinterpret_cast<uintptr_t>(out);
  return a != b && (a < b ? b - a : a - b) < samples * sizeof(T);
}

linnet_status check_samples(const linnet_stream *stream, size_t samples) {
  return stream->any_samples || samples % static_cast<size_t>(stream->engine.rate().frame) == 0 ? LINNET_OK
                                                                                                : LINNET_ERR_SIZE;
}

// Arrays of this many samples each.
template <class T>
linnet_status check_arrays(const T *const in[], const T *const out[], int count, size_t samples) {
  if (!in || !out) return LINNET_ERR_ARGUMENT;
  for (int i = 0; i < count; ++i) {
    if (!in[i] || !out[i]) return LINNET_ERR_ARGUMENT;
  }
  for (int i = 0; i < count; ++i) {
    if (!aligned(in[i], alignof(T)) || !aligned(out[i], alignof(T))) return LINNET_ERR_ALIGNMENT;
  }
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < count; ++j) {
      if (overlap(in[i], out[j], samples)) return LINNET_ERR_ARGUMENT;
      if (i != j && (out[i] == out[j] || overlap(out[i], out[j], samples))) return LINNET_ERR_ARGUMENT;
    }
  }
  return LINNET_OK;
}

// One array for all channels, or one for each.
enum class Arrays { kInterleaved, kPlanar };

template <class Void, class T>
linnet::dsp::Layout<Void> layout_of(T *const arrays[], int channels, Arrays kind) {
  const bool planar = kind == Arrays::kPlanar;
  linnet::dsp::Layout<Void> layout = {};
  layout.stride = planar ? 1 : channels;
  layout.shorts = sizeof(T) == sizeof(int16_t);
  for (int c = 0; c < channels; ++c) layout.first[c] = planar ? arrays[c] : arrays[0] + c;
  return layout;
}

// lost: what in says does not matter.
template <class T>
linnet_status process(linnet_stream *stream, Arrays kind, const T *const in[], T *const out[], size_t samples,
                      bool lost = false) {
  linnet_status status = check_live(stream);
  if (status != LINNET_OK || samples == 0) return status;
  const int channels = stream->engine.channels();
  if (samples > SIZE_MAX / 2 / sizeof(T) / linnet::dsp::kMaxChannels) return LINNET_ERR_ARGUMENT;
  status = kind == Arrays::kPlanar ? check_arrays<T>(in, out, channels, samples)
                                   : check_arrays<T>(in, out, 1, samples * static_cast<size_t>(channels));
  if (status == LINNET_OK) status = check_samples(stream, samples);
  if (status != LINNET_OK) return status;
  using namespace linnet::dsp;  // NOLINT: of what an engine is given
  const FpScope mode;
  stream->engine.process(lost ? Source() : Source(layout_of<const void>(in, channels, kind)),
                         Sink(layout_of<void>(out, channels, kind)), samples);
  return LINNET_OK;
}

template <class T>
linnet_status conceal(linnet_stream *stream, Arrays kind, T *const out[], size_t samples) {
  return process<T>(stream, kind, out, out, samples, true);
}

}  // namespace

linnet_status linnet_model_size(const void *blob, size_t blob_size, size_t *bytes) {
  if (!bytes) return LINNET_ERR_ARGUMENT;
  linnet_status status = check_blob(blob);
  if (status == LINNET_OK) status = blob_status(linnet::model::check_header(blob, blob_size));
  if (status == LINNET_OK) *bytes = measure_model();
  return status;
}

linnet_status linnet_model_init(void *memory, size_t bytes, const void *blob, size_t blob_size, linnet_model **out) {
  if (!memory || !out) return LINNET_ERR_ARGUMENT;
  if (!aligned(memory, LINNET_ALIGNMENT)) return LINNET_ERR_ALIGNMENT;
  linnet::nn::Weights weights;
  const linnet_status status = bind(blob, blob_size, &weights);
  if (status != LINNET_OK) return status;
  if (bytes < measure_model()) return LINNET_ERR_SIZE;
  *out = build_model(weights, memory, nullptr);
  return LINNET_OK;
}

linnet_status linnet_model_create(const void *blob, size_t blob_size, linnet_model **out) {
  if (!out) return LINNET_ERR_ARGUMENT;
  linnet::nn::Weights weights;
  const linnet_status status = bind(blob, blob_size, &weights);
  if (status != LINNET_OK) return status;
  void *allocation;
  void *memory = allocate(measure_model(), &allocation);
  if (!memory) return LINNET_ERR_NO_MEMORY;
  *out = build_model(weights, memory, allocation);
  return LINNET_OK;
}

linnet_status linnet_model_load(const char *path, linnet_model **out) {
  if (!path || !out) return LINNET_ERR_ARGUMENT;
  linnet::model::BlobFile file;
  linnet_status status = blob_status(file.open(path));
  if (status != LINNET_OK) return status;
  void *allocation;
  void *memory = allocate(measure_model() + file.size(), &allocation);
  if (!memory) return LINNET_ERR_NO_MEMORY;
  void *const blob = static_cast<uint8_t *>(memory) + measure_model();
  linnet::nn::Weights weights;
  status = blob_status(file.read(blob));
  if (status == LINNET_OK) status = bind(blob, file.size(), &weights);
  if (status != LINNET_OK) {
    free(allocation);
    return status;
  }
  *out = build_model(weights, memory, allocation);
  return LINNET_OK;
}

linnet_status linnet_model_get_info(const linnet_model *model, linnet_model_info *info) {
  Setup setup;
  const linnet_status status = check_setup(model, nullptr, &setup);
  if (status != LINNET_OK) return status;
  if (!info || info->size < sizeof info->size) return LINNET_ERR_ARGUMENT;
  const size_t size = info->size;
  const linnet::nn::Cost &cost = model->weights.cost();
  fill(info, size, &info->topology, model->weights.name());
  fill(info, size, &info->delay_frames, int32_t{model->weights.lookahead() + 1});
  fill(info, size, &info->frame_size, int32_t{linnet::dsp::kFrame});
  fill(info, size, &info->weights, cost.weights);
  fill(info, size, &info->multiply_adds, cost.multiply_adds);
  fill(info, size, &info->frame_bytes, cost.bytes);
  fill(info, size, &info->stream_bytes, uint64_t{measure(setup)});
  return LINNET_OK;
}

void linnet_model_destroy(linnet_model *model) { destroy(model); }

linnet_status linnet_size(const linnet_model *model, const linnet_config *config, size_t *bytes) {
  if (!bytes) return LINNET_ERR_ARGUMENT;
  Setup setup;
  const linnet_status status = check_setup(model, config, &setup);
  if (status == LINNET_OK) *bytes = measure(setup);
  return status;
}

linnet_status linnet_init(void *memory, size_t bytes, const linnet_model *model, const linnet_config *config,
                          linnet_stream **out) {
  if (!memory || !out) return LINNET_ERR_ARGUMENT;
  if (!aligned(memory, LINNET_ALIGNMENT)) return LINNET_ERR_ALIGNMENT;
  const FpScope mode;
  Setup setup;
  const linnet_status status = check_setup(model, config, &setup);
  if (status != LINNET_OK) return status;
  if (bytes < measure(setup)) return LINNET_ERR_SIZE;
  *out = build(setup, memory, nullptr);
  return LINNET_OK;
}

linnet_status linnet_create(const linnet_model *model, const linnet_config *config, linnet_stream **out) {
  if (!out) return LINNET_ERR_ARGUMENT;
  const FpScope mode;
  Setup setup;
  const linnet_status status = check_setup(model, config, &setup);
  if (status != LINNET_OK) return status;
  void *allocation;
  void *memory = allocate(measure(setup), &allocation);
  if (!memory) return LINNET_ERR_NO_MEMORY;
  *out = build(setup, memory, allocation);
  return LINNET_OK;
}

void linnet_destroy(linnet_stream *stream) { destroy(stream); }

linnet_status linnet_process(linnet_stream *stream, const float *in, float *out, size_t samples) {
  return process(stream, Arrays::kInterleaved, &in, &out, samples);
}

linnet_status linnet_process_i16(linnet_stream *stream, const int16_t *in, int16_t *out, size_t samples) {
  return process(stream, Arrays::kInterleaved, &in, &out, samples);
}

linnet_status linnet_process_planar(linnet_stream *stream, const float *const in[], float *const out[],
                                    size_t samples) {
  return process(stream, Arrays::kPlanar, in, out, samples);
}

linnet_status linnet_conceal(linnet_stream *stream, float *out, size_t samples) {
  return conceal(stream, Arrays::kInterleaved, &out, samples);
}

linnet_status linnet_conceal_i16(linnet_stream *stream, int16_t *out, size_t samples) {
  return conceal(stream, Arrays::kInterleaved, &out, samples);
}

linnet_status linnet_conceal_planar(linnet_stream *stream, float *const out[], size_t samples) {
  return conceal(stream, Arrays::kPlanar, out, samples);
}

linnet_status linnet_gap(linnet_stream *stream, size_t samples) {
  linnet_status status = check_live(stream);
  if (status == LINNET_OK) status = check_samples(stream, samples);
  if (status != LINNET_OK) return status;
  const FpScope mode;
  stream->engine.gap(samples);
  return LINNET_OK;
}

linnet_status linnet_reset(linnet_stream *stream) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  const FpScope mode;
  stream->engine.reset();
  return LINNET_OK;
}

int linnet_sample_rate(const linnet_stream *stream) { return is_live(stream) ? stream->engine.rate().hertz : 0; }

int linnet_channels(const linnet_stream *stream) { return is_live(stream) ? stream->engine.channels() : 0; }

int linnet_frame_size(const linnet_stream *stream) { return is_live(stream) ? stream->engine.rate().frame : 0; }

int linnet_delay(const linnet_stream *stream) { return is_live(stream) ? stream->engine.delay() : 0; }

linnet_status linnet_set_attenuation_limit(linnet_stream *stream, float db) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!in_range(db, linnet::dsp::Limit::kNone)) return LINNET_ERR_ARGUMENT;
  stream->engine.controls().attenuation_limit.store(db, std::memory_order_relaxed);
  return LINNET_OK;
}

linnet_status linnet_set_postfilter(linnet_stream *stream, float amount) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!in_range(amount, 1.0f)) return LINNET_ERR_ARGUMENT;
  stream->engine.controls().postfilter.store(amount, std::memory_order_relaxed);
  return LINNET_OK;
}

linnet_status linnet_get_stats(const linnet_stream *stream, linnet_stats *stats) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!stats || stats->size < sizeof stats->size) return LINNET_ERR_ARGUMENT;
  const linnet::Engine::Stats newest = stream->engine.stats();
  const size_t size = stats->size;
  fill(stats, size, &stats->speech_probability, newest.speech_probability);
  fill(stats, size, &stats->input_snr_db, newest.input_snr_db);
  fill(stats, size, &stats->mean_gain, newest.mean_gain);
  fill(stats, size, &stats->pitch_hz, newest.pitch_hz);
  fill(stats, size, &stats->frame, newest.frame);
  return LINNET_OK;
}

const char *linnet_backend(const linnet_stream *stream) { return is_live(stream) ? stream->engine.kernels().name : ""; }

linnet_status linnet_choose(const linnet_candidate *models, size_t count, double budget, int current, int *chosen) {
  const FpScope mode;
  if (!models || !chosen || count == 0 || count > INT32_MAX) return LINNET_ERR_ARGUMENT;
  if (!(budget > 0.0 && budget <= 1.0)) return LINNET_ERR_ARGUMENT;
  if (current < -1 || current >= static_cast<int>(count)) return LINNET_ERR_ARGUMENT;
  for (size_t i = 0; i < count; ++i) {
    if (!is_finite(models[i].quality) || !is_finite(models[i].microseconds)) return LINNET_ERR_ARGUMENT;
    if (models[i].microseconds < 0.0) return LINNET_ERR_ARGUMENT;
  }
  *chosen = linnet::choose(models, static_cast<int>(count), budget, current);
  return LINNET_OK;
}

const char *linnet_version(void) { return LINNET_VERSION; }

int linnet_abi(void) { return LINNET_ABI; }

const char *linnet_status_text(linnet_status status) {
  int number;  // a C program may hold any in a linnet_status, to C++ only some are values of it
  static_assert(sizeof number == sizeof status);
  memcpy(&number, &status, sizeof number);
  switch (number) {
    case LINNET_OK:
      return "success";
    case LINNET_ERR_ARGUMENT:
      return "a null pointer, NaN or a value outside its range";
    case LINNET_ERR_ALIGNMENT:
      return "memory, model or samples not aligned as required";
    case LINNET_ERR_SIZE:
      return "samples not a whole number of frames, or memory too small";
    case LINNET_ERR_NO_MEMORY:
      return "out of memory";
    case LINNET_ERR_IO:
      return "the model file cannot be opened or read";
    case LINNET_ERR_NOT_A_BLOB:
      return "not a linnet model";
    case LINNET_ERR_VERSION:
      return "a linnet model of a version or topology that this library does not know";
    case LINNET_ERR_CORRUPT:
      return "a linnet model that is cut short, changed or breaks a rule of its format";
    case LINNET_ERR_RATE:
      return "a sample rate other than 8000, 16000, 24000, 32000 and 48000 Hz";
    case LINNET_ERR_STATE:
      return "not a live model or stream: never initialised, zeroed or destroyed";
    case LINNET_ERR_BACKEND:
      return "a backend that is unknown or that this CPU cannot run";
    default:
      return "unknown status";
  }
}
