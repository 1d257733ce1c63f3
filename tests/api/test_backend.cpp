// The backend: a forced name is the one that runs, an unknown one is an error, the default is the fastest available,
// and all of them give the same bits. What runs is not taken from the name: the test makes the read-only kernel tables
// writable, puts counting functions into each, and sees which one a stream calls; also that two frames at hand share
// the network's weights and one frame does not. With a second argument, the name of the default that this CPU must
// have.
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"
#include "kernels/kernels.h"

namespace {

using linnet::kernels::Kernels;
using GemvS8 = decltype(Kernels::gemv_s8);
using Gemv2S8 = decltype(Kernels::gemv2_s8);

constexpr size_t kLength = 40 * FRAME;
constexpr size_t kMaxTables = 8;

model blob;
float input[kLength], expected[kLength], output[kLength];

GemvS8 original[kMaxTables];
Gemv2S8 original2[kMaxTables];
unsigned long calls[kMaxTables], calls2[kMaxTables];

template <size_t table>
void counting_gemv(int32_t *out, const int8_t *weights, const int8_t *x, int rows, int cols) {
  ++calls[table];
  original[table](out, weights, x, rows, cols);
}

template <size_t table>
void counting_gemv2(int32_t *out, const int8_t *weights, const int8_t *x0, const int8_t *x1, int rows, int cols) {
  ++calls2[table];
  original2[table](out, weights, x0, x1, rows, cols);
}

constexpr GemvS8 kCounting[kMaxTables] = {counting_gemv<0>, counting_gemv<1>, counting_gemv<2>, counting_gemv<3>,
                                          counting_gemv<4>, counting_gemv<5>, counting_gemv<6>, counting_gemv<7>};
constexpr Gemv2S8 kCounting2[kMaxTables] = {counting_gemv2<0>, counting_gemv2<1>, counting_gemv2<2>, counting_gemv2<3>,
                                            counting_gemv2<4>, counting_gemv2<5>, counting_gemv2<6>, counting_gemv2<7>};

void count_calls(size_t index, const Kernels *table) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t address = reinterpret_cast<uintptr_t>(table);
  const uintptr_t start = address / page * page;
  const int writable =
      mprotect(reinterpret_cast<void *>(start), address + sizeof(Kernels) - start, PROT_READ | PROT_WRITE);
  CHECK(writable == 0);
  if (writable != 0) return;
  Kernels *changed = const_cast<Kernels *>(table);
  original[index] = table->gemv_s8;
  original2[index] = table->gemv2_s8;
  changed->gemv_s8 = kCounting[index];
  changed->gemv2_s8 = kCounting2[index];
}

linnet_status create(const char *backend, linnet_stream **out) {
  linnet_config config = make_config(0);
  config.backend = backend;
  return linnet_create(blob.handle, &config, out);
}

void unknown_names_are_refused() {
  const char *const names[] = {"", " ", "scalar ", "Scalar", "AVX2", "avx512", "none", "auto", "neon2", "scala"};
  linnet_stream *const untouched = reinterpret_cast<linnet_stream *>(uintptr_t{64});
  for (const char *name : names) {
    linnet_stream *stream = untouched;
    linnet_config config = make_config(0);
    size_t bytes = 7;
    config.backend = name;
    CHECK_CASE(create(name, &stream) == LINNET_ERR_BACKEND, name);
    CHECK_CASE(stream == untouched, name);
    CHECK_CASE(linnet_size(blob.handle, &config, &bytes) == LINNET_ERR_BACKEND && bytes == 7, name);
  }
}

// Names that exist somewhere, but whose kernels this build or CPU lacks.
void backends_of_other_cpus_are_refused() {
  const char *const names[] = {"scalar", "avx2", "avx_vnni", "avx512_vnni", "neon", "neon_dot", "neon_i8mm"};
  for (const char *name : names) {
    linnet_stream *stream = nullptr;
    const bool here = linnet::kernels::find(name) != nullptr;
    CHECK_CASE(create(name, &stream) == (here ? LINNET_OK : LINNET_ERR_BACKEND), name);
    CHECK_CASE((stream != nullptr) == here, name);
    linnet_destroy(stream);
  }
}

// Runs a stream of this backend and checks that only the table of that index was called.
void run(const char *backend, size_t index, size_t tables, float *out) {
  linnet_stream *stream = nullptr;
  const char *note = backend ? backend : "default";
  CHECK_CASE(create(backend, &stream) == LINNET_OK, note);
  if (!stream) return;
  memset(calls, 0, sizeof calls);
  memset(calls2, 0, sizeof calls2);
  CHECK(linnet_set_postfilter(stream, 0.5f) == LINNET_OK);
  CHECK(linnet_process(stream, input, out, kLength) == LINNET_OK);
  for (size_t i = 0; i < tables; ++i) {
    CHECK_CASE((calls[i] > 0) == (i == index), note);
    CHECK_CASE((calls2[i] > 0) == (i == index), note);
  }
  linnet_destroy(stream);
}

// Calls of the two-frame product for a stream of the default backend that is fed blocks of this many samples.
unsigned long pairs_in(int any_block, size_t block, bool i16) {
  static int16_t samples[kLength];
  linnet_stream *stream = make_stream(blob, any_block);
  memset(calls2, 0, sizeof calls2);
  for (size_t done = 0, count; done < kLength; done += count) {
    count = kLength - done < block ? kLength - done : block;
    const linnet_status status = i16 ? linnet_process_i16(stream, samples + done, samples + done, count)
                                     : linnet_process(stream, input + done, output + done, count);
    CHECK(status == LINNET_OK);
  }
  linnet_destroy(stream);
  return calls2[0];
}

// The layers that two frames share: 2 convolutions, 5 GRU inputs, 3 heads.
void two_frames_at_hand_share_the_weights() {
  constexpr unsigned long kShared = 10, kPairs = kLength / FRAME / 2;
  CHECK(pairs_in(0, FRAME, false) == 0);
  CHECK(pairs_in(0, 2 * FRAME, false) == kShared * kPairs);
  CHECK(pairs_in(0, 2 * FRAME, true) == kShared * kPairs);
  CHECK(pairs_in(0, 3 * FRAME, false) == kShared * (kPairs * 2 / 3));
  CHECK(pairs_in(1, FRAME - 1, false) == 0);
  CHECK(pairs_in(1, kLength, false) == kShared * kPairs);
  CHECK(pairs_in(1, kLength, true) == kShared * kPairs);
  // 700 samples complete two frames when 260 or more are waiting.
  CHECK(pairs_in(1, 700, false) > 0);
}

void forced_backends_run_and_agree() {
  const auto tables = linnet::kernels::available();
  CHECK(tables.size >= 1 && tables.size <= kMaxTables);
  if (tables.size > kMaxTables) return;
  for (size_t i = 0; i < tables.size; ++i) count_calls(i, tables[i]);
  CHECK(strcmp(tables[tables.size - 1]->name, "scalar") == 0);
  run("scalar", tables.size - 1, tables.size, expected);
  for (size_t i = 0; i < tables.size; ++i) {
    linnet_stream *stream = nullptr;
    CHECK(create(tables[i]->name, &stream) == LINNET_OK);
    CHECK_CASE(stream && strcmp(linnet_backend(stream), tables[i]->name) == 0, tables[i]->name);
    linnet_destroy(stream);
    memset(output, 0, sizeof output);
    run(tables[i]->name, i, tables.size, output);
    CHECK_CASE(same_bits(output, expected, kLength), tables[i]->name);
  }
  run(nullptr, 0, tables.size, output);
  CHECK(same_bits(output, expected, kLength));
  two_frames_at_hand_share_the_weights();
}

void default_is(const char *wanted) {
  linnet_stream *stream = make_stream(blob, 0);
  printf("default backend: %s\n", linnet_backend(stream));
  if (wanted) CHECK_CASE(strcmp(linnet_backend(stream), wanted) == 0, wanted);
  linnet_destroy(stream);
}

}  // namespace

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  make_signal(input, kLength, 91);
  default_is(argc > 2 ? argv[2] : nullptr);
  unknown_names_are_refused();
  backends_of_other_cpus_are_refused();
  forced_backends_run_and_agree();
  free_model(blob);
  return check_summary();
}
