// The C functions of linnet.h: check every argument, then call the engine. The only file that allocates and reads
// files, and where the caller's floating-point mode is put aside; the frame path behind it runs blind.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/fp_env.h"
#include "engine.h"
#include "linnet.h"

#ifndef LINNET_VERSION
#define LINNET_VERSION "0.0.0"  // the build passes the project's
#endif

struct alignas(LINNET_ALIGNMENT) linnet {
  static constexpr uint32_t kAlive = 0x6c6e6e74;

  volatile uint32_t magic;  // volatile: the mark of a destroyed instance must really be written
  bool any_block;
  void *allocation;        // of the instance itself, if the library made it
  void *model_allocation;  // of the model, if the library read it
  linnet_core::Engine engine;
};

namespace {

using linnet_core::base::Arena;
using linnet_core::base::FpScope;
using linnet_core::dsp::kFrame;

static_assert(LINNET_ALIGNMENT == Arena::kAlignment && LINNET_BLOB_ALIGNMENT >= alignof(uint64_t));

bool aligned(const void *pointer, size_t alignment) { return reinterpret_cast<uintptr_t>(pointer) % alignment == 0; }

// 0 <= x <= high, false for NaN; by bits, so that no floating-point mode of the caller matters. -0 is 0.
bool in_range(float x, float high) {
  const uint32_t bits = linnet_core::base::float_bits(x);
  return bits <= linnet_core::base::float_bits(high) || bits == 0x80000000u;
}

linnet_status check_live(const linnet *stream) {
  if (!stream) return LINNET_ERR_ARGUMENT;
  if (!aligned(stream, LINNET_ALIGNMENT) || stream->magic != linnet::kAlive) return LINNET_ERR_STATE;
  return LINNET_OK;
}

bool is_live(const linnet *stream) { return check_live(stream) == LINNET_OK; }

// What a stream is built from, checked.
struct Setup {
  const linnet_core::kernels::Kernels *kernels = nullptr;
  bool any_block = false;
  linnet_core::model::BlobView blob;
};

// Copies the fields that lie whole within the caller's size; the others keep their defaults.
linnet_status read_config(const linnet_config *config, Setup *setup) {
  linnet_config full = {sizeof(linnet_config), 0, 0, nullptr};
  if (config) {
    const size_t size = config->size;
    if (size < sizeof config->size) return LINNET_ERR_ARGUMENT;
    if (size >= offsetof(linnet_config, sample_rate) + sizeof full.sample_rate) full.sample_rate = config->sample_rate;
    if (size >= offsetof(linnet_config, any_block) + sizeof full.any_block) full.any_block = config->any_block;
    if (size >= offsetof(linnet_config, backend) + sizeof full.backend) full.backend = config->backend;
  }
  if (full.sample_rate != 0 && full.sample_rate != linnet_core::dsp::kSampleRate) return LINNET_ERR_RATE;
  if (full.any_block != 0 && full.any_block != 1) return LINNET_ERR_ARGUMENT;
  setup->any_block = full.any_block == 1;
  setup->kernels = linnet_core::kernels::find(full.backend);
  return setup->kernels ? LINNET_OK : LINNET_ERR_BACKEND;
}

linnet_status blob_status(linnet_core::model::BlobError error) {
  switch (error) {
    case linnet_core::model::BlobError::kNone:
      return LINNET_OK;
    case linnet_core::model::BlobError::kNotABlob:
      return LINNET_ERR_NOT_A_BLOB;
    case linnet_core::model::BlobError::kVersion:
      return LINNET_ERR_VERSION;
    case linnet_core::model::BlobError::kCorrupt:
      return LINNET_ERR_CORRUPT;
  }
  return LINNET_ERR_CORRUPT;
}

linnet_status read_blob(const void *blob, size_t blob_size, Setup *setup) {
  if (!blob) return LINNET_ERR_ARGUMENT;
  if (!aligned(blob, LINNET_BLOB_ALIGNMENT)) return LINNET_ERR_ALIGNMENT;
  const linnet_status status = blob_status(linnet_core::model::parse_blob(blob, blob_size, &setup->blob));
  if (status != LINNET_OK) return status;
  linnet_core::nn::Network network;
  return network.bind(setup->blob) ? LINNET_OK : LINNET_ERR_CORRUPT;
}

// One plan for measuring and placing, so that linnet_size and linnet_init cannot disagree. The setup has been checked.
size_t plan(const Setup &setup, linnet_core::Engine *engine, Arena *arena) {
  engine->bind(setup.blob, *setup.kernels, setup.any_block);
  engine->place(*arena);
  return arena->used();
}

size_t measure(const Setup &setup) {
  Arena arena;
  arena.take<linnet>(1);
  linnet_core::Engine engine;
  return plan(setup, &engine, &arena);
}

linnet *build(const Setup &setup, void *memory) {
  Arena arena(memory);
  linnet *stream = new (arena.take<linnet>(1)) linnet();
  plan(setup, &stream->engine, &arena);
  stream->engine.reset();
  stream->any_block = setup.any_block;
  stream->magic = linnet::kAlive;
  return stream;
}

// Memory aligned to 64 out of plain malloc; *allocation is what free wants.
void *allocate(size_t bytes, void **allocation) {
  *allocation = malloc(bytes + LINNET_ALIGNMENT - 1);
  const uintptr_t address = reinterpret_cast<uintptr_t>(*allocation);
  if (!address) return nullptr;
  return static_cast<uint8_t *>(*allocation) + (LINNET_ALIGNMENT - address % LINNET_ALIGNMENT) % LINNET_ALIGNMENT;
}

linnet_status create(const Setup &setup, linnet **out) {
  void *allocation;
  void *memory = allocate(measure(setup), &allocation);
  if (!memory) return LINNET_ERR_NO_MEMORY;
  *out = build(setup, memory);
  (*out)->allocation = allocation;
  return LINNET_OK;
}

// Reads a model of at most kMaxBlobSize bytes. The header says how long it is: nothing has to be sought, and a file
// that is no model, or a very large one, costs 64 bytes.
linnet_status read_model(FILE *file, void **allocation, void **blob, size_t *size) {
  using linnet_core::model::Header;
  alignas(Header) uint8_t head[sizeof(Header)];
  const size_t head_size = fread(head, 1, sizeof head, file);
  if (ferror(file)) return LINNET_ERR_IO;
  linnet_core::model::BlobView view;
  const linnet_status status = blob_status(linnet_core::model::parse_blob(head, head_size, &view));
  if (status != LINNET_ERR_CORRUPT) return status;  // no magic or another version; whole it cannot be yet
  Header header;
  memcpy(&header, head, sizeof header);
  if (head_size < sizeof head || header.file_size <= sizeof head ||
      header.file_size > linnet_core::model::kMaxBlobSize) {
    return LINNET_ERR_CORRUPT;
  }
  *size = static_cast<size_t>(header.file_size);
  *blob = allocate(*size, allocation);
  if (!*blob) return LINNET_ERR_NO_MEMORY;
  memcpy(*blob, head, sizeof head);
  const size_t rest = *size - sizeof head;
  const bool whole = fread(static_cast<uint8_t *>(*blob) + sizeof head, 1, rest, file) == rest;
  const bool tail = whole && fgetc(file) != EOF;
  if (ferror(file)) return LINNET_ERR_IO;
  return whole && !tail ? LINNET_OK : LINNET_ERR_CORRUPT;
}

// Whether two arrays of this many samples lie over each other without being the same.
template <class T>
bool overlap(const T *in, const T *out, size_t samples) {
  const uintptr_t a = reinterpret_cast<uintptr_t>(in), b = reinterpret_cast<uintptr_t>(out);
  return a != b && (a < b ? b - a : a - b) < samples * sizeof(T);
}

template <class T>
linnet_status check_process(const linnet *stream, const T *in, const T *out, size_t samples) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (samples == 0) return LINNET_OK;
  if (!in || !out || samples > SIZE_MAX / 2 / sizeof(T)) return LINNET_ERR_ARGUMENT;
  if (!aligned(in, alignof(T)) || !aligned(out, alignof(T))) return LINNET_ERR_ALIGNMENT;
  if (overlap(in, out, samples)) return LINNET_ERR_ARGUMENT;
  return stream->any_block || samples % kFrame == 0 ? LINNET_OK : LINNET_ERR_SIZE;
}

// x * 32768 to the nearest integer, ties to even, saturated.
int16_t to_i16(float x) {
  float scaled = x * 32768.0f;
  if (scaled > 32767.0f) scaled = 32767.0f;
  if (scaled < -32768.0f) scaled = -32768.0f;
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: floats of this size are whole numbers
  return static_cast<int16_t>((scaled + kRounder) - kRounder);
}

}  // namespace

linnet_status linnet_size(const void *blob, size_t blob_size, const linnet_config *config, size_t *bytes) {
  if (!bytes) return LINNET_ERR_ARGUMENT;
  const FpScope mode;
  Setup setup;
  linnet_status status = read_config(config, &setup);
  if (status == LINNET_OK) status = read_blob(blob, blob_size, &setup);
  if (status == LINNET_OK) *bytes = measure(setup);
  return status;
}

linnet_status linnet_init(void *memory, size_t bytes, const void *blob, size_t blob_size, const linnet_config *config,
                          linnet **out) {
  if (!memory || !out) return LINNET_ERR_ARGUMENT;
  if (!aligned(memory, LINNET_ALIGNMENT)) return LINNET_ERR_ALIGNMENT;
  const FpScope mode;
  Setup setup;
  linnet_status status = read_config(config, &setup);
  if (status == LINNET_OK) status = read_blob(blob, blob_size, &setup);
  if (status != LINNET_OK) return status;
  if (bytes < measure(setup)) return LINNET_ERR_SIZE;
  *out = build(setup, memory);
  return LINNET_OK;
}

linnet_status linnet_create(const void *blob, size_t blob_size, const linnet_config *config, linnet **out) {
  if (!out) return LINNET_ERR_ARGUMENT;
  const FpScope mode;
  Setup setup;
  linnet_status status = read_config(config, &setup);
  if (status == LINNET_OK) status = read_blob(blob, blob_size, &setup);
  return status == LINNET_OK ? create(setup, out) : status;
}

linnet_status linnet_create_from_file(const char *path, const linnet_config *config, linnet **out) {
  if (!path || !out) return LINNET_ERR_ARGUMENT;
  const FpScope mode;
  Setup setup;
  linnet_status status = read_config(config, &setup);
  if (status != LINNET_OK) return status;
  FILE *file = fopen(path, "rb");
  if (!file) return errno == ENOMEM ? LINNET_ERR_NO_MEMORY : LINNET_ERR_IO;
  void *allocation = nullptr, *blob = nullptr;
  size_t size = 0;
  status = read_model(file, &allocation, &blob, &size);
  (void)fclose(file);  // only read from
  linnet *stream = nullptr;
  if (status == LINNET_OK) status = read_blob(blob, size, &setup);
  if (status == LINNET_OK) status = create(setup, &stream);
  if (status != LINNET_OK) {
    free(allocation);
    return status;
  }
  stream->model_allocation = allocation;
  *out = stream;
  return LINNET_OK;
}

void linnet_destroy(linnet *stream) {
  if (!is_live(stream)) return;
  void *const allocation = stream->allocation, *const model_allocation = stream->model_allocation;
  stream->magic = 0;
  if (model_allocation) free(model_allocation);
  if (allocation) free(allocation);  // the stream itself
}

linnet_status linnet_process(linnet *stream, const float *in, float *out, size_t samples) {
  const linnet_status status = check_process(stream, in, out, samples);
  if (status != LINNET_OK) return status;
  const FpScope mode;
  stream->engine.process(in, out, samples);
  return LINNET_OK;
}

linnet_status linnet_process_i16(linnet *stream, const int16_t *in, int16_t *out, size_t samples) {
  const linnet_status status = check_process(stream, in, out, samples);
  if (status != LINNET_OK) return status;
  const FpScope mode;
  constexpr size_t kBlock = 2 * kFrame;  // as many as go through the network together
  float block[kBlock];
  while (samples > 0) {
    const size_t count = samples < kBlock ? samples : kBlock;
    for (size_t i = 0; i < count; ++i) block[i] = static_cast<float>(in[i]) * (1.0f / 32768.0f);
    stream->engine.process(block, block, count);
    for (size_t i = 0; i < count; ++i) out[i] = to_i16(block[i]);
    in += count;
    out += count;
    samples -= count;
  }
  return LINNET_OK;
}

linnet_status linnet_reset(linnet *stream) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  const FpScope mode;
  stream->engine.reset();
  return LINNET_OK;
}

int linnet_sample_rate(const linnet *stream) { return is_live(stream) ? linnet_core::dsp::kSampleRate : 0; }

int linnet_frame_size(const linnet *stream) { return is_live(stream) ? kFrame : 0; }

int linnet_delay(const linnet *stream) { return is_live(stream) ? stream->engine.delay() : 0; }

linnet_status linnet_set_attenuation_limit(linnet *stream, float db) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!in_range(db, linnet_core::Engine::kNoLimit)) return LINNET_ERR_ARGUMENT;
  stream->engine.controls().attenuation_limit.store(db, std::memory_order_relaxed);
  return LINNET_OK;
}

linnet_status linnet_set_postfilter(linnet *stream, float amount) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!in_range(amount, 1.0f)) return LINNET_ERR_ARGUMENT;
  stream->engine.controls().postfilter.store(amount, std::memory_order_relaxed);
  return LINNET_OK;
}

linnet_status linnet_get_stats(const linnet *stream, linnet_stats *stats) {
  const linnet_status status = check_live(stream);
  if (status != LINNET_OK) return status;
  if (!stats || stats->size < sizeof stats->size) return LINNET_ERR_ARGUMENT;
  const linnet_core::Engine::Stats &newest = stream->engine.stats();
  const size_t size = stats->size;
  const auto fill = [size, stats](float *field, const std::atomic<float> &value) {
    const size_t end =
        static_cast<size_t>(reinterpret_cast<uint8_t *>(field) - reinterpret_cast<uint8_t *>(stats)) + sizeof *field;
    if (end <= size) *field = value.load(std::memory_order_relaxed);
  };
  fill(&stats->speech_probability, newest.speech_probability);
  fill(&stats->input_snr_db, newest.input_snr_db);
  fill(&stats->mean_gain, newest.mean_gain);
  fill(&stats->pitch_hz, newest.pitch_hz);
  return LINNET_OK;
}

const char *linnet_backend(const linnet *stream) { return is_live(stream) ? stream->engine.kernels().name : ""; }

const char *linnet_version(void) { return LINNET_VERSION; }

int linnet_abi(void) { return LINNET_ABI; }

const char *linnet_status_text(linnet_status status) {
  switch (status) {
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
      return "a linnet model of another version than this library's";
    case LINNET_ERR_CORRUPT:
      return "a linnet model that is cut short, changed or breaks a rule of its format";
    case LINNET_ERR_RATE:
      return "a sample rate other than 48000 Hz";
    case LINNET_ERR_STATE:
      return "not a live stream: never initialised, zeroed or destroyed";
    case LINNET_ERR_BACKEND:
      return "a backend that is unknown or that this CPU cannot run";
  }
  return "unknown status";
}
