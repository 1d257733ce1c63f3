// Fuzzes the streaming calls: the input is a script of operations (process with raw bits as samples in blocks of any
// length, in place or not, 16-bit, reset, controls with raw bits as values, statistics) on a stream of one to three
// channels. After each the output must be finite and within +-4, and equal bit for bit to that of a second stream on
// another backend, fed with the input cleaned beforehand, cut otherwise and in an array for each channel. The model is
// sdk/models/tiny.linnet below the working directory, or LINNET_FUZZ_MODEL.
//
// With libFuzzer: clang++ -fsanitize=fuzzer,address,undefined -DLINNET_FUZZER; with any compiler: see replay.h.
#include "linnet.h"
#include "replay.h"

namespace {

constexpr size_t kMaxBlock = 1500, kMostChannels = 3;

void expect(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz_process: %s\n", what);
  abort();
}

const linnet_model *model() {
  static const std::vector<uint8_t> bytes = [] {
    const char *path = getenv("LINNET_FUZZ_MODEL");
    FILE *file = fopen(path ? path : "sdk/models/tiny.linnet", "rb");
    expect(file != nullptr, "no model: run in the root of the project or set LINNET_FUZZ_MODEL");
    std::vector<uint8_t> read;
    uint8_t chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;) read.insert(read.end(), chunk, chunk + n);
    fclose(file);
    return read;
  }();
  static const linnet_model *const made = [] {
    linnet_model *of_bytes = nullptr;
    expect(linnet_model_create(bytes.data(), bytes.size(), &of_bytes) == LINNET_OK, "the model is refused");
    return of_bytes;
  }();
  return made;
}

// The script; zeros when it has run out.
struct Script {
  const uint8_t *data;
  size_t left;

  template <class T>
  T next() {
    T value{};
    const size_t n = left < sizeof value ? left : sizeof value;
    if (n) memcpy(&value, data, n);
    data += n;
    left -= n;
    return value;
  }
};

float cleaned(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) return 0;
  return magnitude > 0x40800000u ? (bits >> 31 ? -4.0f : 4.0f) : x;
}

linnet_stream *make(bool any_block, size_t channels, const char *backend) {
  linnet_config config = {sizeof config, 48000, any_block ? 1 : 0, backend, 0, static_cast<int32_t>(channels)};
  linnet_stream *stream = nullptr;
  expect(linnet_create(model(), &config, &stream) == LINNET_OK, "create failed");
  return stream;
}

struct Pair {
  linnet_stream *tested, *reference;
  bool any_block;
  size_t channels;

  void process_reference(float (*planes)[kMaxBlock], size_t from, size_t count) {
    float *out[kMostChannels] = {};
    for (size_t c = 0; c < channels; ++c) out[c] = planes[c] + from;
    expect(linnet_process_planar(reference, out, out, count) == LINNET_OK, "process failed");
  }

  void process(Script *script) {
    static float in[kMostChannels * kMaxBlock], out[kMostChannels * kMaxBlock], clean[kMostChannels][kMaxBlock];
    const bool in_place = script->next<uint8_t>() & 1;
    size_t samples = script->next<uint16_t>() % (kMaxBlock + 1);
    if (!any_block && samples % 480 != 0) {
      expect(linnet_process(tested, in, out, samples) == LINNET_ERR_SIZE, "part of a frame was taken");
      samples -= samples % 480;
    }
    for (size_t i = 0; i < samples * channels; ++i) {
      in[i] = script->next<float>();
      clean[i % channels][i / channels] = cleaned(in[i]);
    }
    float *const result = in_place ? in : out;
    expect(linnet_process(tested, in, result, samples) == LINNET_OK, "process failed");
    const size_t cut = any_block ? samples / 3 : samples / 960 * 480;
    process_reference(clean, 0, cut);
    process_reference(clean, cut, samples - cut);
    for (size_t i = 0; i < samples * channels; ++i) {
      expect(result[i] >= -4.0f && result[i] <= 4.0f, "output out of range");
      expect(memcmp(result + i, clean[i % channels] + i / channels, sizeof(float)) == 0, "streams differ");
    }
  }

  void process_i16(Script *script) {
    static int16_t a[kMostChannels * 480], b[kMostChannels * 480];
    for (size_t i = 0; i < channels * 480; ++i) a[i] = b[i] = script->next<int16_t>();
    expect(linnet_process_i16(tested, a, a, 480) == LINNET_OK, "process failed");
    expect(linnet_process_i16(reference, b, b, 480) == LINNET_OK, "process failed");
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
    expect(a.speech_probability >= 0 && a.speech_probability <= 1 && a.mean_gain >= 0 && a.mean_gain <= 1 &&
               a.input_snr_db >= -30 && a.input_snr_db <= 60 && a.pitch_hz >= 62.5f && a.pitch_hz <= 800,
           "statistics out of range");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Script script{data, size};
  const uint8_t kind = script.next<uint8_t>();
  const bool any_block = kind & 1;
  const size_t channels = 1 + kind / 2 % kMostChannels;
  Pair pair{make(any_block, channels, nullptr), make(any_block, channels, "scalar"), any_block, channels};
  while (script.left > 0) {
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
  return 0;
}
