/* Any samples in, sane samples out: raw bit patterns, NaN, infinity, denormals, huge and clipped values give a finite
 * output within +-4 that equals, bit for bit, the output for the input cleaned beforehand. So nothing of a bad frame's
 * badness stays behind. */
#include "common.h"

#define LENGTH (24 * FRAME)

static model blob;
static float input[LENGTH], clean[LENGTH], out_input[LENGTH], out_clean[LENGTH];

/* The rule of the header, written again: NaN and infinity are 0, other values clamped. */
static float cleaned(float x) {
  uint32_t bits = bits_of(x), magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) return 0;
  if (magnitude > 0x40800000u) return bits >> 31 ? -4.0f : 4.0f;
  return x;
}

static void run(const char *name, float limit, float amount, int any_block) {
  linnet_stream *a = make_stream(blob, any_block), *b = make_stream(blob, any_block);
  linnet_stats stats;
  size_t i;
  for (i = 0; i < LENGTH; ++i) clean[i] = cleaned(input[i]);
  CHECK(linnet_set_attenuation_limit(a, limit) == LINNET_OK && linnet_set_attenuation_limit(b, limit) == LINNET_OK);
  CHECK(linnet_set_postfilter(a, amount) == LINNET_OK && linnet_set_postfilter(b, amount) == LINNET_OK);
  CHECK(linnet_process(a, input, out_input, LENGTH) == LINNET_OK);
  CHECK(linnet_process(b, clean, out_clean, LENGTH) == LINNET_OK);
  CHECK_CASE(all_sane(out_input, LENGTH), name);
  CHECK_CASE(same_bits(out_input, out_clean, LENGTH), name);
  stats.size = sizeof stats;
  CHECK(linnet_get_stats(a, &stats) == LINNET_OK);
  CHECK_CASE(stats.speech_probability >= 0 && stats.speech_probability <= 1, name);
  CHECK_CASE(stats.input_snr_db >= -30 && stats.input_snr_db <= 60, name);
  CHECK_CASE(stats.mean_gain >= 0 && stats.mean_gain <= 1, name);
  CHECK_CASE(stats.pitch_hz >= 62.5f && stats.pitch_hz <= 800, name);
  linnet_destroy(a);
  linnet_destroy(b);
}

static void run_all(const char *name) {
  run(name, 100, 0, 0);
  run(name, 0, 0, 0);
  run(name, 12, 1, 1);
}

/* Every |sample| the same tiny, huge or special value, signs at random. */
static void constant(uint32_t magnitude, const char *name) {
  uint32_t state = 50;
  size_t i;
  for (i = 0; i < LENGTH; ++i) input[i] = float_of(magnitude | (random_bits(&state) & 0x80000000u));
  run_all(name);
}

static void raw_bits(void) {
  uint32_t state = 51;
  size_t i;
  for (i = 0; i < LENGTH; ++i) input[i] = float_of(random_bits(&state));
  run_all("raw bits");
}

static void special_values_in_speech(void) {
  static const uint32_t special[] = {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00000u, 0x7f800001u, 0x7fffffffu,
                                     0x7f7fffffu, 0xff7fffffu, 0x00000001u, 0x807fffffu, 0x00800000u, 0x80000000u,
                                     0x40800000u, 0x40800001u, 0xc0800001u, 0x40000000u};
  uint32_t state = 52;
  size_t i;
  make_signal(input, LENGTH, 53);
  for (i = 0; i < LENGTH; i += random_bits(&state) % 50) {
    input[i] = float_of(special[random_bits(&state) % (sizeof special / sizeof special[0])]);
  }
  run_all("special values in speech");
}

/* After one frame of nothing but NaN the stream goes on as after one frame of silence. */
static void a_bad_frame_leaves_no_trace(void) {
  linnet_stream *a = make_stream(blob, 0), *b = make_stream(blob, 0);
  size_t i;
  make_signal(input, LENGTH, 54);
  memcpy(clean, input, sizeof input);
  for (i = 10 * FRAME; i < 11 * FRAME; ++i) {
    input[i] = float_of(0x7fc00000u);
    clean[i] = 0;
  }
  CHECK(linnet_process(a, input, out_input, LENGTH) == LINNET_OK);
  CHECK(linnet_process(b, clean, out_clean, LENGTH) == LINNET_OK);
  CHECK(same_bits(out_input, out_clean, LENGTH));
  CHECK(all_sane(out_input, LENGTH));
  linnet_destroy(a);
  linnet_destroy(b);
}

/* A loud second, then a tail that decays through every exponent down to zero. */
static void denormal_tail(void) {
  size_t i;
  float level = 1;
  make_signal(input, LENGTH, 55);
  for (i = LENGTH / 4; i < LENGTH; ++i) {
    input[i] *= level;
    if (i % 16 == 0) level *= 0.8f;
  }
  run_all("decay into denormals");
  CHECK(bits_of(input[LENGTH - 1]) << 1 < 0x01000000u); /* the tail did arrive at denormals or zero */
}

static void square_wave(float level, const char *name) {
  size_t i;
  for (i = 0; i < LENGTH; ++i) input[i] = i / 240 % 2 ? level : -level;
  run_all(name);
}

/* Digital silence after speech ends in exact silence: nothing rings on, no denormal creeps about. */
static void silence_is_silent(void) {
  linnet_stream *stream = make_stream(blob, 0);
  size_t i, block, tail = 0;
  float zeros[FRAME] = {0}, out[FRAME];
  make_signal(input, LENGTH, 56);
  CHECK(linnet_process(stream, input, out_input, LENGTH) == LINNET_OK);
  for (block = 0; block < 260; ++block) {
    CHECK(linnet_process(stream, zeros, out, FRAME) == LINNET_OK);
    for (i = 0; i < FRAME; ++i) {
      uint32_t magnitude = bits_of(out[i]) & 0x7fffffffu;
      CHECK(magnitude == 0 || magnitude >= 0x00800000u);
      if (block >= 220) tail += magnitude != 0;
    }
  }
  CHECK(tail == 0);
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  constant(0x00000000u, "zeros of both signs");
  constant(0x00000001u, "smallest denormal");
  constant(0x007fffffu, "largest denormal");
  constant(0x00800000u, "smallest normal");
  constant(0x1e000000u, "1e-20");
  constant(0x2b800000u, "2^-40");
  constant(0x3f800000u, "full scale");
  constant(0x40800000u, "4");
  constant(0x40800001u, "just above 4");
  constant(0x7f7fffffu, "largest float");
  constant(0x7f800000u, "infinity");
  constant(0x7f800001u, "signalling NaN");
  constant(0x7fffffffu, "quiet NaN");
  raw_bits();
  special_values_in_speech();
  a_bad_frame_leaves_no_trace();
  denormal_tail();
  square_wave(1, "full-scale square wave");
  square_wave(4, "square wave of 4");
  square_wave(1e30f, "square wave of 1e30");
  silence_is_silent();
  free_model(blob);
  return check_summary();
}
