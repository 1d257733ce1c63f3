/* linnet_reset: bit for bit as newly created, the controls kept, whatever the stream has been through and wherever in a
 * frame it stood; statistics included. A second argument is the number of random points, 16 without it. */
#include "common.h"

#define LENGTH (16 * FRAME)

static model blob;
static int points = 16;
static float input[LENGTH], fresh_out[LENGTH], reset_out[LENGTH], scrap[LENGTH];

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
  make_signal(input, LENGTH, 40);
  /* Without look-ahead the very first frame is heard, and with it what the controls are at that moment. */
  blob = with_lookahead(original, 0);
  reset_equals_new(0);
  free_model(blob);
  blob = original;
  reset_equals_new(0);
  reset_equals_new(1);
  a_past_without_reset_is_heard();
  reset_of_a_new_stream_changes_nothing();
  free_model(blob);
  return check_summary();
}
