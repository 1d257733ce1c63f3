// Fuzzes the streaming calls: the input is a script of operations (process with raw bits as samples in blocks of any
// length, in place or not, 16-bit, reset, controls with raw bits as values, statistics) on a stream of any rate and of
// one to three channels. After each the output must be finite and within +-4, and equal bit for bit to that of a second
// stream on another backend, fed with the input cleaned beforehand, cut otherwise and in an array for each channel.
#include "replay.h"
#include "script.h"

namespace {

using fuzz::expect;
using fuzz::Script;

constexpr size_t kMaxBlock = 1500, kMostChannels = 3;

// Frames of all inputs, which run.py reads.
struct Count {
  uint64_t frames = 0;
  ~Count() { fprintf(stderr, "fuzz: %llu frames\n", static_cast<unsigned long long>(frames)); }
} count;

linnet_stream *make(int32_t rate, bool any_block, size_t channels, const char *backend) {
  linnet_config config = {sizeof config, rate, any_block ? 1 : 0, backend, 0, static_cast<int32_t>(channels)};
  linnet_stream *stream = nullptr;
  expect(linnet_create(fuzz::sound_model(0), &config, &stream) == LINNET_OK, "create failed");
  return stream;
}

struct Pair {
  linnet_stream *tested, *reference;
  bool any_block;
  size_t channels, frame;
  uint64_t taken;  // samples of each channel

  void process_reference(float (*planes)[kMaxBlock], size_t from, size_t count) {
    float *out[kMostChannels] = {};
    for (size_t c = 0; c < channels; ++c) out[c] = planes[c] + from;
    expect(linnet_process_planar(reference, out, out, count) == LINNET_OK, "process failed");
  }

  void process(Script *script) {
    static float in[kMostChannels * kMaxBlock], out[kMostChannels * kMaxBlock], clean[kMostChannels][kMaxBlock];
    const bool in_place = script->next<uint8_t>() & 1;
    size_t samples = script->next<uint16_t>() % (kMaxBlock + 1);
    if (!any_block && samples % frame != 0) {
      expect(linnet_process(tested, in, out, samples) == LINNET_ERR_SIZE, "part of a frame was taken");
      samples -= samples % frame;
    }
    for (size_t i = 0; i < samples * channels; ++i) {
      in[i] = script->next<float>();
      clean[i % channels][i / channels] = fuzz::cleaned(in[i]);
    }
    float *const result = in_place ? in : out;
    expect(linnet_process(tested, in, result, samples) == LINNET_OK, "process failed");
    const size_t cut = any_block ? samples / 3 : samples / (2 * frame) * frame;
    process_reference(clean, 0, cut);
    process_reference(clean, cut, samples - cut);
    taken += samples;
    expect(fuzz::all_sane(result, samples * channels), "output out of range");
    for (size_t i = 0; i < samples * channels; ++i) {
      expect(memcmp(result + i, clean[i % channels] + i / channels, sizeof(float)) == 0, "streams differ");
    }
  }

  void process_i16(Script *script) {
    static int16_t a[kMostChannels * 480], b[kMostChannels * 480];
    for (size_t i = 0; i < channels * frame; ++i) a[i] = b[i] = script->next<int16_t>();
    expect(linnet_process_i16(tested, a, a, frame) == LINNET_OK, "process failed");
    expect(linnet_process_i16(reference, b, b, frame) == LINNET_OK, "process failed");
    taken += frame;
    expect(memcmp(a, b, sizeof a) == 0, "streams differ");
  }

  void control(Script *script, linnet_status (*set)(linnet_stream *, float), float high) {
    const float value = script->next<float>();
    const linnet_status status = set(tested, value);
    expect(status == (value >= 0 && value <= high ? LINNET_OK : LINNET_ERR_ARGUMENT), "wrong judgement of a control");
    expect(set(reference, value) == status, "streams differ");
  }

  void stats() {
    linnet_stats a = {}, b = {};
    a.size = b.size = sizeof a;
    expect(linnet_get_stats(tested, &a) == LINNET_OK && linnet_get_stats(reference, &b) == LINNET_OK, "no statistics");
    expect(memcmp(&a, &b, sizeof a) == 0, "statistics differ");
    expect(fuzz::stats_sane(a) && a.pitch_hz > 0, "statistics out of range");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Script script(data, size);
  const uint8_t kind = script.next<uint8_t>();
  const bool any_block = kind & 1;
  const size_t channels = 1 + kind / 2 % kMostChannels;
  const int32_t rate = fuzz::kRates[(4 + kind / 8) % 5];  // 0: 48 kHz
  Pair pair{make(rate, any_block, channels, nullptr),
            make(rate, any_block, channels, "scalar"),
            any_block,
            channels,
            static_cast<size_t>(rate) / 100,
            0};
  while (script.left() > 0) {
    switch (script.next<uint8_t>() % 8) {
      case 0:
        expect(linnet_reset(pair.tested) == LINNET_OK && linnet_reset(pair.reference) == LINNET_OK, "reset failed");
        break;
      case 1:
        pair.control(&script, linnet_set_attenuation_limit, 100);
        break;
      case 2:
        pair.control(&script, linnet_set_postfilter, 1);
        break;
      case 3:
        pair.process_i16(&script);
        break;
      default:
        pair.process(&script);
    }
    pair.stats();
  }
  linnet_destroy(pair.tested);
  linnet_destroy(pair.reference);
  count.frames += pair.taken / pair.frame;
  return 0;
}
