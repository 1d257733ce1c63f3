/* Streams of several channels: layouts, and what each promise of a stream means for all of them together. Two equal
 * channels give what one gives; opposite ones give it with opposite signs, for nothing cancels; a silent one stays
 * silent; and blocks, losses, rests, limits, resets and rates are those of one channel. */
#include "common.h"

#define MOST 8
#define LENGTH (40 * FRAME)

static model blob;
static float input[LENGTH], alone[LENGTH]; /* of one channel */
static float many[MOST * LENGTH], out[MOST * LENGTH], other[MOST * LENGTH];
static int16_t many_i16[MOST * LENGTH], out_i16[MOST * LENGTH];
static float planes[MOST][LENGTH], results[MOST][LENGTH];

enum calls { WHOLE, ANY, SPREAD, KINDS_OF_CALLS };

static linnet_stream *make_channels(int channels, enum calls calls, int rate) {
  linnet_config config = make_config(calls == ANY);
  linnet_stream *stream = NULL;
  config.spread = calls == SPREAD;
  config.channels = channels;
  config.sample_rate = rate;
  if (linnet_create(blob.handle, &config, &stream) != LINNET_OK) {
    fprintf(stderr, "no stream of %d channels\n", channels);
    exit(2);
  }
  return stream;
}

/* Channels that have nothing to do with each other, interleaved and apart. */
static void make_different(int channels) {
  int c, i;
  for (c = 0; c < channels; ++c) {
    make_signal(planes[c], LENGTH, (uint32_t)(50 + c));
    for (i = 0; i < LENGTH; ++i) {
      planes[c][i] *= 1.0f / (float)(1 + c);
      many[i * channels + c] = planes[c][i];
    }
  }
}

static void one_to_eight_and_nothing_else(void) {
  static const int32_t bad[] = {-1, 9, 64, INT32_MAX, INT32_MIN};
  linnet_config config = make_config(0);
  size_t i, one = 0, before = 0, bytes;
  int channels;
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    config.channels = bad[i];
    expect_streams(blob.handle, &config, LINNET_ERR_ARGUMENT, "channels");
  }
  CHECK(linnet_size(blob.handle, NULL, &one) == LINNET_OK);
  for (channels = 0; channels <= MOST; ++channels) {
    linnet_stream *stream = make_channels(channels, WHOLE, 0);
    CHECK(linnet_channels(stream) == (channels ? channels : 1));
    config.channels = channels;
    CHECK(linnet_size(blob.handle, &config, &bytes) == LINNET_OK);
    CHECK(channels > 1 ? bytes > before : bytes == one);
    CHECK(bytes <= (size_t)MOST * one);
    before = bytes;
    linnet_destroy(stream);
  }
  CHECK(linnet_channels(NULL) == 0);
  config.channels = 77; /* of a caller that does not know the field */
  config.size = offsetof(linnet_config, channels);
  expect_streams(blob.handle, &config, LINNET_OK, "size before channels");
  CHECK(linnet_size(blob.handle, &config, &bytes) == LINNET_OK && bytes == one);
}

/* Two channels of one signal, the second one times `sign`, are each what a stream of one gives. */
static void two_are_as_one(enum calls calls, int rate, float sign) {
  linnet_stream *mono = make_channels(1, calls, rate), *stereo = make_channels(2, calls, rate);
  const size_t frame = (size_t)linnet_frame_size(mono);
  size_t done, count, call = 0, i, wrong = 0;
  linnet_stats a = {0}, b = {0};
  make_signal(input, LENGTH, 70);
  for (i = 0; i < LENGTH; ++i) {
    many[2 * i] = input[i];
    many[2 * i + 1] = sign * input[i];
  }
  CHECK(linnet_delay(mono) == linnet_delay(stereo));
  for (done = 0; done < LENGTH; done += count, ++call) {
    count = calls == WHOLE ? frame * (1 + call % 3) : 1 + call * 131 % 700;
    if (count > LENGTH - done) count = LENGTH - done;
    CHECK(linnet_set_postfilter(mono, (float)(call / 8 % 2)) == LINNET_OK);
    CHECK(linnet_set_postfilter(stereo, (float)(call / 8 % 2)) == LINNET_OK);
    CHECK(linnet_set_attenuation_limit(mono, call % 16 < 8 ? 100 : 12) == LINNET_OK);
    CHECK(linnet_set_attenuation_limit(stereo, call % 16 < 8 ? 100 : 12) == LINNET_OK);
    if (call % 10 == 7) {
      CHECK(linnet_conceal(mono, alone + done, count) == LINNET_OK);
      CHECK(linnet_conceal(stereo, out + 2 * done, count) == LINNET_OK);
      CHECK(linnet_gap(mono, count) == LINNET_OK && linnet_gap(stereo, count) == LINNET_OK);
    } else {
      CHECK(linnet_process(mono, input + done, alone + done, count) == LINNET_OK);
      CHECK(linnet_process(stereo, many + 2 * done, out + 2 * done, count) == LINNET_OK);
    }
    a.size = b.size = sizeof a;
    CHECK(linnet_get_stats(mono, &a) == LINNET_OK && linnet_get_stats(stereo, &b) == LINNET_OK);
    /* Spread work is divided otherwise, so that a frame may be done in another call. */
    if (calls != SPREAD) CHECK(memcmp(&a, &b, sizeof a) == 0);
  }
  for (i = 0; i < LENGTH; ++i) {
    wrong += bits_of(out[2 * i]) != bits_of(alone[i]);
    wrong += out[2 * i + 1] != sign * alone[i];
  }
  CHECK(wrong == 0);
  linnet_destroy(mono);
  linnet_destroy(stereo);
}

static void layouts_give_the_same_bits(int channels, enum calls calls) {
  linnet_stream *interleaved = make_channels(channels, calls, 0), *planar = make_channels(channels, calls, 0);
  linnet_stream *i16 = make_channels(channels, calls, 0), *in_place = make_channels(channels, calls, 0);
  const float *in[MOST];
  float *to[MOST], *same[MOST];
  size_t done, count, call = 0, i, wrong = 0, rounded = 0;
  int c;
  make_different(channels);
  for (i = 0; i < (size_t)channels * LENGTH; ++i) {
    many_i16[i] = (int16_t)(many[i] * 30000.0f);
    many[i] = (float)many_i16[i] / 32768.0f;
    planes[i % (size_t)channels][i / (size_t)channels] = many[i];
  }
  memcpy(other, many, sizeof other);
  for (done = 0; done < LENGTH; done += count, ++call) {
    const size_t at = done * (size_t)channels;
    count = calls == WHOLE ? FRAME * (1 + call % 3) : 1 + call * 131 % 700;
    if (count > LENGTH - done) count = LENGTH - done;
    for (c = 0; c < channels; ++c) {
      in[c] = planes[c] + done;
      to[c] = results[c] + done;
      same[c] = planes[(c + 1) % channels] + done; /* where another channel's samples lie */
    }
    if (call % 10 == 7) {
      CHECK(linnet_conceal(interleaved, out + at, count) == LINNET_OK);
      CHECK(linnet_conceal_planar(planar, to, count) == LINNET_OK);
      CHECK(linnet_conceal_i16(i16, out_i16 + at, count) == LINNET_OK);
      CHECK(linnet_conceal_planar(in_place, same, count) == LINNET_OK);
    } else {
      CHECK(linnet_process(interleaved, other + at, out + at, count) == LINNET_OK);
      CHECK(linnet_process_planar(planar, in, to, count) == LINNET_OK);
      CHECK(linnet_process_i16(i16, many_i16 + at, out_i16 + at, count) == LINNET_OK);
      CHECK(linnet_process_planar(in_place, in, same, count) == LINNET_OK);
    }
  }
  for (i = 0; i < (size_t)channels * LENGTH; ++i) {
    const size_t at = i / (size_t)channels, channel = i % (size_t)channels;
    const int saturated = out_i16[i] == 32767 || out_i16[i] == -32768;
    const float error = saturated ? 0 : (float)out_i16[i] - out[i] * 32768.0f;
    wrong += bits_of(results[channel][at]) != bits_of(out[i]);
    wrong += bits_of(planes[(channel + 1) % (size_t)channels][at]) != bits_of(out[i]);
    rounded += error > 0.5f || error < -0.5f;
  }
  CHECK(wrong == 0 && rounded == 0);
  CHECK(!same_bits(out, many, (size_t)channels * LENGTH));
  linnet_destroy(interleaved);
  linnet_destroy(planar);
  linnet_destroy(i16);
  linnet_destroy(in_place);
}

static void cuts_and_reset_change_no_bit(int channels) {
  linnet_stream *stream = make_channels(channels, ANY, 0);
  static const size_t cuts[] = {1, 7, 64, 479, 481, 1500};
  size_t k, done, count;
  make_different(channels);
  CHECK(linnet_process(stream, many, out, LENGTH) == LINNET_OK);
  for (k = 0; k < sizeof cuts / sizeof cuts[0]; ++k) {
    CHECK(linnet_reset(stream) == LINNET_OK);
    for (done = 0; done < LENGTH; done += count) {
      const size_t at = done * (size_t)channels;
      count = cuts[k] < LENGTH - done ? cuts[k] : LENGTH - done;
      CHECK(linnet_process(stream, many + at, other + at, count) == LINNET_OK);
    }
    CHECK(same_bits(other, out, (size_t)channels * LENGTH));
  }
  linnet_destroy(stream);
}

/* A channel of zeros stays one, a limit of 0 dB gives each channel's own input, and a stream rests when all are
 * silent. */
static void silence_and_bypass_are_of_each_channel(void) {
  linnet_stream *stream = make_channels(3, WHOLE, 0);
  const size_t delay = (size_t)linnet_delay(stream);
  size_t i, loud = 0, wrong = 0;
  linnet_stats stats = {0};
  stats.size = sizeof stats;
  make_different(3);
  for (i = 0; i < LENGTH; ++i) many[3 * i + 1] = 0;
  CHECK(linnet_process(stream, many, out, LENGTH) == LINNET_OK);
  for (i = 0; i < LENGTH; ++i) {
    wrong += out[3 * i + 1] != 0;
    loud += out[3 * i] != 0 && out[3 * i + 2] != 0;
  }
  CHECK(wrong == 0 && loud > LENGTH / 2);

  CHECK(linnet_reset(stream) == LINNET_OK && linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  CHECK(linnet_process(stream, many, out, LENGTH) == LINNET_OK);
  CHECK(same_bits(out + 3 * delay, many, 3 * (LENGTH - delay)));

  /* Two seconds with sound in one channel alone: no rest. */
  CHECK(linnet_set_attenuation_limit(stream, 100) == LINNET_OK);
  memset(other, 0, sizeof other);
  for (i = 0; i < LENGTH; ++i) other[3 * i + 2] = many[3 * i + 2];
  for (i = 0; i < 6; ++i) CHECK(linnet_process(stream, other, out, LENGTH) == LINNET_OK);
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.speech_probability > 0);
  memset(other, 0, sizeof other);
  for (i = 0; i < 6; ++i) CHECK(linnet_process(stream, other, out, LENGTH) == LINNET_OK);
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.speech_probability == 0);
  for (i = 0; i < 3 * LENGTH; ++i) CHECK(out[i] == 0);
  linnet_destroy(stream);
}

static void misuse_is_refused(void) {
  linnet_stream *stream = make_channels(2, ANY, 0), *whole = make_channels(2, WHOLE, 0);
  const float *in[2] = {planes[0], planes[1]};
  float *to[2] = {results[0], results[1]};
  int i;
  for (i = 0; i < 2 * LENGTH; ++i) out[i] = 7;
  CHECK(linnet_process(stream, many, many + 2 * FRAME - 1, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, many, many + 2 * FRAME, FRAME) == LINNET_OK);
  CHECK(linnet_process(stream, many, many, SIZE_MAX / 2) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(whole, many, out, FRAME / 2) == LINNET_ERR_SIZE); /* as many values as a frame of one */
  CHECK(linnet_process_planar(NULL, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_planar(stream, NULL, to, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_planar(stream, in, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_planar(stream, NULL, NULL, 0) == LINNET_OK);
  CHECK(linnet_conceal_planar(stream, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_planar(whole, in, to, FRAME + 1) == LINNET_ERR_SIZE);
  in[1] = NULL;
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  in[1] = (const float *)(const void *)((const char *)planes[1] + 2);
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ALIGNMENT);
  in[1] = in[0]; /* one signal twice */
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_OK);
  to[1] = results[0];
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  to[1] = results[0] + FRAME - 1;
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  to[1] = planes[0] + 1;
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  to[1] = NULL;
  CHECK(linnet_process_planar(stream, in, to, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_conceal_planar(stream, to, FRAME) == LINNET_ERR_ARGUMENT);
  for (i = 0; i < 2 * LENGTH; ++i) CHECK(out[i] == 7);
  linnet_destroy(stream);
  linnet_destroy(whole);
}

int main(int argc, char **argv) {
  static const int rates[] = {8000, 16000, 24000, 32000, 48000};
  const int brief = is_brief(argc, argv);
  int calls, channels;
  size_t i;
  blob = load_model(argc, argv);
  one_to_eight_and_nothing_else();
  for (calls = WHOLE; calls < KINDS_OF_CALLS; ++calls) {
    for (i = 0; i < sizeof rates / sizeof rates[0]; ++i) {
      if (!brief || (int)i % KINDS_OF_CALLS == calls) two_are_as_one((enum calls)calls, rates[i], 1);
    }
    two_are_as_one((enum calls)calls, 48000, -1);
    for (channels = 1; channels <= MOST; channels += channels < 3 ? 1 : 5) {
      if (!brief || channels == 3) layouts_give_the_same_bits(channels, (enum calls)calls);
    }
  }
  if (brief) layouts_give_the_same_bits(MOST, WHOLE);
  cuts_and_reset_change_no_bit(brief ? 3 : 2);
  if (!brief) cuts_and_reset_change_no_bit(5);
  silence_and_bypass_are_of_each_channel();
  misuse_is_refused();
  free_model(blob);
  return check_summary();
}
