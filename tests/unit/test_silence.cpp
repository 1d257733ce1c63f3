// What decays in silence comes to rest at zero, long before it could be a denormal (base/bits.h). That takes a
// high-pass state seconds and an average of a second half a minute, longer than any signal of the other tests.
//
//     test_silence
#include <cstdint>
#include <cstring>

#include "base/bits.h"
#include "check.h"
#include "dsp/snr.h"
#include "dsp/stft.h"

using namespace linnet;  // NOLINT: this program is about nothing else

namespace {

constexpr int kSecond = 100;  // frames

void the_high_pass_filter_forgets() {
  dsp::HighPass filter = {};
  float x[dsp::kFrame] = {32768.0f, -32768.0f, 32768.0f};
  filter.process(dsp::kFullRate, x);
  CHECK(filter.previous_output != 0.0);
  for (int frame = 0; frame < 4 * kSecond; ++frame) {
    memset(x, 0, sizeof x);
    filter.process(dsp::kFullRate, x);
  }
  CHECK(filter.previous_input == 0.0 && filter.previous_output == 0.0);
}

// Whether a word of plain data is a float between 0 and what snap_tiny leaves. Counters are smaller than any of these.
bool tiny(uint32_t word) {
  constexpr uint32_t kCounters = 1u << 16;
  const uint32_t magnitude = word & 0x7fffffffu;
  return magnitude >= kCounters && magnitude < base::kTinyBits;
}

template <class T>
bool holds_tiny(const T &object) {
  uint32_t words[sizeof(T) / sizeof(uint32_t)];
  memcpy(words, &object, sizeof object);
  for (uint32_t word : words) {
    if (tiny(word)) return true;
  }
  return false;
}

// A second of noise, of which a part is taken for speech, then silence in which the network hears speech, or none.
void the_snr_estimate_forgets(float speech_probability) {
  dsp::SnrEstimator estimator;
  estimator.reset();
  float amplitude[dsp::kBands], gains[dsp::kBands];
  bool clean = true;
  for (int frame = 0; frame < 90 * kSecond; ++frame) {
    const bool noise = frame < kSecond;
    for (int b = 0; b < dsp::kBands; ++b) {
      amplitude[b] = noise ? 1000.0f + static_cast<float>((frame * 37 + b * 11) % 100) : 0.0f;
      gains[b] = static_cast<float>(b) / dsp::kBands;
    }
    estimator.process(amplitude, gains, noise ? 0.5f : speech_probability);
    clean = clean && !holds_tiny(estimator);
  }
  CHECK(clean);
}

// Without this, nothing above would be told from a state that was never tiny.
void tiny_values_are_recognised() {
  const struct {
    int counter;
    float states[2];
  } sound = {40, {0.0f, 1e-12f}}, spoilt = {40, {0.0f, -1e-13f}}, denormal = {40, {1e-40f, 0.0f}};
  CHECK(!holds_tiny(sound) && holds_tiny(spoilt) && holds_tiny(denormal));
}

}  // namespace

int main() {
  tiny_values_are_recognised();
  the_high_pass_filter_forgets();
  the_snr_estimate_forgets(0.0f);
  the_snr_estimate_forgets(0.01f);
  the_snr_estimate_forgets(1.0f);
  return check_summary();
}
