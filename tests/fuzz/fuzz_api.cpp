// Fuzzes the whole C API: the input is a script of calls, right and wrong, on a few models and streams that come and
// go. Each call is judged beforehand by what linnet.h says: which errors its arguments have, if any. It must return one
// of those, or LINNET_OK if there is none; on an error nothing may be written; output must be finite and within +-4.
#include "replay.h"
#include "script.h"

namespace {

using fuzz::Bytes;
using fuzz::expect;
using fuzz::Script;

constexpr size_t kSlots = 3, kMostSamples = 1100;
constexpr int kCalls = 60;  // of one script, so that none takes for ever

// Errors that a call's arguments have, a bit for each status.
class Errors {
 public:
  void add(bool has, linnet_status status) { bits_ |= has ? 1u << -static_cast<int>(status) : 0; }
  bool any() const { return bits_ != 0; }
  // Which of several errors is told is nobody's promise.
  void judge(linnet_status status, const char *what) const {
    expect(any() ? (bits_ >> -static_cast<int>(status) & 1) != 0 : status == LINNET_OK, what);
  }

 private:
  uint32_t bits_ = 0;
};

// Memory whose start is aligned to 64 and whose end a checker watches.
struct Memory {
  void *start = nullptr;
  size_t size = 0;

  void take(size_t bytes) {
    size = (bytes + 63) / 64 * 64;
    start = aligned_alloc(64, size ? size : 64);
    expect(start != nullptr, "out of memory");
    memset(start, 0xa5, size);
  }
  void drop() {
    free(start);
    *this = Memory();
  }
};

struct ModelSlot {
  linnet_model *model = nullptr;  // live
  Memory memory;                  // of linnet_model_init
};

struct StreamSlot {
  linnet_stream *stream = nullptr;  // live
  Memory memory;                    // of linnet_init; what is left of a dead stream stays until the slot is used again
  size_t of = 0;                    // the slot of its model
  linnet_config config = {};        // with defaults filled in
};

struct World {
  ModelSlot models[kSlots];
  StreamSlot streams[kSlots];
};

template <class Slot>
void drop_memory(Slot *slot) {
  if (slot->memory.start) slot->memory.drop();
}

void destroy_stream(StreamSlot *slot) {
  linnet_destroy(slot->stream);
  slot->stream = nullptr;
  if (slot->memory.start) {  // marked dead, and still there to be asked
    linnet_stream *const dead = static_cast<linnet_stream *>(slot->memory.start);
    expect(linnet_reset(dead) == LINNET_ERR_STATE && linnet_delay(dead) == 0, "a dead stream answers");
    linnet_destroy(dead);
  }
}

void destroy_model(World *world, size_t number, bool before_its_streams) {
  ModelSlot &slot = world->models[number];
  if (!slot.model) return;
  if (before_its_streams) linnet_model_destroy(slot.model);
  for (StreamSlot &stream : world->streams) {
    if (stream.stream && stream.of == number) destroy_stream(&stream);
  }
  if (!before_its_streams) linnet_model_destroy(slot.model);
  slot.model = nullptr;
  drop_memory(&slot);
}

void make_model(Script *script, World *world) {
  const size_t number = script->next<uint8_t>() % kSlots, which = script->next<uint8_t>() % fuzz::kModelCount;
  const uint8_t kind = script->next<uint8_t>();
  destroy_model(world, number, kind & 1);
  ModelSlot &slot = world->models[number];
  linnet_model *made = nullptr;
  if (kind % 8 == 7) {
    const char *const paths[] = {fuzz::kModels[which], "no/such/file", "/dev/null", nullptr};
    const size_t path = kind / 8 % 4;
    const linnet_status wanted[] = {LINNET_OK, LINNET_ERR_IO, LINNET_ERR_NOT_A_BLOB, LINNET_ERR_ARGUMENT};
    expect(linnet_model_load(paths[path], &made) == wanted[path], "load");
  } else {
    const Bytes &bytes = fuzz::blob(which);  // a vector's memory is aligned well enough
    const size_t cut = kind % 8 == 6 ? 1 + script->below(bytes.size()) : 0, skewed = kind & 16 ? 1 : 0;
    const size_t size = bytes.size() - cut;
    const void *const data = kind % 8 == 5 ? nullptr : bytes.data() + skewed;
    Errors errors;
    errors.add(!data, LINNET_ERR_ARGUMENT);
    errors.add(data && skewed, LINNET_ERR_ALIGNMENT);
    errors.add(data && !skewed && cut && size < 8, LINNET_ERR_NOT_A_BLOB);
    errors.add(data && !skewed && cut && size >= 8, LINNET_ERR_CORRUPT);
    size_t needed = 0;
    if (linnet_model_size(data, size, &needed) != LINNET_OK) {
      expect(errors.any() && needed == 0, "size refuses a sound model");
      needed = 64;
    }
    if (kind & 32) {
      const size_t off = kind & 64 ? 8 : 0, given = kind & 128 ? needed - 1 : needed;
      errors.add(off != 0, LINNET_ERR_ALIGNMENT);
      errors.add(given < needed, LINNET_ERR_SIZE);
      slot.memory.take(needed + off);
      errors.judge(linnet_model_init(static_cast<uint8_t *>(slot.memory.start) + off, given, data, size, &made),
                   "model_init");
      if (!made) drop_memory(&slot);
    } else {
      errors.judge(linnet_model_create(data, size, &made), "model_create");
    }
    expect((made == nullptr) == errors.any(), "out was touched");
  }
  slot.model = made;
  if (!made) return;
  // No more than the caller's size is written.
  linnet_model_info info;
  memset(&info, 0x5a, sizeof info);
  info.size = script->next<uint8_t>() % (sizeof info + 1);
  const size_t told = info.size;
  Errors errors;
  errors.add(told < sizeof info.size, LINNET_ERR_ARGUMENT);
  errors.judge(linnet_model_get_info(made, &info), "get_info");
  const uint8_t *const bytes = reinterpret_cast<const uint8_t *>(&info);
  for (size_t i = told < sizeof info.size ? sizeof info.size : told; i < sizeof info; ++i) {
    expect(bytes[i] == 0x5a, "more than asked for was written");
  }
}

// A config, mostly one that is right, and the errors that it has.
linnet_config make_config(Script *script, Errors *errors, linnet_config *full) {
  static const char *const kNames[] = {"scalar", "avx2", "neon", "", "AVX2", "no such backend"};
  const uint8_t wrong = script->next<uint8_t>();
  linnet_config config;
  memset(&config, 0, sizeof config);
  config.size = wrong & 1 ? script->next<uint8_t>() % (sizeof config + 24) : sizeof config;
  config.sample_rate = wrong & 2 ? script->next<int32_t>() : fuzz::kRates[script->next<uint8_t>() % 5];
  config.any_block = wrong & 4 ? script->next<int32_t>() : script->next<uint8_t>() & 1;
  config.spread = wrong & 8 ? script->next<int32_t>() : script->next<uint8_t>() & 1;
  config.channels = wrong & 16 ? script->next<int32_t>() : script->next<uint8_t>() % 9;
  const size_t name = wrong & 32 ? script->next<uint8_t>() % 6 : 6;
  config.backend = name < 6 ? kNames[name] : nullptr;
  *full = linnet_config{sizeof config, 48000, 0, nullptr, 0, 1};
  const auto seen = [&](size_t end) { return config.size >= end; };
  errors->add(config.size < sizeof config.size, LINNET_ERR_ARGUMENT);
  if (seen(offsetof(linnet_config, sample_rate) + sizeof config.sample_rate)) {
    bool known = config.sample_rate == 0;
    for (int32_t rate : fuzz::kRates) known |= config.sample_rate == rate;
    errors->add(!known, LINNET_ERR_RATE);
    if (config.sample_rate) full->sample_rate = config.sample_rate;
  }
  if (seen(offsetof(linnet_config, any_block) + sizeof config.any_block)) {
    errors->add(config.any_block != 0 && config.any_block != 1, LINNET_ERR_ARGUMENT);
    full->any_block = config.any_block;
  }
  if (seen(offsetof(linnet_config, backend) + sizeof config.backend)) {
    errors->add(name >= 3 && name < 6, LINNET_ERR_BACKEND);
    full->backend = config.backend;
  }
  if (seen(offsetof(linnet_config, spread) + sizeof config.spread)) {
    errors->add(config.spread != 0 && config.spread != 1, LINNET_ERR_ARGUMENT);
    full->spread = config.spread;
  }
  if (seen(offsetof(linnet_config, channels) + sizeof config.channels)) {
    errors->add(config.channels < 0 || config.channels > 8, LINNET_ERR_ARGUMENT);
    if (config.channels) full->channels = config.channels;
  }
  return config;
}

void make_stream(Script *script, World *world) {
  StreamSlot &slot = world->streams[script->next<uint8_t>() % kSlots];
  if (slot.stream) destroy_stream(&slot);
  drop_memory(&slot);
  const size_t of = script->next<uint8_t>() % kSlots;
  const uint8_t kind = script->next<uint8_t>();
  const linnet_model *const model = world->models[of].model;
  Errors errors;
  linnet_config full;
  const linnet_config config = make_config(script, &errors, &full);
  errors.add(!model, LINNET_ERR_ARGUMENT);
  size_t needed = 0;
  linnet_stream *made = nullptr;
  linnet_status status = linnet_size(model, &config, &needed);
  // A backend of another machine is as unknown as one of none.
  if (status == LINNET_ERR_BACKEND && full.backend) errors.add(true, LINNET_ERR_BACKEND);
  errors.judge(status, "size");
  expect((needed == 0) == errors.any(), "size was touched");
  if (kind & 1) {
    const size_t off = kind & 2 ? 4 : 0, given = kind & 4 ? needed - (needed ? 1 : 0) : needed;
    errors.add(off != 0, LINNET_ERR_ALIGNMENT);
    errors.add(given < needed, LINNET_ERR_SIZE);
    slot.memory.take(needed + off);
    status = linnet_init(static_cast<uint8_t *>(slot.memory.start) + off, given, model, &config, &made);
    if (errors.any()) drop_memory(&slot);
  } else {
    status = linnet_create(model, &config, &made);
  }
  errors.judge(status, "create");
  expect((made == nullptr) == errors.any(), "out was touched");
  slot.stream = made;
  slot.of = of;
  slot.config = full;
  if (!made) return;
  expect(linnet_sample_rate(made) == full.sample_rate && linnet_channels(made) == full.channels &&
             linnet_frame_size(made) == full.sample_rate / 100 && linnet_delay(made) % linnet_frame_size(made) == 0,
         "a stream tells other than it was made");
}

// Samples of one call, every array an allocation of its own and of its exact size.
template <class T>
struct Arrays {
  std::vector<std::vector<T>> held;
  std::vector<T *> at;

  Arrays(Script *script, size_t count, size_t values) : held(count, std::vector<T>(values)), at(count) {
    uint32_t state = script->next<uint32_t>();
    const bool raw = state & 1;
    for (size_t i = 0; i < count; ++i) {
      for (T &value : held[i]) {
        state = state * 1664525u + 1013904223u;
        const uint32_t bits = state ^ state >> 13;
        if (raw || sizeof(T) == sizeof(int16_t)) {
          memcpy(&value, &bits, sizeof value);
        } else {
          value = static_cast<T>(static_cast<int32_t>(bits)) / static_cast<T>(2147483648.0f);
        }
      }
      at[i] = held[i].data();
    }
  }
};

bool sane(const float *x, size_t count) { return fuzz::all_sane(x, count); }
bool sane(const int16_t *, size_t) { return true; }

// What the six functions that write samples have in common.
template <class T, class Interleaved, class Planar, class Conceal, class ConcealPlanar>
void process(Script *script, const StreamSlot &slot, Interleaved interleaved, Planar planar, Conceal conceal,
             ConcealPlanar conceal_planar) {
  const uint8_t kind = script->next<uint8_t>();
  const bool apart = (kind & 1) && planar, lost = kind & 2, in_place = kind & 4;
  const size_t channels = slot.stream ? static_cast<size_t>(slot.config.channels) : 1;
  const size_t frame = slot.stream ? static_cast<size_t>(slot.config.sample_rate) / 100 : 480;
  const size_t samples = kind & 8 ? script->below(kMostSamples) : script->below(3) * frame;
  const size_t count = apart ? channels : 1, values = apart ? samples : samples * channels;
  Arrays<T> in(script, count, values + 1), out(script, count, values + 1);
  std::vector<T *> to = in_place ? in.at : out.at;
  std::vector<T *> from = in.at;
  Errors errors;
  errors.add(!slot.stream, LINNET_ERR_ARGUMENT);
  if (samples > 0) {
    errors.add(slot.stream && !slot.config.any_block && !slot.config.spread && samples % frame, LINNET_ERR_SIZE);
    if ((kind & 0x70) == 0x10) {
      to[script->below(count)] = nullptr;
      errors.add(true, LINNET_ERR_ARGUMENT);
    } else if ((kind & 0x70) == 0x20) {  // skewed by a byte
      T *&skewed = to[count - 1];
      skewed = reinterpret_cast<T *>(reinterpret_cast<uint8_t *>(skewed) + 1);
      errors.add(true, LINNET_ERR_ALIGNMENT);
      errors.add(in_place, LINNET_ERR_ARGUMENT);  // it lies over the input
    } else if ((kind & 0x70) == 0x30 && values > 1 && !lost) {
      to[0] = from[0] + 1;
      errors.add(true, LINNET_ERR_ARGUMENT);
    } else if ((kind & 0x70) == 0x40 && apart && count > 1) {
      to[1] = to[0];
      errors.add(true, LINNET_ERR_ARGUMENT);
    }
  }
  const std::vector<std::vector<T>> before_in = in.held, before_out = out.held;
  linnet_status status;
  if (apart) {
    status = lost ? conceal_planar(slot.stream, to.data(), samples)
                  : planar(slot.stream, const_cast<const T *const *>(from.data()), to.data(), samples);
  } else {
    status = lost ? conceal(slot.stream, to[0], samples) : interleaved(slot.stream, from[0], to[0], samples);
  }
  errors.judge(status, "process");
  if (status != LINNET_OK) {
    for (size_t i = 0; i < count; ++i) {
      expect(memcmp(in.held[i].data(), before_in[i].data(), (values + 1) * sizeof(T)) == 0 &&
                 memcmp(out.held[i].data(), before_out[i].data(), (values + 1) * sizeof(T)) == 0,
             "an error has written");
    }
    return;
  }
  for (size_t i = 0; i < count && values; ++i) expect(sane(to[i], values), "output out of range");
}

// 16-bit samples are always interleaved.
linnet_status (*const kNoPlanar)(linnet_stream *, const int16_t *const[], int16_t *const[], size_t) = nullptr;
linnet_status (*const kNoConceal)(linnet_stream *, int16_t *const[], size_t) = nullptr;

void ask(Script *script, const StreamSlot &slot) {
  linnet_stats stats;
  memset(&stats, 0x5a, sizeof stats);
  stats.size = script->next<uint8_t>() % (sizeof stats + 1);
  const size_t told = stats.size;
  Errors errors;
  errors.add(!slot.stream || told < sizeof stats.size, LINNET_ERR_ARGUMENT);
  errors.judge(linnet_get_stats(slot.stream, &stats), "get_stats");
  const uint8_t *const bytes = reinterpret_cast<const uint8_t *>(&stats);
  for (size_t i = errors.any() || told < sizeof told ? sizeof told : told; i < sizeof stats; ++i) {
    expect(bytes[i] == 0x5a, "more than asked for was written");
  }
  if (!errors.any() && told == sizeof stats) expect(fuzz::stats_sane(stats), "statistics out of range");
  if (!slot.stream) {
    expect(linnet_delay(slot.stream) == 0 && linnet_channels(slot.stream) == 0, "no stream has a delay");
    expect(strcmp(linnet_backend(slot.stream), "") == 0, "no stream has a backend");
  }
  expect(linnet_status_text(static_cast<linnet_status>(-script->next<uint8_t>())) != nullptr, "a status without words");
}

void choose(Script *script) {
  linnet_candidate models[4];
  const size_t count = script->next<uint8_t>() % 5;
  for (linnet_candidate &model : models) {
    model.quality = script->next<double>();
    model.microseconds = script->next<double>();
  }
  const double budget = script->next<double>();
  const int current = script->next<int8_t>();
  int chosen = 77;
  bool bad = count == 0 || !(budget > 0 && budget <= 1) || current < -1 || current >= static_cast<int>(count);
  for (size_t i = 0; i < count; ++i) {
    const double quality = models[i].quality, microseconds = models[i].microseconds;
    bad |= quality - quality != 0 || microseconds - microseconds != 0 || microseconds < 0;
  }
  Errors errors;
  errors.add(bad, LINNET_ERR_ARGUMENT);
  errors.judge(linnet_choose(models, count, budget, current, &chosen), "choose");
  expect(bad ? chosen == 77 : chosen >= -1 && chosen < static_cast<int>(count), "chose none of them");
}

void call(Script *script, World *world) {
  const uint8_t what = script->next<uint8_t>();
  StreamSlot &slot = world->streams[what / 16 % kSlots];
  Errors errors;
  errors.add(!slot.stream, LINNET_ERR_ARGUMENT);
  switch (what % 16) {
    case 0:
      return make_model(script, world);
    case 1:
      return destroy_model(world, script->next<uint8_t>() % kSlots, what & 128);
    case 2:
    case 3:
      return make_stream(script, world);
    case 4:
      if (slot.stream) destroy_stream(&slot);
      return;
    case 5: {
      const uint64_t samples = script->next<uint64_t>() >> (what & 128 ? 0 : 50);
      const uint64_t frame = slot.stream ? static_cast<uint64_t>(slot.config.sample_rate) / 100 : 1;
      errors.add(slot.stream && !slot.config.any_block && !slot.config.spread && samples % frame, LINNET_ERR_SIZE);
      return errors.judge(linnet_gap(slot.stream, static_cast<size_t>(samples)), "gap");
    }
    case 6:
      return errors.judge(linnet_reset(slot.stream), "reset");
    case 7: {
      const float db = script->next<float>();
      errors.add(!(db >= 0 && db <= 100), LINNET_ERR_ARGUMENT);
      return errors.judge(linnet_set_attenuation_limit(slot.stream, db), "attenuation limit");
    }
    case 8: {
      const float amount = script->next<float>();
      errors.add(!(amount >= 0 && amount <= 1), LINNET_ERR_ARGUMENT);
      return errors.judge(linnet_set_postfilter(slot.stream, amount), "post-filter");
    }
    case 9:
      return ask(script, slot);
    case 10:
      return choose(script);
    case 11:
    case 12:
      return process<int16_t>(script, slot, linnet_process_i16, kNoPlanar, linnet_conceal_i16, kNoConceal);
    default:
      return process<float>(script, slot, linnet_process, linnet_process_planar, linnet_conceal, linnet_conceal_planar);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Script script(data, size);
  World world;
  // A model and a stream to begin with, else most scripts would have neither.
  expect(linnet_model_create(fuzz::blob(0).data(), fuzz::blob(0).size(), &world.models[0].model) == LINNET_OK, "model");
  expect(linnet_create(world.models[0].model, nullptr, &world.streams[0].stream) == LINNET_OK, "stream");
  world.streams[0].config = linnet_config{sizeof(linnet_config), 48000, 0, nullptr, 0, 1};
  for (int calls = 0; script.left() > 0 && calls < kCalls; ++calls) call(&script, &world);
  for (size_t i = 0; i < kSlots; ++i) destroy_model(&world, i, i % 2);
  for (StreamSlot &slot : world.streams) drop_memory(&slot);
  return 0;
}
