// Input signals of the frozen vectors: one second each, made by integer arithmetic and exact float operations alone, so
// that every machine makes the same bits. Full scale is +-1; some recipes leave it on purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace recipes {

constexpr size_t kLength = 48000;

struct Recipe {
  const char *name;
  void (*make)(float *x);  // kLength samples
};

inline float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// value / 2^23: exact for |value| <= 2^24.
inline float unit(int32_t value) { return static_cast<float>(value) * (1.0f / 8388608.0f); }

struct Random {
  uint32_t state;
  uint32_t bits() {
    state = state * 1664525u + 1013904223u;
    return state >> 8 | state << 24;
  }
  int32_t sample() { return static_cast<int32_t>(bits() & 0xffffffu) - 0x800000; }  // -2^23..2^23 - 1
};

// Sine of a 32-bit phase, amplitude 2^23: the parabola through its zeros, bent once to come within 0.1 %.
inline int32_t sine(uint32_t phase) {
  const int64_t p = static_cast<int32_t>(phase) / 65536;      // -32768..32767, one turn
  const int64_t bow = p * (32768 - (p < 0 ? -p : p)) / 8192;  // +-32768
  const int64_t bent = bow * (bow < 0 ? -bow : bow) / 32768;
  return static_cast<int32_t>((bow * 1024 + (bent - bow) * 1024 * 225 / 1000) / 4);
}

// Phase step of a frequency in Hz.
inline uint32_t step(uint32_t hz) { return static_cast<uint32_t>((static_cast<uint64_t>(hz) << 32) / 48000); }

// Two poles with coefficients in 1/65536; division rounds towards zero, so that it comes to rest.
struct Resonator {
  int64_t a1, a2, y1 = 0, y2 = 0;
  int32_t run(int64_t x) {
    const int64_t y = x + (a1 * y1 + a2 * y2) / 65536;
    y2 = y1;
    y1 = y;
    return static_cast<int32_t>(y);
  }
};

inline int32_t clip(int64_t value) {
  constexpr int64_t kTop = 8388607;
  return static_cast<int32_t>(value > kTop ? kTop : value < -kTop ? -kTop : value);
}

// Pulses of gliding pitch through three resonances (500, 1500 and 2500 Hz), in syllables of a quarter second with gaps
// and a little noise at their starts: peak below full scale.
inline void speech(int32_t *out, uint32_t seed, int base_period) {
  Resonator first{130194, -64938}, second{127798, -64768}, third{123145, -64515};
  Random random{seed};
  int until = 0;
  for (size_t n = 0; n < kLength; ++n) {
    const int in_syllable = static_cast<int>(n % 12000);
    const int envelope = in_syllable < 1200   ? in_syllable
                         : in_syllable < 7200 ? 1200
                         : in_syllable < 9600 ? (9600 - in_syllable) / 2
                                              : 0;
    int64_t excitation = 0;
    if (--until <= 0) {
      until = base_period + static_cast<int>(n / 240 % 100) - 50;
      excitation = 180000;
    }
    if (in_syllable < 1500) excitation += random.sample() / 200;
    excitation = excitation * envelope / 1200;
    const int64_t sum = first.run(excitation) + second.run(excitation / 2) + third.run(excitation / 3);
    out[n] = clip(sum);
  }
}

inline void speech_at(float *x, uint32_t seed, int period) {
  static int32_t voice[kLength];
  speech(voice, seed, period);
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(voice[n]);
}

inline void silence(float *x) { memset(x, 0, kLength * sizeof(float)); }

inline void negative_zero(float *x) {
  for (size_t n = 0; n < kLength; ++n) x[n] = n / 960 % 2 ? -0.0f : 0.0f;
}

inline void constant(float *x) {
  for (size_t n = 0; n < kLength; ++n) x[n] = 0.5f;
}

inline void impulse(float *x) {
  silence(x);
  x[4801] = 1;
  x[24000] = -1;
  x[24001] = 1;
}

inline void white_noise(float *x) {
  Random random{1};
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(random.sample() / 4);
}

inline void full_scale_noise(float *x) {
  Random random{2};
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(random.sample());
}

// Eight generators, each held twice as long as the one before: about 3 dB less per octave.
inline void pink_noise(float *x) {
  Random random{3};
  int32_t held[8] = {0};
  for (size_t n = 0; n < kLength; ++n) {
    int32_t sum = 0;
    for (int k = 0; k < 8; ++k) {
      if (n % (size_t{1} << k) == 0) held[k] = random.sample() / 16;
      sum += held[k];
    }
    x[n] = unit(sum);
  }
}

inline void noise_bursts(float *x) {
  Random random{4};
  for (size_t n = 0; n < kLength; ++n) {
    const int32_t sample = random.sample();
    x[n] = n / 2400 % 3 == 1 ? unit(sample / 2) : 0.0f;
  }
}

inline void sine_at(float *x, uint32_t hz) {
  uint32_t phase = 0;
  for (size_t n = 0; n < kLength; ++n, phase += step(hz)) x[n] = unit(sine(phase) / 2);
}

inline void sine_440(float *x) { sine_at(x, 440); }
inline void sine_19990(float *x) { sine_at(x, 19990); }
inline void sine_23000(float *x) { sine_at(x, 23000); }

// 50 Hz to 20 kHz.
inline void sine_sweep(float *x) {
  uint32_t phase = 0;
  for (size_t n = 0; n < kLength; ++n) {
    phase += step(50 + static_cast<uint32_t>(n * n / 1155));
    x[n] = unit(sine(phase) / 2);
  }
}

inline void triangle(float *x) {
  uint32_t phase = 0;
  for (size_t n = 0; n < kLength; ++n, phase += step(220)) {
    const int32_t p = static_cast<int32_t>(phase) / 256;  // -2^23..2^23
    x[n] = unit((p < 0 ? -p : p) - 4194304);
  }
}

inline void square(float *x, float level) {
  for (size_t n = 0; n < kLength; ++n) x[n] = n / 120 % 2 ? -level : level;
}

inline void full_scale_square(float *x) { square(x, 1); }
inline void clamped_square(float *x) { square(x, 1e10f); }

inline void pulses(float *x, size_t from, size_t to) {
  size_t until = 0;
  for (size_t n = 0; n < kLength; ++n) {
    x[n] = 0;
    if (until-- > 0) continue;
    x[n] = 0.9f;
    until = (from * (kLength - n) + to * n) / kLength - 1;
  }
}

inline void pulses_100_hz(float *x) { pulses(x, 480, 480); }
inline void pulses_800_hz(float *x) { pulses(x, 60, 60); }
inline void pulses_62_hz(float *x) { pulses(x, 768, 768); }
inline void pulses_rising(float *x) { pulses(x, 600, 150); }
inline void pulses_falling(float *x) { pulses(x, 100, 760); }

// Noise that halves every 1500 samples, down to 2^-32.
inline void level_steps(float *x) {
  Random random{5};
  float level = 1;
  for (size_t n = 0; n < kLength; ++n) {
    if (n % 1500 == 1499) level *= 0.5f;
    x[n] = unit(random.sample()) * level;
  }
}

inline void speech_like(float *x) { speech_at(x, 6, 400); }
inline void high_voice(float *x) { speech_at(x, 7, 210); }

inline void quiet_speech(float *x) {
  speech_at(x, 8, 330);
  for (size_t n = 0; n < kLength; ++n) x[n] *= 1.0f / 4096.0f;
}

inline void clipped_speech(float *x) {
  static int32_t voice[kLength];
  speech(voice, 9, 380);
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(clip(int64_t{16} * voice[n]));
}

inline void speech_in_noise(float *x) {
  static int32_t voice[kLength];
  speech(voice, 10, 360);
  Random random{11};
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(clip(voice[n] + random.sample() / 12));
}

inline void two_voices(float *x) {
  static int32_t a[kLength], b[kLength];
  speech(a, 12, 420);
  speech(b, 13, 230);
  for (size_t n = 0; n < kLength; ++n) x[n] = unit(clip(int64_t{a[n]} + b[(n + 5000) % kLength]));
}

// Chords of four tones that decay, a new one every third of a second.
inline void music_like(float *x) {
  static const uint32_t chords[3][4] = {{220, 277, 330, 880}, {196, 247, 294, 1175}, {262, 330, 392, 1568}};
  uint32_t phases[4] = {0};
  for (size_t n = 0; n < kLength; ++n) {
    const size_t chord = n / 16000 % 3;
    const int64_t decay = static_cast<int64_t>(16000 - n % 16000);
    int64_t sum = 0;
    for (int k = 0; k < 4; ++k) {
      phases[k] += step(chords[chord][k]);
      sum += sine(phases[k]) / 6 + sine(2 * phases[k]) / 14;
    }
    x[n] = unit(clip(sum * decay / 16000));
  }
}

inline void specials_in_speech(float *x) {
  static const uint32_t specials[] = {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00001u, 0x7f800001u, 0x7f7fffffu,
                                      0xff7fffffu, 0x00000001u, 0x807fffffu, 0x80000000u, 0x40800001u};
  speech_at(x, 14, 350);
  Random random{15};
  for (size_t n = 7; n < kLength; n += 1 + random.bits() % 97) x[n] = from_bits(specials[random.bits() % 11]);
}

inline void raw_bits(float *x) {
  Random random{16};
  for (size_t n = 0; n < kLength; ++n) x[n] = from_bits(random.bits());
}

inline void denormals(float *x) {
  Random random{17};
  for (size_t n = 0; n < kLength; ++n) x[n] = from_bits(random.bits() & 0x807fffffu);
}

// Speech that fades through every exponent down to zero within a second.
inline void denormal_tail(float *x) {
  float level = 1;
  speech_at(x, 18, 300);
  for (size_t n = 0; n < kLength; ++n) {
    x[n] *= level;
    if (n % 256 == 255) level *= 0.5f;
  }
}

constexpr Recipe kRecipes[] = {
    {"silence", silence},
    {"negative_zero", negative_zero},
    {"constant", constant},
    {"impulse", impulse},
    {"white_noise", white_noise},
    {"full_scale_noise", full_scale_noise},
    {"pink_noise", pink_noise},
    {"noise_bursts", noise_bursts},
    {"sine_440", sine_440},
    {"sine_19990", sine_19990},
    {"sine_23000", sine_23000},
    {"sine_sweep", sine_sweep},
    {"triangle", triangle},
    {"full_scale_square", full_scale_square},
    {"clamped_square", clamped_square},
    {"pulses_100_hz", pulses_100_hz},
    {"pulses_800_hz", pulses_800_hz},
    {"pulses_62_hz", pulses_62_hz},
    {"pulses_rising", pulses_rising},
    {"pulses_falling", pulses_falling},
    {"level_steps", level_steps},
    {"speech_like", speech_like},
    {"high_voice", high_voice},
    {"quiet_speech", quiet_speech},
    {"clipped_speech", clipped_speech},
    {"speech_in_noise", speech_in_noise},
    {"two_voices", two_voices},
    {"music_like", music_like},
    {"specials_in_speech", specials_in_speech},
    {"raw_bits", raw_bits},
    {"denormals", denormals},
    {"denormal_tail", denormal_tail},
};

}  // namespace recipes
