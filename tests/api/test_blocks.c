/* Cutting a stream into calls differently changes no bit: random cuts against one call, float and 16-bit samples, every
 * look-ahead, one frame of extra delay for any_block and nothing else, and 16-bit samples that are the rounded float
 * ones. A call with two whole frames at hand takes them through the network together, so that cuts also decide about
 * that. */
#include "common.h"

#define LENGTH (30 * FRAME)

static model blob;
static float input[LENGTH], whole[LENGTH], cut[LENGTH];
static int16_t input_i16[LENGTH], whole_i16[LENGTH], cut_i16[LENGTH];

static size_t next_block(int any_block, int style, size_t left, uint32_t *state) {
  size_t count;
  if (!any_block) {
    count = FRAME * (random_bits(state) % 5);
  } else if (style == 0) {
    count = random_bits(state) % 2000;
  } else if (style == 1) {
    count = 1 + random_bits(state) % 7;
  } else if (style == 2) {
    count = 128;
  } else {
    count = FRAME - 1 + random_bits(state) % 3;
  }
  return count < left ? count : left;
}

static void cuts_change_no_bit(model blob, int any_block, int rounds) {
  linnet_stream *stream = make_stream(blob, any_block);
  uint32_t state = 31;
  int round;
  CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
  linnet_destroy(stream);
  stream = make_stream(blob, any_block);
  CHECK(linnet_process_i16(stream, input_i16, whole_i16, LENGTH) == LINNET_OK);
  linnet_destroy(stream);
  for (round = 0; round < rounds; ++round) {
    size_t done = 0, count;
    linnet_stream *f32 = make_stream(blob, any_block), *i16 = make_stream(blob, any_block);
    memset(cut, 0, sizeof cut);
    memset(cut_i16, 0, sizeof cut_i16);
    while (done < LENGTH) {
      count = next_block(any_block, round % 4, LENGTH - done, &state);
      CHECK(linnet_process(f32, input + done, cut + done, count) == LINNET_OK);
      CHECK(linnet_process_i16(i16, input_i16 + done, cut_i16 + done, count) == LINNET_OK);
      done += count;
    }
    CHECK(same_bits(cut, whole, LENGTH));
    CHECK(memcmp(cut_i16, whole_i16, sizeof cut_i16) == 0);
    linnet_destroy(f32);
    linnet_destroy(i16);
  }
}

static void any_block_costs_one_frame_of_delay_and_no_bit(void) {
  linnet_stream *frames = make_stream(blob, 0), *any = make_stream(blob, 1);
  size_t i;
  CHECK(linnet_delay(any) == linnet_delay(frames) + FRAME);
  CHECK(linnet_process(frames, input, whole, LENGTH) == LINNET_OK);
  CHECK(linnet_process(any, input, cut, LENGTH) == LINNET_OK);
  for (i = 0; i < FRAME; ++i) CHECK(bits_of(cut[i]) == 0);
  CHECK(same_bits(cut + FRAME, whole, LENGTH - FRAME));
  linnet_destroy(frames);
  linnet_destroy(any);
}

/* Nearest integer of 32768 x, ties to even, saturated: in double, by comparison alone. */
static int16_t reference_i16(float x) {
  double scaled = (double)x * 32768.0, rest;
  int32_t below = -32768;
  if (scaled >= 32767) return 32767;
  if (scaled <= -32768) return -32768;
  below = (int32_t)(scaled + 65536.0) - 65536; /* floor */
  rest = scaled - below;
  if (rest > 0.5 || (rest == 0.5 && below % 2 != 0)) ++below;
  return (int16_t)below;
}

static void i16_is_float_divided_and_rounded(void) {
  linnet_stream *f32 = make_stream(blob, 0), *i16 = make_stream(blob, 0);
  size_t i, saturated = 0;
  for (i = 0; i < LENGTH; ++i) cut[i] = (float)input_i16[i] / 32768.0f;
  CHECK(linnet_set_postfilter(f32, 1) == LINNET_OK && linnet_set_postfilter(i16, 1) == LINNET_OK);
  CHECK(linnet_process(f32, cut, whole, LENGTH) == LINNET_OK);
  CHECK(linnet_process_i16(i16, input_i16, whole_i16, LENGTH) == LINNET_OK);
  for (i = 0; i < LENGTH; ++i) {
    CHECK(whole_i16[i] == reference_i16(whole[i]));
    saturated += whole_i16[i] == 32767 || whole_i16[i] == -32768;
  }
  printf("%lu saturated samples\n", (unsigned long)saturated);
  linnet_destroy(f32);
  linnet_destroy(i16);
}

int main(int argc, char **argv) {
  size_t i;
  uint32_t state = 30, lookahead;
  blob = load_model(argc, argv);
  make_signal(input, LENGTH, 30);
  for (i = 0; i < LENGTH; ++i) {
    /* half of it speech-like, half a full-scale square wave, so that the output meets the 16-bit limits */
    input_i16[i] = (int16_t)(i < LENGTH / 2 ? (int)(input[i] * 20000.0f) + (int)(random_bits(&state) % 3)
                                            : (i / 150 % 2 ? 32767 : -32768));
  }
  cuts_change_no_bit(blob, 0, 8);
  cuts_change_no_bit(blob, 1, 8);
  for (lookahead = 0; lookahead < 4; ++lookahead) {
    model other = with_lookahead(blob, lookahead);
    cuts_change_no_bit(other, 0, 2);
    cuts_change_no_bit(other, 1, 2);
    free_model(other);
  }
  any_block_costs_one_frame_of_delay_and_no_bit();
  i16_is_float_divided_and_rounded();
  free_model(blob);
  return check_summary();
}
