/* The stream's rest: in digital silence and with a limit of 0 dB. What comes after it does not depend on how long it
 * was nor on how the stream was cut into calls, a reset ends it, and statistics say what the header promises. */
#include "common.h"

#define LENGTH (400 * FRAME)
#define PATIENCE 200 /* frames, as linnet.h says */
#define WARM_UP 10

static model blob;
static float signal[LENGTH], input[LENGTH], output[LENGTH], other[LENGTH];
static int16_t input_i16[LENGTH], output_i16[LENGTH], other_i16[LENGTH];

static void fill(float *x, size_t from, size_t to, size_t source) {
  if (to > from) memcpy(x + from * FRAME, signal + source * FRAME, (to - from) * FRAME * sizeof(float));
}

/* Frames 0..50 sound, then `silence` frames of zeros of either sign, then 50 frames of the same sound as ever. */
static size_t make_pause(size_t silence) {
  size_t i;
  fill(input, 0, 50, 0);
  for (i = 50 * FRAME; i < (50 + silence) * FRAME; ++i) input[i] = i % 3 ? 0.0f : -0.0f;
  fill(input, 50 + silence, 100 + silence, 60);
  return (100 + silence) * FRAME;
}

static void its_length_leaves_no_trace(int any_block) {
  static const size_t silences[] = {PATIENCE + 1, PATIENCE + 2, 250, 299};
  linnet_stream *stream = make_stream(blob, any_block);
  size_t k, count;
  for (k = 0; k < sizeof silences / sizeof silences[0]; ++k) {
    count = make_pause(silences[k]);
    CHECK(linnet_reset(stream) == LINNET_OK);
    CHECK(linnet_process(stream, input, output, count) == LINNET_OK);
    if (k > 0) CHECK(same_bits(other, output + count - 50 * FRAME, 50 * FRAME));
    memcpy(other, output + count - 50 * FRAME, 50 * FRAME * sizeof(float));
  }
  linnet_destroy(stream);
}

static void its_output_is_zero_and_counted(void) {
  linnet_stream *stream = make_stream(blob, 0);
  linnet_stats before = {sizeof before, 0, 0, 0, 0, 0}, now = {sizeof now, 0, 0, 0, 0, 0};
  size_t frame, i;
  make_pause(250);
  for (frame = 0; frame < 350; ++frame) {
    CHECK(linnet_process(stream, input + frame * FRAME, output, FRAME) == LINNET_OK);
    CHECK(linnet_get_stats(stream, &now) == LINNET_OK && now.frame == frame + 1);
    if (frame == 50 + PATIENCE - 1) before = now;
    if (frame < 50 + PATIENCE || frame >= 300) continue;
    for (i = 0; i < FRAME; ++i) CHECK((bits_of(output[i]) & 0x7fffffffu) == 0);
    CHECK(now.speech_probability == 0 && now.mean_gain == before.mean_gain && now.pitch_hz == before.pitch_hz);
    CHECK(now.input_snr_db == before.input_snr_db);
  }
  linnet_destroy(stream);
}

/* Silence, limits of 0 dB and sound in every order; the limits change between calls, at the same samples. */
static void run_script(linnet_stream *stream, int i16, size_t most, uint32_t seed) {
  static const struct {
    size_t frames;
    float limit;
  } parts[] = {{30, 100}, {250, 0}, {30, 12}, {40, 0}, {20, 100}, {30, 0}};
  uint32_t state = seed;
  size_t k, done = 0, end = 0, count;
  for (k = 0; k < sizeof parts / sizeof parts[0]; ++k) {
    CHECK(linnet_set_attenuation_limit(stream, parts[k].limit) == LINNET_OK);
    for (end += parts[k].frames * FRAME; done < end; done += count) {
      count = most == 0 ? FRAME : most * FRAME;
      if (seed) count = most ? FRAME * (1 + random_bits(&state) % most) : 1 + random_bits(&state) % 1500;
      if (count > end - done) count = end - done;
      if (i16) {
        CHECK(linnet_process_i16(stream, input_i16 + done, other_i16 + done, count) == LINNET_OK);
      } else {
        CHECK(linnet_process(stream, input + done, other + done, count) == LINNET_OK);
      }
    }
  }
}

/* The script frame by frame, and in calls of up to `most` frames or, with 0, of any number of samples. */
static void two_ways_agree(int any_block, int i16, size_t most, uint32_t seed) {
  linnet_stream *stream = make_stream(blob, any_block);
  run_script(stream, i16, 1, 0);
  memcpy(output, other, sizeof output);
  memcpy(output_i16, other_i16, sizeof output_i16);
  linnet_destroy(stream);
  stream = make_stream(blob, any_block);
  run_script(stream, i16, most, seed);
  CHECK(same_bits(output, other, LENGTH));
  CHECK(memcmp(output_i16, other_i16, sizeof output_i16) == 0);
  linnet_destroy(stream);
}

static void cuts_change_no_bit(size_t silence_from, size_t silence_to) {
  size_t i;
  fill(input, 0, 400, 0);
  memset(input + silence_from * FRAME, 0, (silence_to - silence_from) * FRAME * sizeof(float));
  for (i = 0; i < LENGTH; ++i) input_i16[i] = (int16_t)(input[i] * 20000.0f);
  two_ways_agree(0, 0, 3, 12);
  two_ways_agree(1, 0, 0, 13);
  two_ways_agree(0, 1, 4, 14);
}

/* The limit is raised after `bypassed` frames at 0 dB: at once if the stream did not rest, else after the warming up.
 */
static void a_raised_limit_holds(size_t bypassed, size_t late) {
  linnet_stream *stream = make_stream(blob, 0);
  size_t delay = (size_t)linnet_delay(stream), from = bypassed * FRAME, ramp = from + late * FRAME, i, differs = 0;
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  CHECK(linnet_process(stream, signal, output, from) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(stream, 100) == LINNET_OK);
  CHECK(linnet_process(stream, signal + from, output + from, LENGTH - from) == LINNET_OK);
  CHECK(same_bits(output + delay, signal, ramp - delay));
  for (i = ramp; i < ramp + FRAME; ++i) differs += bits_of(output[i]) != bits_of(signal[i - delay]);
  CHECK(differs > FRAME / 2);
  linnet_destroy(stream);
}

static void a_reset_ends_it(void) {
  linnet_stream *stream = make_stream(blob, 1);
  CHECK(linnet_process(stream, signal, output, 100 * FRAME) == LINNET_OK);
  CHECK(linnet_reset(stream) == LINNET_OK);
  make_pause(200);
  CHECK(linnet_process(stream, input, other, 251 * FRAME + 5) == LINNET_OK); /* asleep, and awake again */
  CHECK(linnet_reset(stream) == LINNET_OK);
  CHECK(linnet_process(stream, signal, other, 100 * FRAME) == LINNET_OK);
  CHECK(same_bits(output, other, 100 * FRAME));
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  make_signal(signal, LENGTH, 50);
  its_length_leaves_no_trace(0);
  its_length_leaves_no_trace(1);
  its_output_is_zero_and_counted();
  cuts_change_no_bit(0, 0);
  cuts_change_no_bit(60, 290);
  if (!is_brief(argc, argv)) {
    cuts_change_no_bit(10, 220);
    cuts_change_no_bit(150, 360);
    cuts_change_no_bit(175, 285);
  }
  a_raised_limit_holds(20, 0);
  a_raised_limit_holds(PATIENCE, 0);
  a_raised_limit_holds(PATIENCE + 1, WARM_UP);
  a_raised_limit_holds(250, WARM_UP);
  a_reset_ends_it();
  free_model(blob);
  return check_summary();
}
