// What a frame costs, through the public API. `count` runs under the counting plugin; the other words time this
// machine, on one core, and print JSON: seconds per call are CPU or wall-clock seconds as said. The model comes on
// standard input, so that the command line, and with it every address, is the same on every machine.
//
//     bench_process backends
//     bench_process count BACKEND FRAMES_PER_RECIPE WARM_UP FRAMES_PER_CALL [RECIPE] < MODEL
//     bench_process calls BACKEND SPREAD CHANNELS SAMPLES CALLS RECIPE WARM_UP < MODEL
//     bench_process callbacks BACKEND SPREAD SAMPLES ROUNDS CORE < MODEL
//     bench_process native BACKEND SECONDS_PER_ITEM CORE < MODEL
//     bench_process gru BACKEND CORE
//     bench_process bandwidth CORE
//
// count: every input recipe of the vectors, or the one named, from a fresh state: WARM_UP calls, then windows of one
// call until FRAMES_PER_RECIPE frames are done. Prints names of the recipes, one line per window, and the bytes of
// stack that all of it has used.
// calls, callbacks: calls of SAMPLES samples, of a stream that spreads its frames (SPREAD 1) or takes any block (0):
// counted under the plugin, a window each, after WARM_UP frames of the recipe over and over, or timed. Several channels
// share the recipe's samples out among them, which makes another signal of it and no other work. Times repeat
// with the place of a call in its frames: the median of each place over ROUNDS.
#include <sched.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/kernels.h"
#include "linnet.h"
#include "nn/layers.h"
#include "selftest/bench.h"
#include "selftest/recipes.h"
#include "stages.h"

namespace {

constexpr size_t kFrame = 480, kModelRoom = size_t{32} << 20, kStreamRoom = size_t{4} << 20;

}  // namespace

// Static, so that their addresses are the same in every run; the plugin finds the model's by its symbol.
extern "C" {
alignas(4096) uint8_t linnet_bench_model[kModelRoom];
}

namespace {

alignas(4096) uint8_t stream_memory[kStreamRoom];
alignas(4096) float input[recipes::kLength];
alignas(4096) float output[recipes::kLength];
size_t model_size;

[[noreturn]] void stop(const char *what, const char *why) {
  fprintf(stderr, "bench_process: %s: %s\n", what, why);
  exit(2);
}

// A number of the command line that is not below the least.
int number(const char *text, int least) {
  char *end = nullptr;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < least || value > 1000000) stop(text, "no number that can be meant here");
  return static_cast<int>(value);
}

void read_model() {
  model_size = fread(linnet_bench_model, 1, kModelRoom, stdin);
  if (model_size == 0 || model_size == kModelRoom) stop("model", "standard input is empty or too long");
}

linnet_config config_of(const char *backend) { return {sizeof(linnet_config), 48000, 0, backend, 0, 1}; }

linnet_config config_of_calls(const char *backend, bool spread, int channels) {
  return {sizeof(linnet_config), 48000, 1, backend, spread ? 1 : 0, channels};
}

void check(linnet_status status, const char *what) {
  if (status != LINNET_OK) stop(what, linnet_status_text(status));
}

// The model of the program, made once.
const linnet_model *the_model() {
  static const linnet_model *const made = [] {
    linnet_model *model = nullptr;
    check(linnet_model_create(linnet_bench_model, model_size, &model), "linnet_model_create");
    return model;
  }();
  return made;
}

size_t stream_size(const char *backend) {
  const linnet_config config = config_of(backend);
  size_t bytes = 0;
  check(linnet_size(the_model(), &config, &bytes), "linnet_size");
  return bytes;
}

linnet_stream *init_stream(const linnet_config &config, void *memory, size_t room) {
  linnet_stream *stream = nullptr;
  check(linnet_init(memory, room, the_model(), &config, &stream), "linnet_init");
  return stream;
}

// One window.
LINNET_MARKS void measured_call(linnet_stream *stream, const float *in, float *out, size_t samples) {
  stages::begin();
  linnet_process(stream, in, out, samples);
  stages::end();
}

// ---- counting

struct CountOptions {
  const char *backend, *recipe;
  int frames, warm_up, per_call;
};

void count_all(const CountOptions &options) {
  linnet_stream *stream = init_stream(config_of(options.backend), stream_memory, kStreamRoom);
  const size_t samples = kFrame * static_cast<size_t>(options.per_call);
  const int calls = options.warm_up + (options.frames + options.per_call - 1) / options.per_call;
  if (static_cast<size_t>(calls) > recipes::kLength / samples)
    stop("count", "more frames than a recipe's second holds");
  for (const recipes::Recipe &recipe : recipes::kRecipes) {
    if (options.recipe && strcmp(recipe.name, options.recipe) != 0) continue;
    recipe.make(input);
    linnet_reset(stream);
    size_t at = 0;
    for (int i = 0; i < options.warm_up; ++i, at += samples) linnet_process(stream, input + at, output + at, samples);
    for (int done = 0; done < options.frames; done += options.per_call, at += samples) {
      measured_call(stream, input + at, output + at, samples);
      puts(recipe.name);
    }
  }
}

// As many calls as their places in frames repeat after.
size_t places_of(size_t samples) {
  size_t period = kFrame;
  while (period % samples != 0) period += kFrame;
  return period / samples;
}

// Frames of the input, over and over.
void warm_up(linnet_stream *stream, size_t frames) {
  const size_t samples = kFrame * static_cast<size_t>(linnet_channels(stream));
  for (size_t i = 0; i < frames; ++i) {
    linnet_process(stream, input + i * samples % (recipes::kLength - samples + kFrame), output, kFrame);
  }
}

// Where the input of a call begins, one after the other and over again.
const float *input_of(size_t call, size_t samples) {
  if (samples >= recipes::kLength) stop("samples", "more in a call than the recipe's second holds");
  return input + call * samples % (recipes::kLength - samples);
}

struct CallOptions {
  const char *backend;
  bool spread;
  int channels;
  size_t samples, calls;
  const char *recipe;
  size_t warm_up;
};

void count_calls(const CallOptions &options) {
  linnet_stream *stream =
      init_stream(config_of_calls(options.backend, options.spread, options.channels), stream_memory, kStreamRoom);
  for (const recipes::Recipe &recipe : recipes::kRecipes) {
    if (strcmp(recipe.name, options.recipe) == 0) recipe.make(input);
  }
  warm_up(stream, options.warm_up);
  const size_t step = options.samples * static_cast<size_t>(options.channels);
  for (size_t i = 0; i < options.calls; ++i) {
    measured_call(stream, input_of(i, step), output, options.samples);
  }
}

// On a stack of our own. The system's begins where arguments and environment end, and copies take other paths at other
// alignments; and here it can be seen how much was used.
alignas(4096) uint8_t stack_memory[size_t{256} << 10];
CountOptions count_options;

void count(const CountOptions &options) {
  constexpr uint8_t kUntouched = 0xa5;
  memset(stack_memory, kUntouched, sizeof stack_memory);
  count_options = options;
  ucontext_t own, back;
  getcontext(&own);
  own.uc_stack.ss_sp = stack_memory;
  own.uc_stack.ss_size = sizeof stack_memory;
  own.uc_link = &back;
  makecontext(&own, [] { count_all(count_options); }, 0);
  if (swapcontext(&back, &own) != 0) stop("stack", "cannot change to another one");
  size_t unused = 0;
  while (stack_memory[unused] == kUntouched) ++unused;
  printf("stack %zu\n", sizeof stack_memory - unused);
}

// ---- timing

double cpu_now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void pin(const char *text) {
  const int core = number(text, -1);  // -1: any
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) stop("core", "cannot run on the one that was asked for");
}

void print_times(const char *name, std::vector<double> times, int frames, const char *after) {
  std::sort(times.begin(), times.end());
  const auto at = [&times, frames](size_t per_mille) {
    return times[selftest::place_of(per_mille, times.size())] / frames * 1e6;
  };
  printf(
      "\"%s\": {\"calls\": %zu, \"best\": %.3f, \"median\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"worst\": %.3f}%s\n",
      name, times.size(), at(0), at(500), at(990), at(999), at(1000), after);
}

void time_calls(const char *backend, bool spread, size_t samples, int rounds) {
  linnet_stream *stream = init_stream(config_of_calls(backend, spread, 1), stream_memory, kStreamRoom);
  recipes::speech_in_noise(input);
  warm_up(stream, 30);
  std::vector<std::vector<double>> times(places_of(samples));
  for (int round = 0; round < rounds; ++round) {
    for (size_t place = 0; place < times.size(); ++place) {
      const float *in = input_of(place, samples);
      const double from = cpu_now();
      linnet_process(stream, in, output, samples);
      times[place].push_back(cpu_now() - from);
    }
  }
  double sum = 0, worst = 0;
  for (std::vector<double> &place : times) {
    std::nth_element(place.begin(), place.begin() + rounds / 2, place.end());
    sum += place[static_cast<size_t>(rounds / 2)];
    worst = std::max(worst, place[static_cast<size_t>(rounds / 2)]);
  }
  printf("{\"mean\": %.3f, \"worst\": %.3f}\n", 1e6 * sum / static_cast<double>(times.size()), 1e6 * worst);
}

// Something that puts the caches into another state before each call.
using Before = void (*)(linnet_stream *stream, size_t stream_bytes);

std::vector<uint64_t> other_data;

// Another program's work: 64 MB read and written.
void stream_64_mb(linnet_stream *, size_t) {
  if (other_data.empty()) other_data.assign((size_t{64} << 20) / sizeof(uint64_t), 1);
  for (uint64_t &value : other_data) value += 3;
}

// Out of every cache, by instruction where there is one for it.
void flush_lines(linnet_stream *stream, size_t stream_bytes) {
#if defined(__x86_64__)
  for (size_t i = 0; i < model_size; i += 64) _mm_clflush(linnet_bench_model + i);
  for (size_t i = 0; i < stream_bytes; i += 64) _mm_clflush(reinterpret_cast<uint8_t *>(stream) + i);
  _mm_mfence();
#else
  stream_64_mb(stream, stream_bytes);
#endif
}

// Calls back to back for that many seconds (or at least 20 calls), each timed by itself. CPU seconds: what other
// programs take away is not counted.
std::vector<double> time_calls(linnet_stream *stream, size_t bytes, int per_call, double seconds, Before before) {
  const size_t samples = kFrame * static_cast<size_t>(per_call);
  std::vector<double> times;
  size_t at = 0;
  for (const double stop_at = stages::now() + seconds; stages::now() < stop_at || times.size() < 20;) {
    if (at + samples > recipes::kLength) at = 0;
    if (before) before(stream, bytes);
    const double from = cpu_now();
    linnet_process(stream, input + at, output + at, samples);
    times.push_back(cpu_now() - from);
    at += samples;
  }
  return times;
}

struct Clock {
  std::vector<double> wall, cpu;
};

// As an audio client calls: work(at) whenever the samples of a call are there, sleep in between. CPU seconds of the
// thread from one wake-up to the next, the cost of sleeping included.
template <class Work>
Clock time_paced(int per_call, double seconds, Work work) {
  const size_t samples = kFrame * static_cast<size_t>(per_call);
  Clock clock;
  timespec wake;
  clock_gettime(CLOCK_MONOTONIC, &wake);
  size_t at = 0;
  double cpu_before = cpu_now();
  const int calls = std::max(1, static_cast<int>(seconds * 100 / per_call));
  for (int i = 0; i < calls; ++i) {
    wake.tv_nsec += 10000000L * per_call;
    if (wake.tv_nsec >= 1000000000L) {
      wake.tv_nsec -= 1000000000L;
      ++wake.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
    if (at + samples > recipes::kLength) at = 0;
    const double wall = stages::now();
    work(at);
    clock.wall.push_back(stages::now() - wall);
    const double cpu = cpu_now();
    clock.cpu.push_back(cpu - cpu_before);
    cpu_before = cpu;
    at += samples;
  }
  return clock;
}

// Loads a block and adds it up, in registers of 16 bytes where there are some for it.
void read_block(const void *block, size_t bytes) {
  uint64_t sums[8] = {};
#if defined(__x86_64__)
  __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
  const __m128i *p = static_cast<const __m128i *>(block);
  for (size_t i = 0; i + 4 <= bytes / 16; i += 4) {
    a = _mm_add_epi64(a, _mm_loadu_si128(p + i));
    b = _mm_add_epi64(b, _mm_loadu_si128(p + i + 1));
    c = _mm_add_epi64(c, _mm_loadu_si128(p + i + 2));
    d = _mm_add_epi64(d, _mm_loadu_si128(p + i + 3));
  }
  _mm_storeu_si128(reinterpret_cast<__m128i *>(sums), _mm_add_epi64(_mm_add_epi64(a, b), _mm_add_epi64(c, d)));
#else
  const uint64_t *data = static_cast<const uint64_t *>(block);
  for (size_t i = 0; i + 8 <= bytes / sizeof(uint64_t); i += 8) {
    for (size_t k = 0; k < 8; ++k) sums[k] += data[i + k];
  }
#endif
  asm volatile("" : : "r"(sums) : "memory");
}

void time_stages(linnet_stream *stream, double seconds) {
  std::vector<double> times[stages::kCount];
  size_t at = 0;
  for (const double stop_at = stages::now() + seconds; stages::now() < stop_at || times[0].size() < 20;) {
    if (at + kFrame > recipes::kLength) at = 0;
    stages::set_timing(true);
    measured_call(stream, input + at, output + at, kFrame);
    for (int s = 0; s < stages::kCount; ++s) times[s].push_back(stages::seconds()[s]);
    at += kFrame;
  }
  stages::set_timing(false);
  const auto is_empty = [&](int s) { return *std::max_element(times[s].begin(), times[s].end()) <= 0; };
  const bool no_pitch = is_empty(stages::kPitch) && is_empty(stages::kComb);  // as some models have it
  printf("\"stages\": {\n");
  for (int s = 0; s < stages::kCount; ++s) {
    if (is_empty(s) && !(no_pitch && (s == stages::kPitch || s == stages::kComb))) {
      stop(stages::kNames[s], "this stage is never entered: has its signature changed? See stages.cpp");
    }
    print_times(stages::kNames[s], times[s], 1, s + 1 < stages::kCount ? "," : "},");
  }
}

// Streams that share the model, one frame each in turn: CPU seconds per frame and stream.
void time_streams(const char *backend, double seconds) {
  const size_t bytes = stream_size(backend);
  constexpr int kMost = 64;
  std::vector<uint8_t> memory(kMost * bytes + 64);
  uint8_t *base = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
  std::vector<linnet_stream *> streams;
  printf("\"streams\": {\n");
  for (int count = 1; count <= kMost; count *= 2) {
    while (streams.size() < static_cast<size_t>(count)) {
      streams.push_back(init_stream(config_of(backend), base + streams.size() * bytes, bytes));
    }
    std::vector<double> times;
    size_t at = 0;
    for (const double stop_at = stages::now() + seconds; stages::now() < stop_at || times.size() < 5;) {
      if (at + kFrame > recipes::kLength) at = 0;
      const double from = cpu_now();
      for (linnet_stream *stream : streams) linnet_process(stream, input + at, output, kFrame);
      times.push_back((cpu_now() - from) / count);
      at += kFrame;
    }
    print_times(std::to_string(count).c_str(), times, 1, count < kMost ? "," : "},");
  }
}

void time_create(const char *backend) {
  const linnet_config config = config_of(backend);
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    linnet_stream *stream = nullptr;
    const double from = cpu_now();
    check(linnet_create(the_model(), &config, &stream), "linnet_create");
    times.push_back(cpu_now() - from);
    linnet_destroy(stream);
  }
  print_times("create", times, 1, ",");
}

// Cycles per second right now: a chain of dependent multiplications, three cycles each on every current x86.
double clock_rate() {
#if defined(__x86_64__)
  double best = 1;
  for (int i = 0; i < 20; ++i) {
    uint64_t x = 3;
    const double from = stages::now();
    for (int k = 0; k < 100000; ++k) asm volatile("imul %0, %0\n\timul %0, %0" : "+r"(x));
    best = std::min(best, stages::now() - from);
  }
  return 600000 / best;
#else
  return 0;
#endif
}

// One GRU layer of 512 units on 512 inputs by itself, its weights in the caches: what other libraries' kernels are
// compared with.
void time_gru(const char *backend) {
  using linnet::nn::GruScratch;
  using linnet::nn::Linear;
  constexpr int kUnits = 512, kGates = 3 * kUnits;
  const linnet::kernels::Kernels *kernels = linnet::kernels::find(backend);
  if (!kernels) stop(backend, "no such backend here");
  const std::vector<float> scale(kGates, 1e-5f), bias(kGates, 0.1f);
  std::vector<int8_t> bytes(size_t{2} * kGates * kUnits + 2 * kUnits);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<int8_t>(static_cast<int>(i * 37 % 255) - 127);
  const int8_t *weights = bytes.data(), *more = weights + kGates * kUnits;
  int8_t *x = bytes.data() + size_t{2} * kGates * kUnits, *state = x + kUnits;
  std::vector<float> h(kUnits);
  std::vector<int32_t> sums(size_t{2} * kGates);
  const GruScratch scratch = {sums.data(), sums.data() + kGates};
  const Linear input = {weights, nullptr, nullptr, scale.data(), bias.data(), kGates, kUnits};
  const Linear recurrent = {more, nullptr, nullptr, scale.data(), bias.data(), kGates, kUnits};
  std::vector<double> times;
  for (int i = 0; i < 5000; ++i) {
    const double from = cpu_now();
    linnet::nn::gru_inputs(*kernels, input, {x, 0}, 1, scratch);
    linnet::nn::gru_steps(*kernels, input, recurrent, 1, h.data(), state, {state, 0}, scratch);
    times.push_back(cpu_now() - from);
  }
  printf("{");
  print_times("gru", times, 1, "}");
}

void native(const char *backend, double seconds) {
  recipes::speech_in_noise(input);
  const size_t bytes = stream_size(backend);
  linnet_stream *stream = init_stream(config_of(backend), stream_memory, kStreamRoom);
  printf("{\"backend\": \"%s\", \"model_bytes\": %zu, \"stream_bytes\": %zu, \"clock_hz\": %.0f,\n", backend,
         model_size, bytes, clock_rate());
  for (int per_call = 1; per_call <= 2; ++per_call) {
    const std::string suffix = "_" + std::to_string(per_call);
    const auto print = [&](const char *name, const std::vector<double> &times) {
      print_times((name + suffix).c_str(), times, per_call, ",");
    };
    time_calls(stream, bytes, per_call, 0.1, nullptr);  // warms up
    print("hot", time_calls(stream, bytes, per_call, seconds, nullptr));
    const Clock paced = time_paced(per_call, 2 * seconds, [&](size_t at) {
      linnet_process(stream, input + at, output + at, kFrame * static_cast<size_t>(per_call));
    });
    print("paced", paced.wall);
    print("paced_cpu", paced.cpu);
    print("paced_read", time_paced(per_call, seconds, [](size_t) { read_block(linnet_bench_model, model_size); }).cpu);
    print("cold", time_calls(stream, bytes, per_call, seconds, stream_64_mb));
    print("flushed", time_calls(stream, bytes, per_call, seconds, flush_lines));
  }
  time_calls(stream, bytes, 1, 0.1, nullptr);
  time_stages(stream, seconds);
  time_streams(backend, seconds / 4);
  time_create(backend);
  printf("\"clock_hz_after\": %.0f}\n", clock_rate());
}

// Bytes per second of one core reading a block again and again, the best of several passes.
double read_rate(size_t bytes, double seconds) {
  std::vector<uint64_t> data(bytes / sizeof(uint64_t), 1);
  double best = 1e9;
  for (const double stop_at = stages::now() + seconds; stages::now() < stop_at;) {
    const double from = stages::now();
    read_block(data.data(), bytes);
    best = std::min(best, stages::now() - from);
  }
  return static_cast<double>(bytes) / best;
}

void bandwidth() {
  printf("{");
  for (size_t kilobytes = 16; kilobytes <= size_t{256} << 10; kilobytes *= 2) {
    printf("\"%zu\": %.4g, ", kilobytes << 10, read_rate(kilobytes << 10, kilobytes > 65536 ? 0.4 : 0.1));
  }
  printf("\"clock_hz\": %.0f}\n", clock_rate());
}

}  // namespace

int main(int argc, char **argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word == "backends" && argc == 2) {
    for (const auto *table : linnet::kernels::available()) puts(table->name);
  } else if (word == "count" && (argc == 6 || argc == 7)) {
    read_model();
    printf("size %zu\n", stream_size(argv[2]));
    count({argv[2], argc == 7 ? argv[6] : nullptr, number(argv[3], 1), number(argv[4], 0), number(argv[5], 1)});
  } else if (word == "calls" && argc == 9) {
    read_model();
    count_calls({argv[2], number(argv[3], 0) != 0, number(argv[4], 1), static_cast<size_t>(number(argv[5], 1)),
                 static_cast<size_t>(number(argv[6], 1)), argv[7], static_cast<size_t>(number(argv[8], 0))});
  } else if (word == "callbacks" && argc == 7) {
    pin(argv[6]);
    read_model();
    time_calls(argv[2], number(argv[3], 0) != 0, static_cast<size_t>(number(argv[4], 1)), number(argv[5], 1));
  } else if (word == "native" && argc == 5) {
    pin(argv[4]);
    read_model();
    native(argv[2], atof(argv[3]));
  } else if (word == "gru" && argc == 4) {
    pin(argv[3]);
    time_gru(argv[2]);
  } else if (word == "bandwidth" && argc == 3) {
    pin(argv[2]);
    bandwidth();
  } else {
    stop("usage",
         "backends | count BACKEND FRAMES WARM_UP PER_CALL [RECIPE] | calls BACKEND SPREAD CHANNELS SAMPLES "
         "CALLS RECIPE WARM_UP | "
         "callbacks BACKEND SPREAD SAMPLES ROUNDS CORE | native BACKEND SECONDS CORE | "
         "gru BACKEND CORE | bandwidth CORE");
  }
  return 0;
}
