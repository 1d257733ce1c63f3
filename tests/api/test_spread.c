/* A stream whose frames are spread over the calls: the bits of any_block, one frame later, however it is cut into
 * calls, with losses and rests in it; delay, reset and the fields of the config. */
#include "common.h"

#define LENGTH (330 * FRAME)

static model blob;
static float input[LENGTH], whole[LENGTH + FRAME], spread[LENGTH + FRAME];
static int16_t input_i16[LENGTH], spread_i16[LENGTH];

static linnet_stream *make_spread(model blob, int any_block) {
  linnet_config config = make_config(any_block);
  linnet_stream *stream = NULL;
  config.spread = 1;
  CHECK(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
  return stream;
}

/* Every 13th call is lost. Calls end at the same samples for every size that divides 5 frames. */
static void run(linnet_stream *stream, size_t size, float *out) {
  size_t done = 0, count;
  for (; done < LENGTH; done += count) {
    count = size < LENGTH - done ? size : LENGTH - done;
    if (done / 2400 % 13 == 5) {
      CHECK(linnet_conceal(stream, out + done, count) == LINNET_OK);
    } else {
      CHECK(linnet_process(stream, input + done, out + done, count) == LINNET_OK);
    }
  }
}

static void bits_are_those_of_any_block(model blob) {
  static const size_t sizes[] = {48, 64, 100, 160, 480, 800, 2400};
  linnet_stream *any = make_stream(blob, 1), *stream = make_spread(blob, 0);
  size_t k, i;
  CHECK(linnet_delay(stream) == linnet_delay(any) + FRAME);
  run(any, 2400, whole);
  for (k = 0; k < sizeof sizes / sizeof sizes[0]; ++k) {
    if (2400 % sizes[k] != 0) continue;
    CHECK(linnet_reset(stream) == LINNET_OK);
    run(stream, sizes[k], spread);
    for (i = 0; i < FRAME; ++i) CHECK(bits_of(spread[i]) == 0);
    CHECK(same_bits(spread + FRAME, whole, LENGTH - FRAME));
  }
  linnet_destroy(any);
  linnet_destroy(stream);
}

static void cuts_change_no_bit(void) {
  linnet_stream *stream = make_spread(blob, 1), *i16 = make_spread(blob, 0);
  uint32_t state = 3;
  size_t done, count;
  int round;
  CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
  for (round = 0; round < 4; ++round) {
    CHECK(linnet_reset(stream) == LINNET_OK);
    CHECK(linnet_reset(i16) == LINNET_OK);
    for (done = 0; done < LENGTH; done += count) {
      count = random_bits(&state) % (round == 0 ? 9 : round == 1 ? 64 : 1500);
      if (count > LENGTH - done) count = LENGTH - done;
      CHECK(linnet_process(stream, input + done, spread + done, count) == LINNET_OK);
    }
    CHECK(same_bits(spread, whole, LENGTH));
  }
  CHECK(linnet_process_i16(i16, input_i16, spread_i16, LENGTH / 3) == LINNET_OK);
  linnet_destroy(stream);
  linnet_destroy(i16);
}

static void it_is_a_field_of_the_config(void) {
  linnet_config config = make_config(0);
  linnet_stream *stream = NULL;
  config.spread = 2;
  expect_streams(blob.handle, &config, LINNET_ERR_ARGUMENT, "spread 2");
  config.spread = -1;
  expect_streams(blob.handle, &config, LINNET_ERR_ARGUMENT, "spread -1");
  config.size = offsetof(linnet_config, spread); /* a caller that does not know it */
  CHECK(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
  CHECK(linnet_process(stream, input, spread, 64) == LINNET_ERR_SIZE);
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  uint32_t lookahead;
  size_t i;
  blob = load_model(argc, argv);
  make_signal(input, LENGTH, 60);
  memset(input + 40 * FRAME + 100, 0, 260 * FRAME * sizeof(float)); /* a rest */
  for (i = 0; i < LENGTH; ++i) input_i16[i] = (int16_t)(input[i] * 20000.0f);
  for (lookahead = 0; lookahead < 4; lookahead += is_brief(argc, argv) ? 2 : 1) {
    model other = with_lookahead(blob, lookahead);
    bits_are_those_of_any_block(other);
    free_model(other);
  }
  cuts_change_no_bit();
  it_is_a_field_of_the_config();
  free_model(blob);
  return check_summary();
}
