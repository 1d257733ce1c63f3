// Times the calls of entries.h on the model's sizes: best of many runs in nanoseconds and the ratio to scalar, the
// multiply-accumulates per second of the largest matrix, and beside it a loop that only streams the same weights
// through the multiplier (x86), the bound that gemv_s8 can be measured against; gemm_s8 has sizes and bounds of its own
// (peak.h). With a model its whole network is timed in the same way: one frame, and two frames in one call. Read only
// native numbers.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/arena.h"
#include "entries.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/network.h"
#include "peak.h"
#include "timing.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace checkkernels {

#if defined(__x86_64__)
// One VPMADDUBSW, VPMADDWD and VPADDD per 32 bytes, four sums, no signs, no broadcasts.
__attribute__((target("avx2"), always_inline)) inline __m256i stream_step(__m256i sum, const int8_t *weights) {
  __m256i weight = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(weights));
  __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), weight);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

__attribute__((target("avx2"))) inline int stream_maddubs(const int8_t *weights, size_t bytes) {
  __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    s0 = stream_step(s0, weights + i);
    s1 = stream_step(s1, weights + i + 32);
    s2 = stream_step(s2, weights + i + 64);
    s3 = stream_step(s3, weights + i + 96);
  }
  __m256i sum = _mm256_add_epi32(_mm256_add_epi32(s0, s1), _mm256_add_epi32(s2, s3));
  return _mm256_extract_epi32(sum, 0) + _mm256_extract_epi32(sum, 5);
}
#endif

// Memory aligned as streams and models need it, freed with the process.
inline void *aligned_memory(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

// One row of times of the network: what is timed and what it took in each round.
struct Timed {
  static constexpr int kRounds = 101;

  const Kernels *table;  // nullptr: the bare loop
  int frames;
  double ns[kRounds];

  // Per frame.
  double median() {
    qsort(ns, kRounds, sizeof ns[0], [](const void *a, const void *b) {
      double x = *static_cast<const double *>(a), y = *static_cast<const double *>(b);
      return x < y ? -1 : static_cast<int>(x > y);
    });
    return ns[kRounds / 2] / frames;
  }
};

// The network of a model. The variants take turns, so that a busy machine treats them alike, and each finds the caches
// as the one before has left them: full of other weights. Exit status 2 if the file is no model.
inline int bench_network(const char *path, const char *backend) {
  using namespace linnet;
  FILE *file = fopen(path, "rb");
  size_t size = 0;
  if (file != nullptr && fseek(file, 0, SEEK_END) == 0) size = static_cast<size_t>(ftell(file));
  uint8_t *data = static_cast<uint8_t *>(aligned_memory(size));
  if (file != nullptr) rewind(file);
  model::BlobView blob;
  nn::Weights weights;
  if (file == nullptr || fread(data, 1, size, file) != size ||
      model::parse_blob(data, size, &blob) != model::BlobError::kNone ||
      weights.bind(blob) != model::BlobError::kNone) {
    fprintf(stderr, "checkkernels: %s cannot be read or is not a model of this version\n", path);
    return 2;
  }
  fclose(file);
  nn::Network network;
  network.attach(weights);
  base::Arena measuring;
  network.place(measuring);
  base::Arena arena(aligned_memory(measuring.used()));
  network.place(arena);
  network.reset();

  Random random(1);
  float features[2][nn::kFeatures], fine[nn::kFineInputs];
  for (float (&frame)[nn::kFeatures] : features) {
    for (float &feature : frame) feature = random.unit();
  }
  for (float &input : fine) input = random.unit();
  const nn::NetworkInput inputs[2] = {{features[0], fine}, {features[1], fine}};
  nn::NetworkOutput outputs[2];
  static Timed rows[17];
  int count = 0;
  for (const Kernels *table : kernels::available()) {
    bool wanted = backend == nullptr || table == &kernels::scalar_kernels || strcmp(backend, table->name) == 0;
    for (int frames = 1; wanted && frames <= 2; ++frames) rows[count++] = {table, frames, {}};
  }
#if defined(__x86_64__)
  volatile int keep = 0;
  if (__builtin_cpu_supports("avx2")) rows[count++] = {nullptr, 1, {}};
#endif
  for (int round = 0; round < Timed::kRounds; ++round) {
    for (Timed *at = rows; at < rows + count; ++at) {
      Timed &row = *at;
      double start = now_ns();
      if (row.table != nullptr) {
        network.process(*row.table, inputs, row.frames, outputs);
      } else {
#if defined(__x86_64__)
        for (const model::Record &record : blob.records) {
          const model::Kind kind = static_cast<model::Kind>(record.kind);
          if (kind != model::Kind::kInt8Blocks && kind != model::Kind::kInt8SparseBlocks) continue;
          keep = keep + stream_maddubs(blob.payload<int8_t>(record), static_cast<size_t>(record.size));
        }
#endif
      }
      row.ns[round] = now_ns() - start;
    }
  }
  double scalar_ns = 1, bare_ns = 0;  // 0: no bare loop here
  for (Timed *at = rows; at < rows + count; ++at) {
    Timed &row = *at;
    if (row.table == &kernels::scalar_kernels && row.frames == 1) scalar_ns = row.median();
    if (row.table == nullptr) bare_ns = row.median();
  }
  printf("%-10s %-6s  %-9s %12s %9s %9s   (median of %d)\n", "network", "frames", "table", "ns per frame", "x scalar",
         "x bare", Timed::kRounds);
  for (Timed *at = rows; at < rows + count; ++at) {
    Timed &row = *at;
    double ns = row.median();
    printf("%-10s %6d  %-9s %12.0f %9.2f %9.2f\n", row.table == nullptr ? "bare loop" : "network", row.frames,
           row.table == nullptr ? "maddubs" : row.table->name, ns, scalar_ns / ns, bare_ns > 0 ? ns / bare_ns : 0);
  }
  return 0;
}

inline Sizes bench_sizes(const char *entry) {
  if (strstr(entry, "gemv") != nullptr) return {1536, 512};
  if (strcmp(entry, "dequantize") == 0) return {1536, 0};
  if (strcmp(entry, "sigmoid") == 0) return {1024, 0};
  if (strcmp(entry, "correlate") == 0) return {480, 64};
  if (strcmp(entry, "dot") == 0) return {480, 0};
  if (strcmp(entry, "gru_update") == 0) return {512, 0, 1};
  if (strcmp(entry, "activate") == 0) return {512, 1, 1};
  return {512, 0};
}

// All tables, or the one named beside scalar; always exit status 0.
inline int bench_tables(const char *backend) {
  constexpr size_t kBytes = size_t(1) << 20;
  void *inputs[kMaxInputs];
  for (void *&input : inputs) input = aligned_alloc(64, kBytes);
  void *out = aligned_alloc(64, kBytes);
  printf("%-14s %6s %5s  %-9s %12s %9s\n", "entry", "n", "m", "table", "ns", "x scalar");
  for (const Entry &entry : kEntries) {
    if (strcmp(entry.name, "gemm_s8") == 0) {
      for (const Kernels *table : linnet::kernels::available()) {
        bool wanted = backend == nullptr || strcmp(backend, table->name) == 0;
        if (wanted) bench_gemm(*table, entry, out, inputs);
      }
      continue;
    }
    Sizes sizes = bench_sizes(entry.name);
    Random random(1);
    entry.fill(random, kUniform, sizes, inputs);
    memcpy(out, inputs[0], 4 * static_cast<size_t>(sizes.n));
    auto time_table = [&](const Kernels &table) { return best_ns([&] { entry.call(table, out, inputs, sizes); }); };
    double scalar_ns = time_table(linnet::kernels::scalar_kernels);
    for (const Kernels *table : linnet::kernels::available()) {
      bool is_scalar = table == &linnet::kernels::scalar_kernels;
      if (backend != nullptr && !is_scalar && strcmp(backend, table->name) != 0) continue;
      double ns = is_scalar ? scalar_ns : time_table(*table);
      printf("%-14s %6d %5d  %-9s %12.1f %9.2f", entry.name, sizes.n, sizes.m, table->name, ns, scalar_ns / ns);
      if (strcmp(entry.name, "gemv_s8") == 0) printf("  %.1f GMAC/s", static_cast<double>(count_nm(sizes)) / ns);
      printf("\n");
      fflush(stdout);
    }
#if defined(__x86_64__)
    if (strcmp(entry.name, "gemv_s8") == 0 && __builtin_cpu_supports("avx2")) {
      volatile int keep = 0;
      const int8_t *weights = static_cast<const int8_t *>(inputs[0]);
      double ns = best_ns([&] { keep = keep + stream_maddubs(weights, count_nm(sizes)); });
      printf("%-14s %6d %5d  %-9s %12.1f %9.2f  %.1f GMAC/s\n", "bare loop", sizes.n, sizes.m, "maddubs", ns,
             scalar_ns / ns, static_cast<double>(count_nm(sizes)) / ns);
    }
#endif
  }
  for (void *input : inputs) free(input);
  free(out);
  return 0;
}

}  // namespace checkkernels
