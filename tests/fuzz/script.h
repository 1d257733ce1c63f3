// What the fuzz targets share: the input read as a script, judgement, and the models that they work on, whose paths are
// relative to the root of the project, where they are to be run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "linnet.h"

namespace fuzz {

using Bytes = std::vector<uint8_t>;

constexpr int32_t kRates[] = {8000, 16000, 24000, 32000, 48000};
constexpr const char *kModels[] = {"sdk/models/tiny.linnet", "tests/data/hybrid.linnet", "tests/data/tokens.linnet"};
constexpr size_t kModelCount = sizeof kModels / sizeof kModels[0];

inline void expect(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz: %s\n", what);
  abort();
}

// Zeros when it has run out.
class Script {
 public:
  Script(const uint8_t *data, size_t size) : data_(data), left_(size) {}

  size_t left() const { return left_; }

  template <class T>
  T next() {
    T value{};
    const size_t n = left_ < sizeof value ? left_ : sizeof value;
    if (n) memcpy(&value, data_, n);
    data_ += n;
    left_ -= n;
    return value;
  }

  // 0 .. n - 1
  size_t below(size_t n) { return next<uint16_t>() % n; }

 private:
  const uint8_t *data_;
  size_t left_;
};

inline const Bytes &blob(size_t number) {
  static const std::vector<Bytes> all = [] {
    std::vector<Bytes> read;
    for (const char *path : kModels) {
      FILE *file = fopen(path, "rb");
      expect(file != nullptr, "no model: run in the root of the project");
      Bytes bytes;
      uint8_t chunk[4096];
      for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) bytes.insert(bytes.end(), chunk, chunk + n);
      fclose(file);
      read.push_back(bytes);
    }
    return read;
  }();
  return all[number];
}

// One of kModels, made once and never destroyed.
inline const linnet_model *sound_model(size_t number) {
  static linnet_model *all[kModelCount];
  if (!all[number]) {
    const Bytes &bytes = blob(number);
    expect(linnet_model_create(bytes.data(), bytes.size(), &all[number]) == LINNET_OK, "a sound model is refused");
  }
  return all[number];
}

// The bits of what the library takes for x: no NaN, no infinity, within +-4.
inline float cleaned(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) return 0;
  return magnitude > 0x40800000u ? (bits >> 31 ? -4.0f : 4.0f) : x;
}

// Finite and within +-4.
inline bool all_sane(const float *x, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!(x[i] >= -4.0f && x[i] <= 4.0f)) return false;
  }
  return true;
}

inline bool stats_sane(const linnet_stats &stats) {
  return stats.speech_probability >= 0 && stats.speech_probability <= 1 && stats.mean_gain >= 0 &&
         stats.mean_gain <= 1 && stats.input_snr_db >= -30 && stats.input_snr_db <= 60 &&
         (stats.pitch_hz == 0 || (stats.pitch_hz >= 62.5f && stats.pitch_hz <= 800));
}

}  // namespace fuzz
