/* linnet_reset: bit for bit as newly created, the controls kept, whatever the stream has been through and wherever in a
 * frame it stood; statistics included. A second argument is the number of random points, 16 without it. */
#include "common.h"

#define LENGTH (16 * FRAME)
#define FRAMES 8 /* longer than the longest delay */
#define MOST (8 * FRAMES * FRAME)

static model blob;
static int points = 16;
static float input[MOST], fresh_out[MOST], reset_out[MOST], scrap[MOST];

static int same_stats(const linnet_stream *a, const linnet_stream *b) {
  linnet_stats x, y;
  memset(&x, 0, sizeof x);
  memset(&y, 0, sizeof y);
  x.size = y.size = sizeof x;
  return linnet_get_stats(a, &x) == LINNET_OK && linnet_get_stats(b, &y) == LINNET_OK && memcmp(&x, &y, sizeof x) == 0;
}

static void reset_equals_new(int any_block) {
  uint32_t state = 41;
  linnet_stream *stream = make_stream(blob, any_block);
  int point;
  for (point = 0; point < points; ++point) {
    /* A past of random length and kind: speech-like, raw bits with NaN and infinity, or silence. */
    size_t past = random_bits(&state) % LENGTH, i;
    float limit = (float)(random_bits(&state) % 101), amount = (float)(random_bits(&state) % 101) / 100.0f;
    uint32_t kind = random_bits(&state) % 3;
    linnet_stream *fresh = make_stream(blob, any_block);
    if (!any_block) past -= past % FRAME;
    for (i = 0; i < past; ++i) {
      scrap[i] = kind == 0 ? input[LENGTH - 1 - i] : kind == 1 ? float_of(random_bits(&state)) : 0.0f;
    }
    CHECK(linnet_process(stream, scrap, scrap, past) == LINNET_OK);
    CHECK(linnet_set_attenuation_limit(stream, limit) == LINNET_OK);
    CHECK(linnet_set_postfilter(stream, amount) == LINNET_OK);
    if (point % 2) CHECK(linnet_process(stream, scrap, scrap, past) == LINNET_OK);
    CHECK(linnet_reset(stream) == LINNET_OK);

    CHECK(same_stats(stream, fresh));
    CHECK(linnet_set_attenuation_limit(fresh, limit) == LINNET_OK);
    CHECK(linnet_set_postfilter(fresh, amount) == LINNET_OK);
    CHECK(linnet_process(stream, input, reset_out, LENGTH) == LINNET_OK);
    CHECK(linnet_process(fresh, input, fresh_out, LENGTH) == LINNET_OK);
    CHECK(same_bits(reset_out, fresh_out, LENGTH));
    CHECK(same_stats(stream, fresh));
    linnet_destroy(fresh);
  }
  linnet_destroy(stream);
}

static void play(linnet_stream *stream, size_t frames, uint32_t *state) {
  const size_t frame = (size_t)linnet_frame_size(stream), channels = (size_t)linnet_channels(stream);
  size_t i, samples = frames * frame, values;
  uint32_t kind = random_bits(state) % 4;
  if (samples && random_bits(state) % 2)
    samples -= random_bits(state) % frame; /* refused where only frames are taken */
  values = samples * channels;
  for (i = 0; i < values; ++i) {
    scrap[i] = kind == 0 ? random_sample(state) : kind == 1 ? float_of(random_bits(state)) : input[i];
  }
  if (kind == 3 && linnet_conceal(stream, scrap, samples) == LINNET_OK) return;
  if (linnet_process(stream, scrap, scrap, samples) != LINNET_OK)
    CHECK(linnet_gap(stream, frames * frame) == LINNET_OK);
}

/* The same at every rate, for every number of channels and every way of cutting, with losses in the past. */
static void reset_of_any_stream_equals_new(void) {
  static const int32_t rates[] = {8000, 16000, 24000, 32000, 48000};
  uint32_t state = 43;
  int point;
  for (point = 0; point < points; ++point) {
    linnet_config config = make_config((int)(random_bits(&state) % 2));
    linnet_stream *stream = NULL, *fresh = NULL;
    const float limit = (float)(random_bits(&state) % 101);
    size_t samples;
    config.spread = (int32_t)(random_bits(&state) % 2);
    config.channels = 1 + (int32_t)(random_bits(&state) % 8);
    config.sample_rate = rates[random_bits(&state) % 5];
    REQUIRE(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
    REQUIRE(linnet_create(blob.handle, &config, &fresh) == LINNET_OK);
    play(stream, random_bits(&state) % 6, &state);
    CHECK(linnet_set_attenuation_limit(stream, limit) == LINNET_OK);
    CHECK(linnet_set_attenuation_limit(fresh, limit) == LINNET_OK);
    play(stream, random_bits(&state) % 6, &state);
    CHECK(linnet_reset(stream) == LINNET_OK);
    CHECK(same_stats(stream, fresh));
    samples = FRAMES * (size_t)linnet_frame_size(stream);
    CHECK(linnet_process(stream, input, reset_out, samples) == LINNET_OK);
    CHECK(linnet_process(fresh, input, fresh_out, samples) == LINNET_OK);
    CHECK(same_bits(reset_out, fresh_out, samples * (size_t)config.channels));
    CHECK(same_stats(stream, fresh));
    linnet_destroy(stream);
    linnet_destroy(fresh);
  }
}

/* Without this the test above could pass on a stream that ignores its input. */
static void a_past_without_reset_is_heard(void) {
  linnet_stream *stream = make_stream(blob, 0), *fresh = make_stream(blob, 0);
  CHECK(linnet_process(stream, input, scrap, LENGTH) == LINNET_OK);
  CHECK(linnet_process(stream, input, reset_out, LENGTH) == LINNET_OK);
  CHECK(linnet_process(fresh, input, fresh_out, LENGTH) == LINNET_OK);
  CHECK(!same_bits(reset_out, fresh_out, LENGTH));
  linnet_destroy(stream);
  linnet_destroy(fresh);
}

static void reset_of_a_new_stream_changes_nothing(void) {
  linnet_stream *stream = make_stream(blob, 1), *fresh = make_stream(blob, 1);
  CHECK(linnet_reset(stream) == LINNET_OK && linnet_reset(stream) == LINNET_OK);
  CHECK(linnet_process(stream, input, reset_out, LENGTH) == LINNET_OK);
  CHECK(linnet_process(fresh, input, fresh_out, LENGTH) == LINNET_OK);
  CHECK(same_bits(reset_out, fresh_out, LENGTH));
  linnet_destroy(stream);
  linnet_destroy(fresh);
}

int main(int argc, char **argv) {
  const model original = load_model(argc, argv);
  if (argc > 2) points = atoi(argv[2]);
  make_signal(input, MOST, 40);
  /* Without look-ahead the very first frame is heard, and with it what the controls are at that moment. */
  blob = with_lookahead(original, 0);
  reset_equals_new(0);
  free_model(blob);
  blob = original;
  reset_equals_new(0);
  reset_equals_new(1);
  reset_of_any_stream_equals_new();
  a_past_without_reset_is_heard();
  reset_of_a_new_stream_changes_nothing();
  free_model(blob);
  return check_summary();
}
