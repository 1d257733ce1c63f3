// Differential over the kernel tables: the input is a script of valid calls on one stream for each backend that runs
// here, of one model, rate, number of channels and way of cutting. Whatever comes, raw bits, noise, a tone that dies
// away into denormals or silence: outputs and statistics of all must have the same bits.
#include "replay.h"
#include "script.h"

namespace {

using fuzz::expect;
using fuzz::Script;

constexpr const char *kBackends[] = {"scalar", "avx2",     "avx_vnni",  "avx512_vnni",
                                     "neon",   "neon_dot", "neon_i8mm", "wasm128"};
constexpr size_t kMost = sizeof kBackends / sizeof kBackends[0], kChannels = 8, kMaxBlock = 1000;
constexpr int kCalls = 12;  // of one script, so that none takes for ever

struct Crowd {
  linnet_stream *streams[kMost];
  size_t count, channels;
};

Crowd make(Script *script) {
  const linnet_model *const model = fuzz::sound_model(script->next<uint8_t>() % fuzz::kModelCount);
  const uint8_t kind = script->next<uint8_t>();
  Crowd crowd = {};
  crowd.channels = 1 + kind % kChannels;
  linnet_config config = {sizeof config, fuzz::kRates[script->next<uint8_t>() % 5], 1, nullptr, 0, 0};
  config.spread = kind >> 3 & 1;
  config.channels = static_cast<int32_t>(crowd.channels);
  for (const char *name : kBackends) {
    config.backend = name;
    linnet_stream *stream = nullptr;
    const linnet_status status = linnet_create(model, &config, &stream);
    expect(status == LINNET_OK || status == LINNET_ERR_BACKEND, "create failed");
    if (status != LINNET_OK) continue;
    expect(strcmp(linnet_backend(stream), name) == 0, "another backend than the one asked for");
    crowd.streams[crowd.count++] = stream;
  }
  return crowd;
}

void fill(Script *script, float *x, size_t count) {
  const uint8_t kind = script->next<uint8_t>();
  uint32_t state = script->next<uint32_t>();
  float level = 1.0f;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const float noise = static_cast<float>(static_cast<int32_t>(state)) * (1.0f / 2147483648.0f);
    switch (kind % 5) {
      case 0:
        x[i] = 0;
        break;
      case 1:
        x[i] = noise * static_cast<float>(kind) * (1.0f / 256.0f);
        break;
      case 2:  // halves every few samples, down to nothing
        level *= 0.9f;
        x[i] = (i / 7 % 2 ? level : -level) + noise * level * 0.1f;
        break;
      case 3: {  // any bits
        const uint32_t bits = state ^ state >> 13;
        memcpy(x + i, &bits, sizeof bits);
        break;
      }
      default:
        x[i] = script->next<float>();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static float in[kChannels * kMaxBlock], first[kChannels * kMaxBlock], out[kChannels * kMaxBlock];
  Script script(data, size);
  const Crowd crowd = make(&script);
  for (int call = 0; script.left() > 0 && call < kCalls; ++call) {
    const uint8_t what = script.next<uint8_t>();
    const size_t samples = script.below(kMaxBlock + 1), values = samples * crowd.channels;
    const float value = script.next<float>();
    if (what % 8 > 3) fill(&script, in, values);
    for (size_t i = 0; i < crowd.count; ++i) {
      linnet_stream *const stream = crowd.streams[i];
      float *const to = i ? out : first;
      linnet_status status = LINNET_OK;
      memset(to, 0, values * sizeof *to);
      switch (what % 8) {
        case 0:
          status = what & 8 ? linnet_reset(stream) : linnet_gap(stream, samples * (what & 16 ? 8 : 1));
          break;
        case 1:
          status = linnet_conceal(stream, to, samples);
          break;
        case 2:
          expect(linnet_set_attenuation_limit(stream, static_cast<float>(what >> 3) * 3.2f) == LINNET_OK, "a control");
          break;
        case 3:
          (void)linnet_set_postfilter(stream, value);
          break;
        default:
          status = linnet_process(stream, in, to, samples);
      }
      expect(status == LINNET_OK, "a valid call failed");
      expect(fuzz::all_sane(to, values), "output out of range");
      expect(memcmp(to, first, values * sizeof *to) == 0, "outputs differ");
      linnet_stats mine = {}, theirs = {};
      mine.size = theirs.size = sizeof mine;
      if (i == 0) continue;  // which the others are compared with
      expect(linnet_get_stats(stream, &mine) == LINNET_OK && linnet_get_stats(crowd.streams[0], &theirs) == LINNET_OK &&
                 memcmp(&mine, &theirs, sizeof mine) == 0 && fuzz::stats_sane(mine),
             "statistics differ");
    }
  }
  for (size_t i = 0; i < crowd.count; ++i) linnet_destroy(crowd.streams[i]);
  return 0;
}
