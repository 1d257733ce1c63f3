/* Every misuse that linnet.h speaks of, one function per promise: null pointers, configs, alignment, sizes, controls,
 * dead instances; and the proof that the header stands alone in C99: it is the first thing included here. Models have
 * test_model.c, statistics test_stats.c. */
#define _POSIX_C_SOURCE 200809L /* for common.h; must precede every system header */

#include "linnet.h"

#include "common.h"

static model blob;

static const linnet_status kAllStatus[] = {
    LINNET_OK,        LINNET_ERR_ARGUMENT,   LINNET_ERR_ALIGNMENT, LINNET_ERR_SIZE,    LINNET_ERR_NO_MEMORY,
    LINNET_ERR_IO,    LINNET_ERR_NOT_A_BLOB, LINNET_ERR_VERSION,   LINNET_ERR_CORRUPT, LINNET_ERR_RATE,
    LINNET_ERR_STATE, LINNET_ERR_BACKEND};
#define STATUS_COUNT (sizeof kAllStatus / sizeof kAllStatus[0])

static void version_abi_and_texts_are_never_null(void) {
  size_t i, j;
  const char *version = linnet_version();
  int major = -1, minor = -1, patch = -1;
  CHECK(version != NULL);
  CHECK(sscanf(version, "%d.%d.%d", &major, &minor, &patch) == 3 && major >= 0 && minor >= 0 && patch >= 0);
  CHECK(major == LINNET_VERSION_MAJOR && minor == LINNET_VERSION_MINOR && patch == LINNET_VERSION_PATCH);
  CHECK(linnet_abi() == LINNET_ABI);
  for (i = 0; i < STATUS_COUNT; ++i) {
    const char *text = linnet_status_text(kAllStatus[i]);
    CHECK(text != NULL && text[0] != 0);
    CHECK(strchr(text, '\n') == NULL);
    for (j = 0; j < i; ++j) CHECK(strcmp(text, linnet_status_text(kAllStatus[j])) != 0);
    CHECK(kAllStatus[i] == -(int)i);
  }
  CHECK(linnet_status_text((linnet_status)-12) != NULL);
  CHECK(linnet_status_text((linnet_status)1) != NULL);
  CHECK(linnet_status_text((linnet_status)-137) != NULL); /* more than C++ has room for in an enumeration so small */
}

static void null_arguments_are_refused_everywhere(void) {
  linnet_stream *stream = NULL;
  linnet_model *made = NULL;
  linnet_model_info info;
  size_t bytes = 0;
  float samples[FRAME] = {0};
  int16_t shorts[FRAME] = {0};
  linnet_stats stats;
  void *memory = aligned_memory(1 << 22);
  stats.size = sizeof stats;
  expect_models(NULL, blob.size, LINNET_ERR_ARGUMENT, "blob");
  expect_models(NULL, 0, LINNET_ERR_ARGUMENT, "blob, size 0");
  CHECK(linnet_size(blob.handle, NULL, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_create(blob.handle, NULL, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_init(NULL, 1 << 22, blob.handle, NULL, &stream) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_init(memory, 1 << 22, blob.handle, NULL, NULL) == LINNET_ERR_ARGUMENT);
  expect_streams(NULL, NULL, LINNET_ERR_ARGUMENT, "model");
  CHECK(linnet_model_size(blob.data, blob.size, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_create(blob.data, blob.size, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_init(NULL, 1 << 22, blob.data, blob.size, &made) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_init(memory, 1 << 22, blob.data, blob.size, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_load(NULL, &made) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_load("no matter", NULL) == LINNET_ERR_ARGUMENT);
  info.size = sizeof info;
  CHECK(linnet_model_get_info(NULL, &info) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_model_get_info(blob.handle, NULL) == LINNET_ERR_ARGUMENT);
  linnet_model_destroy(NULL);
  CHECK(stream == NULL && made == NULL);
  CHECK(linnet_process(NULL, samples, samples, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(NULL, samples, samples, 0) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_i16(NULL, shorts, shorts, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_reset(NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_set_attenuation_limit(NULL, 10) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_set_postfilter(NULL, 0.5f) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_get_stats(NULL, &stats) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_sample_rate(NULL) == 0);
  CHECK(linnet_frame_size(NULL) == 0);
  CHECK(linnet_delay(NULL) == 0);
  CHECK(strcmp(linnet_backend(NULL), "") == 0);
  linnet_destroy(NULL);

  stream = make_stream(blob, 0);
  CHECK(linnet_process(stream, NULL, samples, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, samples, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_i16(stream, NULL, shorts, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_i16(stream, shorts, NULL, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_get_stats(stream, NULL) == LINNET_ERR_ARGUMENT);
  linnet_destroy(stream);
  free(memory);
  (void)bytes;
}

static void config_null_means_defaults(void) {
  linnet_stream *defaults = NULL, *chosen = NULL;
  linnet_config config = make_config(0);
  size_t a = 0, b = 0;
  config.sample_rate = 48000;
  REQUIRE(linnet_create(blob.handle, NULL, &defaults) == LINNET_OK);
  REQUIRE(linnet_create(blob.handle, &config, &chosen) == LINNET_OK);
  CHECK(linnet_sample_rate(defaults) == 48000 && linnet_sample_rate(chosen) == 48000);
  CHECK(linnet_frame_size(defaults) == FRAME && linnet_frame_size(chosen) == FRAME);
  CHECK(linnet_delay(defaults) == linnet_delay(chosen));
  CHECK(strcmp(linnet_backend(defaults), linnet_backend(chosen)) == 0);
  CHECK(linnet_size(blob.handle, NULL, &a) == LINNET_OK);
  CHECK(linnet_size(blob.handle, &config, &b) == LINNET_OK);
  CHECK(a == b && a > 0 && a % LINNET_ALIGNMENT == 0);
  linnet_destroy(defaults);
  linnet_destroy(chosen);
}

static void other_rates_are_refused(void) {
  static const int32_t rates[] = {-48000, -1,    1,     7999,  8001,  11025,  12000,     22050,    31999,
                                  44100,  47999, 48001, 88200, 96000, 192000, INT32_MAX, INT32_MIN};
  size_t i;
  for (i = 0; i < sizeof rates / sizeof rates[0]; ++i) {
    linnet_config config = make_config(0);
    char note[32];
    sprintf(note, "%ld Hz", (long)rates[i]);
    config.sample_rate = rates[i];
    expect_streams(blob.handle, &config, LINNET_ERR_RATE, note);
  }
}

static void a_stream_tells_its_rate_frame_and_delay(void) {
  static const int32_t rates[] = {8000, 16000, 24000, 32000, 48000};
  size_t i;
  int any_block, spread;
  for (i = 0; i < sizeof rates / sizeof rates[0]; ++i) {
    for (any_block = 0; any_block <= 1; ++any_block) {
      for (spread = 0; spread <= 1; ++spread) {
        linnet_config config = make_config(any_block);
        linnet_stream *full = NULL, *stream = NULL;
        float *samples = calloc((size_t)rates[i], sizeof *samples);
        config.spread = spread;
        REQUIRE(samples && linnet_create(blob.handle, &config, &full) == LINNET_OK);
        config.sample_rate = rates[i];
        REQUIRE(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
        CHECK(linnet_sample_rate(stream) == rates[i] && linnet_frame_size(stream) == rates[i] / 100);
        CHECK(linnet_delay(stream) * (48000 / 100) == linnet_delay(full) * (rates[i] / 100));
        CHECK(linnet_process(stream, samples, samples, (size_t)rates[i]) == LINNET_OK);
        CHECK(linnet_process(stream, samples, samples, (size_t)rates[i] / 100 + 1) ==
              (any_block || spread ? LINNET_OK : LINNET_ERR_SIZE));
        free(samples);
        linnet_destroy(stream);
        linnet_destroy(full);
      }
    }
  }
}

static void any_block_is_0_or_1(void) {
  static const int32_t values[] = {-1, 2, 480, INT32_MAX, INT32_MIN};
  size_t i;
  for (i = 0; i < sizeof values / sizeof values[0]; ++i) {
    linnet_config config = make_config(values[i]);
    expect_streams(blob.handle, &config, LINNET_ERR_ARGUMENT, "any_block");
  }
}

/* Bad values are put in every field; only those whole within the size may be seen. */
static void config_fields_beyond_the_size_take_defaults(void) {
  size_t size;
  for (size = 0; size <= sizeof(linnet_config) + 24; ++size) {
    unsigned char bytes[sizeof(linnet_config) + 24];
    linnet_config config = make_config(77);
    linnet_config *view = (linnet_config *)aligned_memory(sizeof bytes);
    linnet_status wanted = LINNET_OK;
    char note[32];
    config.backend = "no such backend";
    config.size = size;
    memset(bytes, 0x5a, sizeof bytes);
    memcpy(bytes, &config, sizeof config);
    memcpy(view, bytes, sizeof bytes);
    if (size < sizeof(size_t)) {
      wanted = LINNET_ERR_ARGUMENT;
    } else if (size >= offsetof(linnet_config, any_block) + sizeof config.any_block) {
      wanted = LINNET_ERR_ARGUMENT;
    }
    sprintf(note, "size %lu", (unsigned long)size);
    expect_streams(blob.handle, view, wanted, note);

    view->any_block = 0;
    if (size >= offsetof(linnet_config, backend) + sizeof config.backend)
      wanted = LINNET_ERR_BACKEND;
    else if (size >= sizeof(size_t))
      wanted = LINNET_OK;
    expect_streams(blob.handle, view, wanted, note);

    view->sample_rate = 44100;
    if (size >= offsetof(linnet_config, sample_rate) + sizeof config.sample_rate) wanted = LINNET_ERR_RATE;
    expect_streams(blob.handle, view, wanted, note);
    free(view);
  }
}

static void alignment_of_memory_and_blob_is_checked(void) {
  size_t offset, bytes = 0, model_bytes = 0;
  linnet_stream *stream = NULL;
  linnet_model *made = NULL;
  uint8_t *copy = (uint8_t *)aligned_memory(blob.size + 64);
  uint8_t *memory;
  CHECK(linnet_size(blob.handle, NULL, &bytes) == LINNET_OK);
  CHECK(linnet_model_size(blob.data, blob.size, &model_bytes) == LINNET_OK && model_bytes <= bytes);
  memory = (uint8_t *)aligned_memory(bytes + 64);
  for (offset = 0; offset < 64; ++offset) {
    int fits = offset % LINNET_BLOB_ALIGNMENT == 0;
    memcpy(copy + offset, blob.data, blob.size);
    expect_models(copy + offset, blob.size, fits ? LINNET_OK : LINNET_ERR_ALIGNMENT, "blob");
    stream = NULL;
    CHECK(linnet_init(memory + offset, bytes, blob.handle, NULL, &stream) ==
          (offset ? LINNET_ERR_ALIGNMENT : LINNET_OK));
    CHECK((stream == NULL) == (offset != 0));
    made = NULL;
    CHECK(linnet_model_init(memory + offset, model_bytes, blob.data, blob.size, &made) ==
          (offset ? LINNET_ERR_ALIGNMENT : LINNET_OK));
    CHECK((made == NULL) == (offset != 0));
  }
  free(memory);
  free(copy);
}

static void alignment_of_samples_is_checked(void) {
  linnet_stream *stream = make_stream(blob, 1);
  uint8_t *bytes = (uint8_t *)aligned_memory(4 * FRAME);
  float *out = (float *)aligned_memory(sizeof(float) * FRAME);
  int offset;
  memset(bytes, 0, 4 * FRAME);
  for (offset = 1; offset < 4; ++offset) {
    CHECK(linnet_process(stream, (float *)(void *)(bytes + offset), out, 1) == LINNET_ERR_ALIGNMENT);
    CHECK(linnet_process(stream, out, (float *)(void *)(bytes + offset), 1) == LINNET_ERR_ALIGNMENT);
  }
  CHECK(linnet_process_i16(stream, (int16_t *)(void *)(bytes + 1), (int16_t *)out, 1) == LINNET_ERR_ALIGNMENT);
  CHECK(linnet_process_i16(stream, (int16_t *)out, (int16_t *)(void *)(bytes + 1), 1) == LINNET_ERR_ALIGNMENT);
  linnet_destroy(stream);
  free(bytes);
  free(out);
}

static void short_memory_is_refused(void) {
  size_t bytes = 0, given;
  linnet_stream *stream = NULL;
  linnet_model *made = NULL;
  void *memory;
  CHECK(linnet_size(blob.handle, NULL, &bytes) == LINNET_OK);
  memory = aligned_memory(bytes);
  for (given = 0; given < bytes; given += given < 256 ? 1 : bytes / 37) {
    CHECK(linnet_init(memory, given, blob.handle, NULL, &stream) == LINNET_ERR_SIZE);
  }
  CHECK(linnet_init(memory, bytes - 1, blob.handle, NULL, &stream) == LINNET_ERR_SIZE);
  CHECK(stream == NULL);
  CHECK(linnet_init(memory, bytes, blob.handle, NULL, &stream) == LINNET_OK);
  linnet_destroy(stream);
  free(memory);

  CHECK(linnet_model_size(blob.data, blob.size, &bytes) == LINNET_OK);
  CHECK(bytes > 0 && bytes % LINNET_ALIGNMENT == 0);
  memory = aligned_memory(bytes);
  for (given = 0; given < bytes; ++given) {
    CHECK(linnet_model_init(memory, given, blob.data, blob.size, &made) == LINNET_ERR_SIZE);
  }
  CHECK(made == NULL);
  CHECK(linnet_model_init(memory, bytes, blob.data, blob.size, &made) == LINNET_OK);
  linnet_model_destroy(made);
  free(memory);
}

static void partial_frames_are_refused_without_any_block(void) {
  static const size_t bad[] = {1, 2, 31, 160, 479, 481, 959, 961, 1441};
  linnet_stream *stream = make_stream(blob, 0);
  float *x = (float *)aligned_memory(sizeof(float) * 2048), *y = (float *)aligned_memory(sizeof(float) * 2048);
  int16_t *s = (int16_t *)aligned_memory(sizeof(int16_t) * 2048);
  size_t i;
  make_signal(x, 2048, 1);
  memset(s, 0, sizeof(int16_t) * 2048);
  for (i = 0; i < 2048; ++i) y[i] = 7.0f;
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    CHECK(linnet_process(stream, x, y, bad[i]) == LINNET_ERR_SIZE);
    CHECK(linnet_process_i16(stream, s, s, bad[i]) == LINNET_ERR_SIZE);
  }
  for (i = 0; i < 2048; ++i) CHECK(y[i] == 7.0f);
  CHECK(linnet_process(stream, x, y, 0) == LINNET_OK);
  CHECK(linnet_process(stream, NULL, NULL, 0) == LINNET_OK);
  CHECK(linnet_process_i16(stream, NULL, NULL, 0) == LINNET_OK);
  CHECK(linnet_process(stream, x, y, 480) == LINNET_OK);
  CHECK(linnet_process(stream, x, y, 1920) == LINNET_OK);
  linnet_destroy(stream);
  free(x);
  free(y);
  free(s);
}

static void impossible_lengths_and_overlaps_are_refused(void) {
  linnet_stream *stream = make_stream(blob, 1), *whole = make_stream(blob, 0);
  float *x = (float *)aligned_memory(sizeof(float) * 4 * FRAME);
  int16_t *s = (int16_t *)(void *)x;
  memset(x, 0, sizeof(float) * 4 * FRAME);
  CHECK(linnet_process(stream, x, x, SIZE_MAX) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, x, x, SIZE_MAX / sizeof(float)) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_i16(stream, s, s, SIZE_MAX) == LINNET_ERR_ARGUMENT);
  /* The most samples of which 8 channels could lie in one array, an odd number: no longer than may be, but no frames.
   */
  CHECK(linnet_process(whole, x, x, SIZE_MAX / 2 / sizeof(float) / 8) == LINNET_ERR_SIZE);
  CHECK(linnet_process(stream, x, x + 1, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, x + 1, x, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, x, x + FRAME - 1, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, x + FRAME - 1, x, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process_i16(stream, s, s + FRAME - 1, FRAME) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(stream, x, x + FRAME, FRAME) == LINNET_OK);
  CHECK(linnet_process(stream, x + FRAME, x, FRAME) == LINNET_OK);
  CHECK(linnet_process_i16(stream, s, s + FRAME, FRAME) == LINNET_OK);
  CHECK(linnet_process(stream, x, x, FRAME) == LINNET_OK);
  linnet_destroy(whole);
  linnet_destroy(stream);
  free(x);
}

static void controls_outside_their_range_are_refused(void) {
  linnet_stream *stream = make_stream(blob, 0);
  const float nan = float_of(0x7fc00000u), infinity = float_of(0x7f800000u);
  const float bad_both[] = {nan,    -nan,  float_of(0x7f800001u), infinity,     -infinity, -1e-3f, -1,
                            -1e30f, 1e30f, float_of(0x80000001u), -float_of(1u)};
  const float good_limit[] = {0, -0.0f, 1e-40f, 1e-3f, 0.5f, 1, 6, 20, 60, 99.9999f, 100};
  const float good_amount[] = {0, -0.0f, 1e-40f, 1e-3f, 0.5f, 0.9999f, 1};
  size_t i;
  for (i = 0; i < sizeof bad_both / sizeof bad_both[0]; ++i) {
    CHECK(linnet_set_attenuation_limit(stream, bad_both[i]) == LINNET_ERR_ARGUMENT);
    CHECK(linnet_set_postfilter(stream, bad_both[i]) == LINNET_ERR_ARGUMENT);
  }
  CHECK(linnet_set_attenuation_limit(stream, float_of(bits_of(100.0f) + 1)) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_set_postfilter(stream, float_of(bits_of(1.0f) + 1)) == LINNET_ERR_ARGUMENT);
  for (i = 0; i < sizeof good_limit / sizeof good_limit[0]; ++i) {
    CHECK(linnet_set_attenuation_limit(stream, good_limit[i]) == LINNET_OK);
  }
  for (i = 0; i < sizeof good_amount / sizeof good_amount[0]; ++i) {
    CHECK(linnet_set_postfilter(stream, good_amount[i]) == LINNET_OK);
  }
  linnet_destroy(stream);
}

static void a_refused_control_changes_nothing(void) {
  linnet_stream *touched = make_stream(blob, 0), *control = make_stream(blob, 0);
  float x[4 * FRAME], a[4 * FRAME], b[4 * FRAME];
  make_signal(x, 4 * FRAME, 5);
  CHECK(linnet_set_attenuation_limit(touched, 12) == LINNET_OK && linnet_set_postfilter(touched, 0.25f) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(control, 12) == LINNET_OK && linnet_set_postfilter(control, 0.25f) == LINNET_OK);
  CHECK(linnet_set_attenuation_limit(touched, -1) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_set_postfilter(touched, 2) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_process(touched, x, a, 4 * FRAME) == LINNET_OK);
  CHECK(linnet_process(control, x, b, 4 * FRAME) == LINNET_OK);
  CHECK(same_bits(a, b, 4 * FRAME));
  linnet_destroy(touched);
  linnet_destroy(control);
}

static void expect_dead(linnet_stream *stream, const char *note) {
  float x[FRAME] = {0};
  int16_t s[FRAME] = {0};
  linnet_stats stats;
  stats.size = sizeof stats;
  CHECK_CASE(linnet_process(stream, x, x, FRAME) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_process(stream, NULL, NULL, 0) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_process_i16(stream, s, s, FRAME) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_reset(stream) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_set_attenuation_limit(stream, 1) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_set_postfilter(stream, 1) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_get_stats(stream, &stats) == LINNET_ERR_STATE, note);
  CHECK_CASE(linnet_sample_rate(stream) == 0, note);
  CHECK_CASE(linnet_frame_size(stream) == 0, note);
  CHECK_CASE(linnet_delay(stream) == 0, note);
  CHECK_CASE(strcmp(linnet_backend(stream), "") == 0, note);
  linnet_destroy(stream);
}

static void only_live_instances_are_served(void) {
  size_t bytes = 0, i;
  linnet_stream *stream = NULL;
  uint8_t *memory;
  CHECK(linnet_size(blob.handle, NULL, &bytes) == LINNET_OK);
  memory = (uint8_t *)aligned_memory(bytes + 64);
  memset(memory, 0, bytes);
  expect_dead((linnet_stream *)(void *)memory, "zeroed");
  memset(memory, 0xff, bytes);
  expect_dead((linnet_stream *)(void *)memory, "all ones");
  memset(memory, 0xcc, bytes);
  expect_dead((linnet_stream *)(void *)memory, "fill pattern");
  REQUIRE(linnet_init(memory, bytes, blob.handle, NULL, &stream) == LINNET_OK);
  CHECK(linnet_reset(stream) == LINNET_OK);
  for (i = 1; i < 64; ++i) CHECK(linnet_reset((linnet_stream *)(void *)(memory + i)) == LINNET_ERR_STATE);
  linnet_destroy(stream);
  expect_dead(stream, "destroyed");
  REQUIRE(linnet_init(memory, bytes, blob.handle, NULL, &stream) == LINNET_OK);
  CHECK(linnet_reset(stream) == LINNET_OK);
  memset(memory, 0, bytes);
  expect_dead(stream, "wiped");
  free(memory);
}

static void expect_dead_model(linnet_model *dead, const char *note) {
  linnet_model_info info;
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  CHECK_CASE(linnet_model_get_info(dead, &info) == LINNET_ERR_STATE && info.weights == 0, note);
  expect_streams(dead, NULL, LINNET_ERR_STATE, note);
  linnet_model_destroy(dead);
}

static void only_live_models_are_served(void) {
  size_t bytes = 0, i;
  linnet_model *made = NULL;
  linnet_stream *stream = make_stream(blob, 0);
  uint8_t *memory;
  REQUIRE(linnet_model_size(blob.data, blob.size, &bytes) == LINNET_OK);
  memory = (uint8_t *)aligned_memory(bytes + 64);
  memset(memory, 0, bytes);
  expect_dead_model((linnet_model *)(void *)memory, "zeroed");
  memset(memory, 0xff, bytes);
  expect_dead_model((linnet_model *)(void *)memory, "all ones");
  memset(memory, 0xcc, bytes);
  expect_dead_model((linnet_model *)(void *)memory, "fill pattern");
  expect_dead_model((linnet_model *)(void *)stream, "a stream");
  CHECK(linnet_reset(stream) == LINNET_OK);
  CHECK(linnet_reset((linnet_stream *)(void *)blob.handle) == LINNET_ERR_STATE);
  linnet_destroy((linnet_stream *)(void *)blob.handle);
  REQUIRE(linnet_model_init(memory, bytes, blob.data, blob.size, &made) == LINNET_OK);
  expect_streams(made, NULL, LINNET_OK, "live");
  for (i = 1; i < 64; ++i) {
    CHECK(linnet_size((linnet_model *)(void *)(memory + i), NULL, &bytes) == LINNET_ERR_STATE);
  }
  linnet_model_destroy(made);
  expect_dead_model(made, "destroyed");
  linnet_destroy(stream);
  free(memory);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  version_abi_and_texts_are_never_null();
  null_arguments_are_refused_everywhere();
  config_null_means_defaults();
  other_rates_are_refused();
  a_stream_tells_its_rate_frame_and_delay();
  any_block_is_0_or_1();
  config_fields_beyond_the_size_take_defaults();
  alignment_of_memory_and_blob_is_checked();
  alignment_of_samples_is_checked();
  short_memory_is_refused();
  partial_frames_are_refused_without_any_block();
  impossible_lengths_and_overlaps_are_refused();
  controls_outside_their_range_are_refused();
  a_refused_control_changes_nothing();
  only_live_instances_are_served();
  only_live_models_are_served();
  free_model(blob);
  return check_summary();
}
