// Lets a fuzz target run without a fuzzer: main runs LLVMFuzzerTestOneInput on the files given, and with --mutate N on
// N variants of each, made by random bit flips, byte changes, cuts, insertions and copies within the file. The same
// numbers on every machine. Left out when a fuzzer brings its own main (LINNET_FUZZER defined).
//
//     fuzz_x [--mutate N] [--seed S] FILE ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef LINNET_FUZZER

namespace replay {

struct Random {
  uint64_t state;
  uint32_t bits() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 32);
  }
  size_t below(size_t n) { return n ? bits() % n : 0; }
};

inline void mutate(std::vector<uint8_t> *bytes, Random *random) {
  static const uint32_t kWords[] = {0,           1,           0xffffffffu, 0x7fffffffu, 0x80000000u,
                                    0x7f800000u, 0x7fc00000u, 64,          0x10000u};
  for (size_t rounds = 1 + random->below(4); rounds > 0 && !bytes->empty(); --rounds) {
    const size_t at = random->below(bytes->size());
    const size_t length = 1 + random->below(16);
    switch (random->below(7)) {
      case 0:
      case 1:
        (*bytes)[at] ^= static_cast<uint8_t>(1u << random->below(8));
        break;
      case 2:
        (*bytes)[at] = static_cast<uint8_t>(random->bits());
        break;
      case 3:  // a number that often matters, where a field could be
        if (at / 4 * 4 + 4 <= bytes->size()) memcpy(bytes->data() + at / 4 * 4, &kWords[random->below(9)], 4);
        break;
      case 4:
        bytes->resize(at);
        break;
      case 5: {
        const std::vector<uint8_t> inserted(length, static_cast<uint8_t>(random->bits()));
        bytes->insert(bytes->begin() + static_cast<ptrdiff_t>(at), inserted.begin(), inserted.end());
        break;
      }
      default: {
        const size_t from = random->below(bytes->size());
        for (size_t i = 0; i < length && at + i < bytes->size() && from + i < bytes->size(); ++i) {
          (*bytes)[at + i] = (*bytes)[from + i];
        }
      }
    }
  }
}

inline void run(const std::vector<uint8_t> &bytes) {
  // A block of exactly this size, so that a checker sees a read beyond it.
  uint8_t *copy = static_cast<uint8_t *>(malloc(bytes.empty() ? 1 : bytes.size()));
  if (!copy) abort();
  if (!bytes.empty()) memcpy(copy, bytes.data(), bytes.size());
  LLVMFuzzerTestOneInput(copy, bytes.size());
  free(copy);
}

}  // namespace replay

int main(int argc, char **argv) {
  unsigned long mutations = 0, runs = 0;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc) {
      mutations = strtoul(argv[++i], nullptr, 10);
      continue;
    }
    if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = strtoul(argv[++i], nullptr, 10);
      continue;
    }
    std::vector<uint8_t> bytes;
    FILE *file = fopen(argv[i], "rb");
    if (!file) {
      fprintf(stderr, "cannot read %s\n", argv[i]);
      return 2;
    }
    uint8_t chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) bytes.insert(bytes.end(), chunk, chunk + n);
    fclose(file);
    replay::run(bytes);
    ++runs;
    replay::Random random{seed};
    for (unsigned long n = 0; n < mutations; ++n, ++runs) {
      std::vector<uint8_t> variant = bytes;
      replay::mutate(&variant, &random);
      replay::run(variant);
    }
  }
  printf("%lu inputs, no finding\n", runs);
  return runs > 0 ? 0 : 2;
}

#endif
