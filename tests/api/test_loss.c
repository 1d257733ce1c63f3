/* Lost samples: conceal and gap keep time exactly, change nothing that was not lost, follow no loss with a step, and
 * cutting them differently changes no bit; every status for its cause. With a limit of 0 dB the output is the input as
 * the stream takes it, so that time can be judged by bits. */
#include "common.h"

#define LENGTH (60 * FRAME)
#define FADE_IN 240

static model blob;
static float input[LENGTH], whole[LENGTH], other[LENGTH];
static int16_t input_i16[LENGTH], whole_i16[LENGTH];
static uint8_t lost[LENGTH];    /* whether the sample is lost */
static uint8_t altered[LENGTH]; /* that, or so soon after that it is still faded in */

/* Stretches of `unit` samples, one in five of them lost. */
static void lose_stretches(size_t unit, uint32_t seed) {
  uint32_t state = seed;
  size_t i, since = FADE_IN;
  for (i = 0; i < LENGTH; ++i) {
    if (i % unit == 0) lost[i] = i > 0 && random_bits(&state) % 5 == 0;
    if (i % unit != 0) lost[i] = lost[i - 1];
    since = lost[i] ? 0 : since + 1;
    altered[i] = since < FADE_IN;
  }
}

/* The samples from `from` on that are all lost or all not, at most `most`. */
static size_t run_from(size_t from, size_t most) {
  size_t count = 1;
  while (count < most && from + count < LENGTH && lost[from + count] == lost[from]) ++count;
  return count;
}

static void feed(linnet_stream *stream, size_t most, float *out) {
  size_t done = 0, count;
  for (; done < LENGTH; done += count) {
    count = run_from(done, most);
    if (lost[done]) {
      CHECK(linnet_conceal(stream, out + done, count) == LINNET_OK);
    } else {
      CHECK(linnet_process(stream, input + done, out + done, count) == LINNET_OK);
    }
  }
}

static void concealed_time_is_exact(int any_block, size_t unit) {
  linnet_stream *stream = make_stream(blob, any_block);
  size_t delay = (size_t)linnet_delay(stream), i, kept = 0, differs = 0;
  lose_stretches(unit, 5);
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  feed(stream, LENGTH, whole);
  for (i = 0; i + delay < LENGTH; ++i) {
    const int same = bits_of(whole[i + delay]) == bits_of(input[i]);
    if (!altered[i]) CHECK(same);
    kept += !altered[i];
    differs += altered[i] && !same;
  }
  CHECK(kept > LENGTH / 4 && differs > LENGTH / 20);
  linnet_destroy(stream);
}

/* A gap leaves out what conceal writes, and fades over what follows. */
static void a_gap_leaves_out_its_time(int any_block, size_t unit) {
  linnet_stream *stream = make_stream(blob, any_block), *twin = make_stream(blob, any_block);
  size_t done = 0, count, i, since = FADE_IN, kept = 0;
  lose_stretches(unit, 6);
  feed(twin, LENGTH, whole);
  for (; done < LENGTH; done += count) {
    count = run_from(done, LENGTH);
    if (lost[done]) {
      CHECK(linnet_gap(stream, count) == LINNET_OK);
      since = 0;
      continue;
    }
    CHECK(linnet_process(stream, input + done, other, count) == LINNET_OK);
    for (i = 0; i < count; ++i, ++since, ++kept) {
      if (since + 1 >= FADE_IN) CHECK(bits_of(other[i]) == bits_of(whole[done + i]));
    }
  }
  CHECK(kept > LENGTH / 2);
  linnet_destroy(stream);
  linnet_destroy(twin);
}

static void cuts_change_no_bit(void) {
  static const size_t cuts[] = {1, 7, 64, 479, 481, 1000};
  linnet_stream *stream = make_stream(blob, 1), *i16;
  size_t k, done, count;
  lose_stretches(700, 7);
  feed(stream, LENGTH, whole);
  for (k = 0; k < sizeof cuts / sizeof cuts[0]; ++k) {
    CHECK(linnet_reset(stream) == LINNET_OK);
    feed(stream, cuts[k], other);
    CHECK(same_bits(other, whole, LENGTH));
  }
  linnet_destroy(stream);

  /* 16-bit samples: the float ones, rounded. */
  stream = make_stream(blob, 1);
  i16 = make_stream(blob, 1);
  for (done = 0; done < LENGTH; ++done) input[done] = (float)input_i16[done] / 32768.0f;
  feed(stream, LENGTH, whole);
  for (done = 0; done < LENGTH; done += count) {
    count = run_from(done, 333);
    if (lost[done]) {
      CHECK(linnet_conceal_i16(i16, whole_i16 + done, count) == LINNET_OK);
    } else {
      CHECK(linnet_process_i16(i16, input_i16 + done, whole_i16 + done, count) == LINNET_OK);
    }
  }
  for (done = 0; done < LENGTH; ++done) {
    float error = (float)whole_i16[done] - whole[done] * 32768.0f;
    CHECK(error <= 0.5f && error >= -0.5f);
  }
  linnet_destroy(stream);
  linnet_destroy(i16);
}

/* A loss of the input, and one of a stretch of the output, of a slow tone: no step beyond the tone's own largest. */
static void nothing_steps(int gap) {
  linnet_stream *stream = make_stream(blob, 1);
  size_t i, used = 0;
  float largest = 0;
  double sine = 0, cosine = 0.5, step = 2 * 3.14159265358979 * 187 / 48000;
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  for (i = 0; i < LENGTH; ++i) {
    input[i] = (float)sine;
    sine += step * cosine;
    cosine -= step * sine;
  }
  for (i = 0; i < LENGTH; i += 1000) {
    if (i / 1000 % 7 == 3) {
      if (gap) {
        CHECK(linnet_gap(stream, 1000) == LINNET_OK);
        continue;
      }
      CHECK(linnet_conceal(stream, whole + used, 1000) == LINNET_OK);
    } else {
      CHECK(linnet_process(stream, input + i, whole + used, i + 1000 < LENGTH ? 1000 : LENGTH - i) == LINNET_OK);
    }
    used += i + 1000 < LENGTH ? 1000 : LENGTH - i;
  }
  for (i = 1; i < used; ++i) {
    float move = whole[i] > whole[i - 1] ? whole[i] - whole[i - 1] : whole[i - 1] - whole[i];
    if (move > largest) largest = move;
  }
  printf("largest step %g\n", (double)largest);
  CHECK(largest > 0.0120f && largest < 0.0200f); /* the tone's own: 0.5 * 2 pi 187 / 48000 = 0.0122 */
  linnet_destroy(stream);
}

/* A gap told of in parts, and one of no samples, in the middle of a fade too. */
static void parts_of_a_gap_are_one(int any_block, size_t part, size_t parts) {
  linnet_stream *stream = make_stream(blob, any_block), *twin = make_stream(blob, any_block);
  size_t i, unit = any_block ? 100 : FRAME;
  make_signal(input, LENGTH, 12);
  CHECK(linnet_process(stream, input, whole, 20 * FRAME) == LINNET_OK);
  CHECK(linnet_process(twin, input, other, 20 * FRAME) == LINNET_OK);
  CHECK(linnet_gap(stream, part * parts) == LINNET_OK);
  for (i = 0; i < parts; ++i) CHECK(linnet_gap(twin, part) == LINNET_OK);
  CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
  for (i = 0; i < LENGTH; i += unit) {
    CHECK(linnet_process(twin, input + i, other + i, LENGTH - i < unit ? LENGTH - i : unit) == LINNET_OK);
    CHECK(linnet_gap(twin, 0) == LINNET_OK);
  }
  CHECK(same_bits(whole, other, LENGTH));
  linnet_destroy(stream);
  linnet_destroy(twin);
}

static float peak(const float *x, size_t samples) {
  float most = 0;
  size_t i;
  for (i = 0; i < samples; ++i) most = x[i] > most ? x[i] : -x[i] > most ? -x[i] : most;
  return most;
}

/* Gaussian noise, every seventh frame lost: what is made up is no louder than what was there. */
static void made_up_noise_is_no_louder(int rate) {
  linnet_config config = make_config(1);
  linnet_stream *stream = NULL;
  uint32_t state = 21;
  size_t i, frame, delay, losses = 0;
  int round, draw;
  float most = 0;
  double sum = 0;
  config.sample_rate = rate;
  CHECK(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  frame = (size_t)linnet_frame_size(stream);
  delay = (size_t)linnet_delay(stream);
  for (round = 0; round < 25; ++round) {
    for (i = 0; i < LENGTH; ++i) {
      for (input[i] = 0, draw = 0; draw < 12; ++draw) input[i] += 0.03f * random_sample(&state);
    }
    CHECK(linnet_reset(stream) == LINNET_OK);
    for (i = 0; i < LENGTH / FRAME; ++i) {
      if (i % 7 == 6) {
        CHECK(linnet_conceal(stream, whole + i * frame, frame) == LINNET_OK);
      } else {
        CHECK(linnet_process(stream, input + i * frame, whole + i * frame, frame) == LINNET_OK);
      }
    }
    for (i = 6; (i + 1) * frame + delay <= LENGTH / FRAME * frame; i += 7, ++losses) {
      const float share = peak(whole + delay + i * frame, frame) / peak(whole + delay + (i - 6) * frame, 6 * frame);
      most = share > most ? share : most;
      sum += (double)share;
    }
  }
  printf("%d Hz: made-up peaks beside those before, mean %g, most %g\n", rate, sum / (double)losses, (double)most);
  CHECK(losses >= 175 && sum < 1.5 * (double)losses && most < 2.5f);
  linnet_destroy(stream);
}

static void hard_input_stays_bounded(void) {
  linnet_stream *stream = make_stream(blob, 1);
  uint32_t state = 9;
  size_t round;
  for (round = 0; round < 3000; ++round) {
    float x[8];
    size_t count = 1 + random_bits(&state) % 8, i;
    for (i = 0; i < count; ++i) x[i] = float_of(random_bits(&state));
    if (random_bits(&state) % 2) {
      CHECK(linnet_process(stream, x, x, count) == LINNET_OK);
    } else {
      CHECK(linnet_conceal(stream, x, count) == LINNET_OK);
    }
    CHECK(all_sane(x, count));
    if (random_bits(&state) % 16 == 0) CHECK(linnet_gap(stream, random_bits(&state) % 3) == LINNET_OK);
  }
  linnet_destroy(stream);
}

/* Hours pass in a moment, frames are counted, and what comes afterwards is what comes after a second. */
static void a_long_gap_is_short_work(void) {
  const size_t hours = (size_t)480 * 100 * 3600 * 5; /* below 2^32, for 32-bit targets */
  linnet_stream *stream = make_stream(blob, 1), *twin = make_stream(blob, 1);
  linnet_stats stats = {sizeof stats, 0, 0, 0, 0, 0};
  make_signal(input, LENGTH, 10);
  CHECK(linnet_process(stream, input, whole, LENGTH / 2) == LINNET_OK);
  CHECK(linnet_process(twin, input, other, LENGTH / 2) == LINNET_OK);
  CHECK(linnet_gap(stream, hours + 77) == LINNET_OK);
  CHECK(linnet_gap(twin, 480 * 250 + 77) == LINNET_OK);
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.frame == (hours + 77 + LENGTH / 2) / FRAME);
  CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
  CHECK(linnet_process(twin, input, other, LENGTH) == LINNET_OK);
  CHECK(same_bits(whole, other, LENGTH));
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.frame == (hours + 77 + LENGTH / 2 + LENGTH) / FRAME);
  linnet_destroy(stream);
  linnet_destroy(twin);
}

/* A long gap that begins in a silence, soon after the limit was set to 0 dB or after zeros of the other sign. */
static void a_gap_in_a_rest_is_frame_by_frame(int limit_at, float zero) {
  linnet_stream *stream = make_stream(blob, 0), *twin = make_stream(blob, 0);
  size_t i, round;
  for (i = 0; i < LENGTH; ++i) input[i] = zero;
  for (round = 0; round < 5; ++round) {
    if ((int)round == limit_at) {
      CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
      CHECK(linnet_set_attenuation_limit(twin, 0) == LINNET_OK);
    }
    CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
    CHECK(linnet_process(twin, input, other, LENGTH) == LINNET_OK);
  }
  if (limit_at == 5) CHECK(linnet_set_attenuation_limit(stream, 0) == LINNET_OK);
  if (limit_at == 5) CHECK(linnet_set_attenuation_limit(twin, 0) == LINNET_OK);
  CHECK(linnet_gap(stream, 300 * FRAME) == LINNET_OK);
  for (i = 0; i < 300; ++i) CHECK(linnet_gap(twin, FRAME) == LINNET_OK);
  make_signal(input, LENGTH, 14);
  for (round = 0; round < 3; ++round) {
    CHECK(linnet_process(stream, input, whole, LENGTH) == LINNET_OK);
    CHECK(linnet_process(twin, input, other, LENGTH) == LINNET_OK);
    CHECK(same_bits(whole, other, LENGTH));
    CHECK(linnet_set_attenuation_limit(stream, 100) == LINNET_OK);
    CHECK(linnet_set_attenuation_limit(twin, 100) == LINNET_OK);
  }
  linnet_destroy(stream);
  linnet_destroy(twin);
}

static void every_status_has_its_cause(void) {
  linnet_stream *stream = make_stream(blob, 0), *any = make_stream(blob, 1);
  CHECK(linnet_conceal(NULL, whole, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_conceal(stream, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_conceal(stream, whole, FRAME + 1) == LINNET_ERR_SIZE);
  CHECK(linnet_conceal(stream, (float *)((char *)whole + 1), FRAME) == LINNET_ERR_ALIGNMENT);
  CHECK(linnet_conceal(stream, NULL, 0) == LINNET_OK);
  CHECK(linnet_conceal_i16(NULL, whole_i16, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_conceal_i16(stream, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_conceal_i16(stream, whole_i16, FRAME + 1) == LINNET_ERR_SIZE);
  CHECK(linnet_gap(NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_gap(stream, FRAME + 1) == LINNET_ERR_SIZE);
  CHECK(linnet_gap(stream, 0) == LINNET_OK && linnet_gap(stream, FRAME) == LINNET_OK);
  CHECK(linnet_gap(any, 1) == LINNET_OK && linnet_conceal(any, whole, 1) == LINNET_OK);
  linnet_destroy(stream);
  linnet_destroy(any);
}

int main(int argc, char **argv) {
  size_t i;
  blob = load_model(argc, argv);
  make_signal(input, LENGTH, 40);
  for (i = 0; i < LENGTH; ++i) input_i16[i] = (int16_t)(input[i] * 20000.0f);
  concealed_time_is_exact(0, FRAME);
  concealed_time_is_exact(0, 2 * FRAME);
  concealed_time_is_exact(1, FRAME);
  concealed_time_is_exact(1, 777);
  a_gap_leaves_out_its_time(0, FRAME);
  a_gap_leaves_out_its_time(0, 2 * FRAME);
  a_gap_leaves_out_its_time(1, 900);
  a_gap_leaves_out_its_time(1, FRAME + 1);
  cuts_change_no_bit();
  nothing_steps(0);
  nothing_steps(1);
  parts_of_a_gap_are_one(0, FRAME, 2);
  parts_of_a_gap_are_one(0, FRAME, 10);
  parts_of_a_gap_are_one(0, 3 * FRAME, 100);
  parts_of_a_gap_are_one(1, 1, 600);
  parts_of_a_gap_are_one(1, 8, 75);
  parts_of_a_gap_are_one(1, 333, 10);
  made_up_noise_is_no_louder(48000);
  made_up_noise_is_no_louder(16000);
  hard_input_stays_bounded();
  a_gap_in_a_rest_is_frame_by_frame(0, -0.0f);
  a_gap_in_a_rest_is_frame_by_frame(5, 0.0f);
  a_gap_in_a_rest_is_frame_by_frame(9, 0.0f);
  a_long_gap_is_short_work();
  every_status_has_its_cause();
  free_model(blob);
  return check_summary();
}
