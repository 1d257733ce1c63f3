/* With an attenuation limit of 0 dB the output is the input, later by linnet_delay samples and not one bit different,
 * for float and 16-bit samples, for whole frames and any block, from the first sample, after a switch and after a
 * reset; what the header says of a change of the limit; and the limit as a limit. */
#include "common.h"

#define LENGTH (30 * FRAME)

static model blob;
static float input[LENGTH], output[LENGTH], other[LENGTH];
static int16_t input_i16[LENGTH], output_i16[LENGTH];

/* Everything a float can be within +-4: noise of all sizes, -0, denormals, the limits themselves. */
static void make_hard_input(void) {
  uint32_t state = 11;
  size_t i;
  for (i = 0; i < LENGTH; ++i) {
    uint32_t bits = random_bits(&state);
    switch (random_bits(&state) % 8) {
      case 0:
        input[i] = float_of(bits & 0x807fffffu); /* denormal or a zero */
        break;
      case 1:
        input[i] = float_of(bits & 0x80000000u);
        break;
      case 2:
        input[i] = bits & 1 ? 4.0f : -4.0f;
        break;
      case 3:
        input[i] = float_of((bits & 0x80ffffffu) + 0x3f000000u); /* 0.5..2 */
        break;
      default:
        input[i] = random_sample(&state);
    }
    input_i16[i] = (int16_t)(i % 97 == 0   ? -32768
                             : i % 89 == 0 ? 32767
                                           : (int32_t)(random_bits(&state) & 0xffff) - 32768);
  }
}

static void feed(linnet_stream *stream, int any_block, const float *in, float *out, size_t samples, uint32_t *state) {
  size_t done = 0;
  while (done < samples) {
    size_t count = any_block ? random_bits(state) % 1111 : FRAME * (1 + random_bits(state) % 3);
    if (count > samples - done) count = samples - done;
    CHECK(linnet_process(stream, in + done, out + done, count) == LINNET_OK);
    done += count;
  }
}

static void delay_is_what_the_model_says(int any_block, int lookahead) {
  linnet_stream *stream = make_stream(blob, any_block);
  CHECK(linnet_delay(stream) == FRAME * (lookahead + 1 + (any_block ? 1 : 0)));
  linnet_destroy(stream);
}

static void limit_0_gives_the_delayed_input(int any_block) {
  linnet_stream *stream = make_stream(blob, any_block);
  size_t delay = (size_t)linnet_delay(stream), i;
  uint32_t state = 21;
  int round;
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  for (round = 0; round < 2; ++round) { /* the second time after a reset */
    feed(stream, any_block, input, output, LENGTH, &state);
    for (i = 0; i < delay; ++i) CHECK(bits_of(output[i]) == 0);
    CHECK(same_bits(output + delay, input, LENGTH - delay));
    CHECK(linnet_reset(stream) == LINNET_OK);
  }
  for (i = 0; i + 3 * FRAME <= LENGTH; i += 3 * FRAME) {
    CHECK(linnet_process_i16(stream, input_i16 + i, output_i16 + i, 3 * FRAME) == LINNET_OK);
  }
  for (i = 0; i < delay; ++i) CHECK(output_i16[i] == 0);
  CHECK(memcmp(output_i16 + delay, input_i16, (LENGTH / (3 * FRAME) * (3 * FRAME) - delay) * 2) == 0);
  linnet_destroy(stream);
}

/* In place the input is overwritten by the output of earlier frames. */
static void in_place_is_the_same(int any_block) {
  linnet_stream *stream = make_stream(blob, any_block), *twin = make_stream(blob, any_block);
  uint32_t state = 22;
  make_signal(other, LENGTH, 2);
  feed(stream, any_block, other, output, LENGTH, &state);
  feed(twin, any_block, other, other, LENGTH, &state);
  CHECK(same_bits(output, other, LENGTH));
  linnet_destroy(stream);
  linnet_destroy(twin);
}

static void a_switch_to_0_is_exact_after_one_frame(int any_block) {
  linnet_stream *stream = make_stream(blob, any_block);
  size_t delay = (size_t)linnet_delay(stream), half = LENGTH / 2, extra = any_block ? FRAME : 0, i;
  uint32_t state = 23;
  int differs = 0;
  make_signal(other, LENGTH, 7);
  feed(stream, any_block, other, output, half, &state);
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  feed(stream, any_block, other + half, output + half, LENGTH - half, &state);
  /* Up to the switch the network has altered the signal; the frame after it ramps; its last sample is exact already. */
  for (i = delay; i < half + extra; ++i) differs += output[i] != other[i - delay];
  CHECK(differs > (int)(half + extra - delay) / 2);
  CHECK(output[half + extra] != other[half + extra - delay]);
  i = half + extra + FRAME - 1;
  CHECK(same_bits(output + i, other + i - delay, LENGTH - i));
  linnet_destroy(stream);
}

/* From 0 dB (raw) to no limit (enhanced) and back: on the way the output lies between the two streams, and the share of
 * the raw one moves by equal steps over one frame. */
static void a_change_is_ramped_over_one_frame(void) {
  linnet_stream *stream = make_stream(blob, 0), *enhanced = make_stream(blob, 0);
  size_t delay = (size_t)linnet_delay(stream), half = LENGTH / 2, i, judged = 0;
  make_signal(other, LENGTH, 8);
  CHECK(linnet_process(enhanced, other, output, LENGTH) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  CHECK(linnet_process(stream, other, input, half) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(stream, 100) == LINNET_OK);
  CHECK(linnet_process(stream, other + half, input + half, LENGTH - half) == LINNET_OK);
  CHECK(same_bits(input + half + FRAME, output + half + FRAME, LENGTH - half - FRAME));
  for (i = 0; i < FRAME; ++i) {
    double raw = other[half + i - delay], clean = output[half + i], got = input[half + i];
    double share = 1.0 - (double)(i + 1) / FRAME;
    double error = got - (clean + share * (raw - clean));
    CHECK(error < 1e-6 && error > -1e-6);
    judged += raw - clean > 1e-3 || clean - raw > 1e-3;
  }
  CHECK(judged > FRAME / 2);
  linnet_destroy(stream);
  linnet_destroy(enhanced);
}

/* out - a raw = (1 - a) enhanced: for every limit the three streams lie on one line. */
static void a_limit_puts_back_its_share_of_the_input(void) {
  static const float limits[] = {0.5f, 3, 6.0206f, 12, 20, 40, 60, 99.5f};
  static const double shares[] = {
      0.944060876285923, 0.707945784384138, 0.499999974, 0.251188643150958, 0.1, 0.01, 0.001, 1.0592537251773e-05};
  linnet_stream *enhanced = make_stream(blob, 0);
  size_t k, i, delay = (size_t)linnet_delay(enhanced);
  make_signal(other, LENGTH, 9);
  CHECK(linnet_process(enhanced, other, output, LENGTH) == LINNET_OK);
  for (k = 0; k < sizeof limits / sizeof limits[0]; ++k) {
    linnet_stream *stream = make_stream(blob, 0);
    double worst = 0;
    CHECK(linnet_set_attenuation_limit(stream, limits[k]) == LINNET_OK);
    CHECK(linnet_process(stream, other, input, LENGTH) == LINNET_OK);
    for (i = delay; i < LENGTH; ++i) {
      double wanted = output[i] + shares[k] * ((double)other[i - delay] - output[i]);
      double error = input[i] > wanted ? input[i] - wanted : wanted - input[i];
      if (error > worst) worst = error;
    }
    CHECK(worst < 2e-7);
    linnet_destroy(stream);
  }
  linnet_destroy(enhanced);
}

int main(int argc, char **argv) {
  const model original = load_model(argc, argv);
  uint32_t lookahead;
  int any_block;
  make_hard_input();
  for (lookahead = 0; lookahead <= 3; ++lookahead) {
    blob = with_lookahead(original, lookahead);
    for (any_block = 0; any_block <= 1; ++any_block) {
      delay_is_what_the_model_says(any_block, (int)lookahead);
      limit_0_gives_the_delayed_input(any_block);
    }
    free_model(blob);
  }
  blob = original;
  for (any_block = 0; any_block <= 1; ++any_block) {
    in_place_is_the_same(any_block);
    a_switch_to_0_is_exact_after_one_frame(any_block);
  }
  a_change_is_ramped_over_one_frame();
  a_limit_puts_back_its_share_of_the_input();
  free_model(blob);
  return check_summary();
}
