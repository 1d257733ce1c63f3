/* The caller's floating-point mode neither changes a bit of the output nor is changed itself: flush-to-zero, denormals
 * as zero, every rounding direction, trapping exceptions and sticky flags, set before each function and compared after
 * it. */
#include "common.h"
#include "selftest/fp_mode.h"

#define LENGTH (12 * FRAME)

#if defined(__x86_64__) || defined(__i386__)
/* FTZ and DAZ; three directions; all exceptions unmasked; all flags up; everything at once */
static const uint64_t kHostile[] = {0x9fc0, 0x3f80, 0x5f80, 0x7f80, 0x0000, 0x1fbf, 0xffc0, 0xffff};
#elif defined(__aarch64__)
/* FZ; FZ and default NaN; three directions; traps (most CPUs ignore them); flags and saturation up; everything */
static const uint64_t kHostile[] = {0x01000000, 0x03080000, 0x00400000,         0x00800000,
                                    0x00c00000, 0x00009f00, 0x0800009f00000000, 0x0800009f03c00000};
#elif defined(__arm__) && defined(__ARM_FP)
static const uint64_t kHostile[] = {0x01000000, 0x03000000, 0x00400000, 0x00800000,
                                    0x00c00000, 0x00009f00, 0x0800009f, 0x03c0009f};
#elif defined(__riscv) && defined(__riscv_flen)
/* towards zero, down, up, nearest with ties away; flags up */
static const uint64_t kHostile[] = {0x20, 0x40, 0x60, 0x80, 0x1f, 0x7f};
#else
static const uint64_t kHostile[] = {0};
#endif

static model blob;
static const char *path;
static float input[LENGTH], expected[LENGTH], output[LENGTH];
static int16_t input_i16[LENGTH], expected_i16[LENGTH], output_i16[LENGTH];

/* Runs a statement in a hostile mode and checks that the mode is as it was; no arithmetic of the test in between. */
#define IN_MODE(hostile, statement)         \
  do {                                      \
    uint64_t set_, before_, after_;         \
    const uint64_t normal_ = fp_get_mode(); \
    set_ = (hostile);                       \
    fp_set_mode(set_);                      \
    before_ = fp_get_mode();                \
    statement;                              \
    after_ = fp_get_mode();                 \
    fp_set_mode(normal_);                   \
    CHECK(before_ == after_);               \
  } while (0)

static void make_hostile_input(void) {
  size_t i;
  float level = 1;
  make_signal(input, LENGTH, 81);
  for (i = 0; i < LENGTH; ++i) {
    if (i > LENGTH / 2) input[i] *= level;
    if (i % 16 == 0 && i > LENGTH / 2) level *= 0.5f; /* through the denormals to zero */
    if (i % 1001 == 0) input[i] = float_of(0x7f800000u);
    if (i % 1003 == 0) input[i] = float_of(0x7f800001u);
    if (i % 1007 == 0) input[i] = float_of(0x7f7fffffu);
    if (i % 1009 == 0) input[i] = float_of(0x00000001u);
    input_i16[i] = (int16_t)(i * 2654435761u >> 16);
  }
}

static void settings(linnet_stream *stream, float limit) {
  CHECK(linnet_set_attenuation_limit(stream, limit) == LINNET_OK);
  CHECK(linnet_set_postfilter(stream, 0.7f) == LINNET_OK);
}

static void process_in_a_hostile_mode(uint64_t hostile, float limit) {
  linnet_stream *normal = make_stream(blob, 1), *stream = NULL, *from_file = NULL, *in_memory = NULL;
  linnet_model *of_blob = NULL, *of_file = NULL;
  linnet_config config = make_config(1);
  linnet_stats stats, wanted;
  linnet_status status = LINNET_ERR_STATE;
  size_t bytes = 0;
  void *memory;
  memset(&stats, 0, sizeof stats); /* padding too */
  memset(&wanted, 0, sizeof wanted);
  settings(normal, limit);
  CHECK(linnet_process(normal, input, expected, LENGTH) == LINNET_OK);
  wanted.size = stats.size = sizeof stats;
  CHECK(linnet_get_stats(normal, &wanted) == LINNET_OK);
  CHECK(linnet_process_i16(normal, input_i16, expected_i16, LENGTH) == LINNET_OK);

  IN_MODE(hostile, status = linnet_size(blob.handle, &config, &bytes));
  CHECK(status == LINNET_OK && bytes > 0);
  memory = aligned_memory(bytes);
  IN_MODE(hostile, status = linnet_init(memory, bytes, blob.handle, &config, &in_memory));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_model_create(blob.data, blob.size, &of_blob));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_model_load(path, &of_file));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_create(of_file, &config, &from_file));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_create(blob.handle, &config, &stream));
  REQUIRE(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_set_attenuation_limit(stream, limit));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_set_postfilter(stream, 0.7f));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_process(stream, input, output, LENGTH));
  CHECK(status == LINNET_OK && same_bits(output, expected, LENGTH));
  IN_MODE(hostile, status = linnet_get_stats(stream, &stats));
  CHECK(status == LINNET_OK && memcmp(&stats, &wanted, sizeof stats) == 0);
  IN_MODE(hostile, status = linnet_process_i16(stream, input_i16, output_i16, LENGTH));
  CHECK(status == LINNET_OK && memcmp(output_i16, expected_i16, sizeof output_i16) == 0);
  IN_MODE(hostile, status = linnet_reset(stream));
  CHECK(status == LINNET_OK);
  IN_MODE(hostile, status = linnet_process(stream, input, output, LENGTH));
  CHECK(status == LINNET_OK && same_bits(output, expected, LENGTH));
  IN_MODE(hostile, linnet_destroy(stream));

  settings(from_file, limit);
  settings(in_memory, limit);
  IN_MODE(hostile, status = linnet_process(from_file, input, output, LENGTH));
  CHECK(status == LINNET_OK && same_bits(output, expected, LENGTH));
  IN_MODE(hostile, status = linnet_process(in_memory, input, output, LENGTH));
  CHECK(status == LINNET_OK && same_bits(output, expected, LENGTH));
  linnet_destroy(normal);
  linnet_destroy(from_file);
  linnet_model_destroy(of_file);
  linnet_model_destroy(of_blob);
  linnet_destroy(in_memory);
  free(memory);
}

/* That the modes are hostile at all: a sum in one of them comes out differently. */
static void the_modes_change_arithmetic(void) {
  volatile float one = 1, three = 3, normal, result;
  uint64_t before = fp_get_mode();
  size_t i;
  int different = 0;
  normal = one / three;
  for (i = 0; i < sizeof kHostile / sizeof kHostile[0]; ++i) {
    if (kHostile[i] == 0) continue; /* exceptions unmasked: the division itself would trap */
    fp_set_mode(kHostile[i]);
    result = one / three;
    fp_set_mode(before);
    different += bits_of(result) != bits_of(normal);
  }
  CHECK(different > 0 || !FP_MODES_KNOWN);
}

int main(int argc, char **argv) {
  size_t i;
  blob = load_model(argc, argv);
  path = argv[1];
  make_hostile_input();
  the_modes_change_arithmetic();
  for (i = 0; i < sizeof kHostile / sizeof kHostile[0]; ++i) {
    process_in_a_hostile_mode(kHostile[i], 100);
    process_in_a_hostile_mode(kHostile[i], 9);
  }
  if (!FP_MODES_KNOWN) printf("skipped: no floating-point modes on this platform\n");
  free_model(blob);
  return check_summary();
}
