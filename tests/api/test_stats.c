/* The statistics: within their ranges whatever the input, what the network's gains say they should be, and no byte
 * beyond the size that the caller gave. */
#include "common.h"

static model blob;

static void stats_are_within_their_ranges(void) {
  linnet_stream *stream = make_stream(blob, 0);
  linnet_stats stats;
  float x[FRAME];
  uint32_t state = 4;
  int frame, i;
  memset(&stats, 0x5a, sizeof stats);
  stats.size = sizeof stats;
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.speech_probability == 0 && stats.input_snr_db == 0 && stats.mean_gain == 0 && stats.pitch_hz == 160 &&
        stats.frame == 0);
  for (frame = 0; frame < 300; ++frame) {
    float level = frame < 100 ? 0.0f : frame < 200 ? 4.0f : 1e-4f;
    for (i = 0; i < FRAME; ++i) x[i] = level * random_sample(&state);
    CHECK(linnet_process(stream, x, x, FRAME) == LINNET_OK);
    CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
    CHECK(stats.speech_probability >= 0 && stats.speech_probability <= 1);
    CHECK(stats.input_snr_db >= -30 && stats.input_snr_db <= 60);
    CHECK(stats.mean_gain >= 0 && stats.mean_gain <= 1);
    CHECK(stats.pitch_hz >= 62.5f && stats.pitch_hz <= 800);
    CHECK(stats.size == sizeof stats);
    CHECK(stats.frame == (uint64_t)frame + 1);
  }
  CHECK(linnet_reset(stream) == LINNET_OK);
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  CHECK(stats.speech_probability == 0 && stats.input_snr_db == 0 && stats.mean_gain == 0 && stats.pitch_hz == 160 &&
        stats.frame == 0);
  linnet_destroy(stream);
}

/* The statistics of a model whose 34 gains are all this sigmoid's: the biases of the gain layer, the 41st record. */
static linnet_stats stats_with_gain_bias(float bias) {
  model changed = copy_model(blob);
  linnet_stats stats;
  linnet_stream *stream;
  float x[FRAME];
  uint64_t offset;
  uint32_t state = 5;
  int frame, i;
  memcpy(&offset, changed.data + 64 + 40 * 32 + 16, sizeof offset);
  for (i = 0; i < 34; ++i) memcpy(changed.data + offset + 4 * (size_t)i, &bias, sizeof bias);
  repair(changed);
  make_model(&changed);
  stream = make_stream(changed, 0);
  for (frame = 0; frame < 50; ++frame) {
    for (i = 0; i < FRAME; ++i) x[i] = 4 * random_sample(&state);
    CHECK(linnet_process(stream, x, x, FRAME) == LINNET_OK);
  }
  stats.size = sizeof stats;
  CHECK(linnet_get_stats(stream, &stats) == LINNET_OK);
  linnet_destroy(stream);
  free_model(changed);
  return stats;
}

static void stats_tell_what_the_gains_say(void) {
  linnet_stats open = stats_with_gain_bias(1000), shut = stats_with_gain_bias(-1000);
  linnet_model_info info;
  float filtered;
  info.size = sizeof info;
  CHECK(linnet_model_get_info(blob.handle, &info) == LINNET_OK);
  /* In 22 of the 34 bands a network with filters of low bins is heard by these as well. */
  filtered = strcmp(info.topology, "bandsplit") == 0 ? 22.0f / 34 : 0;
  CHECK(open.mean_gain > 0.999f - filtered && shut.mean_gain < 0.001f + filtered);
  CHECK(open.mean_gain - shut.mean_gain > 0.95f * (1 - filtered));
  /* Steady noise has no more than its floor, whatever the gains say. */
  CHECK(open.input_snr_db < 6 && shut.input_snr_db < 3);
  printf("gains open: %g, %g dB; shut: %g, %g dB\n", open.mean_gain, open.input_snr_db, shut.mean_gain,
         shut.input_snr_db);
}

static void stats_fill_no_more_than_the_callers_size(void) {
  linnet_stream *stream = make_stream(blob, 0);
  linnet_stats whole;
  size_t size;
  float x[8 * FRAME];
  make_signal(x, 8 * FRAME, 6);
  CHECK(linnet_process(stream, x, x, 8 * FRAME) == LINNET_OK);
  whole.size = sizeof whole;
  CHECK(linnet_get_stats(stream, &whole) == LINNET_OK);
  for (size = 0; size <= sizeof whole + 16; ++size) {
    union {
      linnet_stats stats;
      uint8_t bytes[sizeof(linnet_stats) + 16];
    } box, before;
    size_t field, end;
    memset(&box, 0x5a, sizeof box);
    box.stats.size = size;
    before = box;
    if (size < sizeof(size_t)) {
      CHECK(linnet_get_stats(stream, &box.stats) == LINNET_ERR_ARGUMENT);
      CHECK(memcmp(&box, &before, sizeof box) == 0);
      continue;
    }
    CHECK(linnet_get_stats(stream, &box.stats) == LINNET_OK);
    CHECK(box.stats.size == size);
    for (field = sizeof(size_t); field < sizeof whole; field = end) {
      size_t width = field == offsetof(linnet_stats, frame) ? sizeof whole.frame : sizeof(float);
      end = field + width;
      if (field <= offsetof(linnet_stats, pitch_hz) || field >= offsetof(linnet_stats, frame)) {
        CHECK(memcmp(box.bytes + field, (end <= size ? (const uint8_t *)&whole : before.bytes) + field, width) == 0);
      } else {
        end = offsetof(linnet_stats, frame); /* padding */
      }
    }
    CHECK(memcmp(box.bytes + sizeof whole, before.bytes + sizeof whole, 16) == 0);
  }
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  stats_are_within_their_ranges();
  stats_tell_what_the_gains_say();
  stats_fill_no_more_than_the_callers_size();
  free_model(blob);
  return check_summary();
}
