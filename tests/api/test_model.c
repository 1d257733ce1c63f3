/* Models as linnet.h promises to treat them: what is no blob, of another version, cut short, changed, or of another
 * network gets its status from every function that takes one; a model file is read and owned, one in memory borrowed
 * and never written. What it tells of itself, and that streams share it. */
#define _POSIX_C_SOURCE 200809L

#include <unistd.h>

#include "common.h"

static model blob;

static void what_is_no_blob_is_refused(void) {
  uint8_t *data = (uint8_t *)aligned_memory(blob.size + 64);
  size_t bytes, i;
  memset(data, 0, blob.size + 64);
  expect_models(data, 0, LINNET_ERR_NOT_A_BLOB, "empty");
  expect_models(data, blob.size, LINNET_ERR_NOT_A_BLOB, "zeros");
  memcpy(data, "RIFF....WAVE", 12);
  expect_models(data, blob.size, LINNET_ERR_NOT_A_BLOB, "another format");
  for (i = 0; i < 8; ++i) {
    memcpy(data, blob.data, blob.size);
    data[i] ^= 1;
    expect_models(data, blob.size, LINNET_ERR_NOT_A_BLOB, "magic");
    expect_models(data, i, LINNET_ERR_NOT_A_BLOB, "cut within the magic");
  }
  memcpy(data, blob.data, blob.size);
  data[8] ^= 2;
  expect_models(data, blob.size, LINNET_ERR_VERSION, "format version");
  CHECK(linnet_model_size(data, blob.size, &bytes) == LINNET_ERR_VERSION);
  memcpy(data, blob.data, blob.size);
  data[12] ^= 2;
  expect_models(data, blob.size, LINNET_ERR_VERSION, "feature version");
  CHECK(linnet_model_size(data, blob.size, &bytes) == LINNET_ERR_VERSION);
  memcpy(data, blob.data, blob.size);
  expect_models(data, blob.size, LINNET_OK, "intact");
  expect_models(data, blob.size + 64, LINNET_ERR_CORRUPT, "tail");
  for (i = 8; i < blob.size; i += i < 200 ? 1 : blob.size / 61) {
    expect_models(data, i, LINNET_ERR_CORRUPT, "cut short");
  }
  for (i = 16; i < blob.size; i += i < 200 ? 1 : blob.size / 61) {
    memcpy(data, blob.data, blob.size);
    data[i] ^= 0x10;
    expect_models(data, blob.size, LINNET_ERR_CORRUPT, "changed");
  }
  free(data);
}

/* A model that keeps every rule of the format but is not one that the network can run. */
static void a_sound_blob_of_another_network_is_refused(void) {
  static const struct {
    size_t at;
    uint32_t value;
    linnet_status wanted;
    const char *note;
  } cases[] = {{20, 3, LINNET_OK, "look-ahead 3"},
               {20, 4, LINNET_ERR_CORRUPT, "look-ahead 4"},
               {20, 0xffffffffu, LINNET_ERR_CORRUPT, "look-ahead -1"},
               {16, 3, LINNET_ERR_VERSION, "topology"},
               {16, 2, LINNET_ERR_CORRUPT, "another topology, whose records are others"},
               {16, 0xffffffffu, LINNET_ERR_VERSION, "topology -1"},
               {24, 0, LINNET_ERR_CORRUPT, "dense width 0"},
               {24, 512, LINNET_ERR_CORRUPT, "another dense width"},
               {28, 1024, LINNET_ERR_CORRUPT, "another hidden width"},
               {32, 512, LINNET_ERR_CORRUPT, "another strength width"}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    model changed = copy_model(blob);
    memcpy(changed.data + cases[i].at, &cases[i].value, sizeof cases[i].value);
    repair(changed);
    expect_models(changed.data, changed.size, cases[i].wanted, cases[i].note);
    free_model(changed);
  }
}

static void write_file(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  if (!file) return;
  CHECK(fwrite(data, 1, size, file) == size);
  CHECK(fclose(file) == 0);
}

static void model_files_are_read_or_refused(const char *path) {
  linnet_model *from_file = NULL;
  linnet_stream *stream = NULL, *from_memory = make_stream(blob, 0);
  float x[8 * FRAME], a[8 * FRAME], b[8 * FRAME];
  char scratch[] = "/tmp/linnet_contract_XXXXXX";
  int descriptor = mkstemp(scratch);
  uint8_t *data = (uint8_t *)aligned_memory(blob.size + 1);
  REQUIRE(linnet_model_load(path, &from_file) == LINNET_OK);
  REQUIRE(linnet_create(from_file, NULL, &stream) == LINNET_OK);
  make_signal(x, 8 * FRAME, 3);
  CHECK(linnet_process(stream, x, a, 8 * FRAME) == LINNET_OK);
  CHECK(linnet_process(from_memory, x, b, 8 * FRAME) == LINNET_OK);
  CHECK(same_bits(a, b, 8 * FRAME));
  linnet_destroy(stream);
  linnet_model_destroy(from_file);
  linnet_destroy(from_memory);

  from_file = NULL;
  CHECK(linnet_model_load("", &from_file) == LINNET_ERR_IO);
  CHECK(linnet_model_load("no/such/file", &from_file) == LINNET_ERR_IO);
  CHECK(linnet_model_load(".", &from_file) == LINNET_ERR_IO);
  CHECK(linnet_model_load("/dev/null", &from_file) == LINNET_ERR_NOT_A_BLOB);
  CHECK(linnet_model_load("/dev/zero", &from_file) == LINNET_ERR_NOT_A_BLOB);

  REQUIRE(descriptor >= 0);
  close(descriptor);
  memcpy(data, blob.data, blob.size);
  data[blob.size] = 0;
  write_file(scratch, data, blob.size + 1);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, blob.size - 1);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, 63);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, 5);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_NOT_A_BLOB);
  data[8] ^= 2;
  write_file(scratch, data, blob.size);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_VERSION);
  data[8] ^= 2;
  data[blob.size - 70] ^= 1;
  write_file(scratch, data, blob.size);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  memcpy(data, blob.data, blob.size);
  memset(data + 40, 0xff, 8); /* file_size: far above the limit, must not be allocated */
  write_file(scratch, data, blob.size);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  memset(data + 40, 0, 8);
  write_file(scratch, data, blob.size);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, blob.data, blob.size);
  CHECK(from_file == NULL);
  CHECK(linnet_model_load(scratch, &from_file) == LINNET_OK);
  linnet_model_destroy(from_file);
  remove(scratch);
  free(data);
}

/* The blob of a stream is never written: it may lie in read-only memory, here checked by its bytes. */
static void the_blob_is_only_borrowed(void) {
  uint8_t *copy = (uint8_t *)aligned_memory(blob.size);
  float x[8 * FRAME];
  model shared;
  linnet_stream *stream;
  memcpy(copy, blob.data, blob.size);
  shared.data = copy;
  shared.size = blob.size;
  make_model(&shared);
  stream = make_stream(shared, 0);
  make_signal(x, 8 * FRAME, 9);
  CHECK(linnet_process(stream, x, x, 8 * FRAME) == LINNET_OK);
  linnet_destroy(stream);
  linnet_model_destroy(shared.handle);
  CHECK(memcmp(copy, blob.data, blob.size) == 0);
  free(copy);
}

/* Names of any script: the library takes UTF-8. */
static void paths_are_utf8(void) {
  const char *path = "/tmp/linnet_\xc3\xa4\xe6\xbc\xa2\xf0\x9f\x90\xa6.linnet";
  linnet_model *made = NULL;
  write_file(path, blob.data, blob.size);
  CHECK(linnet_model_load(path, &made) == LINNET_OK);
  linnet_model_destroy(made);
  remove(path);
}

/* The header's fields in place, the counts by the records: rows, columns and bytes of each. */
static void info_tells_what_the_blob_says(void) {
  uint32_t lookahead, records, i, k;
  for (lookahead = 0; lookahead < 4; ++lookahead) {
    model changed = with_lookahead(blob, lookahead);
    linnet_model_info info;
    linnet_stream *stream = make_stream(changed, 0);
    uint64_t weights = 0, products = 0, read = 0;
    size_t bytes = 0;
    memcpy(&records, changed.data + 36, 4);
    for (i = 0; i < records; ++i) {
      uint32_t field[3]; /* kind, rows, cols */
      uint64_t size;
      memcpy(field, changed.data + 64 + 32 * i, sizeof field);
      memcpy(&size, changed.data + 64 + 32 * i + 24, sizeof size);
      read += size;
      if (field[0] != 3) weights += (uint64_t)field[1] * field[2];
      if (field[0] == 1 || field[0] == 2) products += (uint64_t)field[1] * field[2];
    }
    memset(&info, 0xff, sizeof info);
    info.size = sizeof info;
    REQUIRE(linnet_model_get_info(changed.handle, &info) == LINNET_OK);
    CHECK(info.size == sizeof info);
    CHECK(strcmp(info.topology, "percepnet") == 0);
    CHECK(info.delay_frames == (int32_t)lookahead + 1);
    CHECK(info.frame_size == FRAME);
    CHECK(info.delay_frames * info.frame_size == linnet_delay(stream));
    CHECK(info.weights == weights && info.multiply_adds == products && info.frame_bytes == read);
    CHECK(linnet_size(changed.handle, NULL, &bytes) == LINNET_OK && info.stream_bytes == bytes);
    linnet_destroy(stream);
    free_model(changed);
  }
  /* No more than the caller's size is written, and no part of a field. */
  for (i = 0; i <= sizeof(linnet_model_info); ++i) {
    unsigned char bytes[sizeof(linnet_model_info)];
    linnet_model_info info;
    memset(&info, 0xa5, sizeof info);
    info.size = i;
    CHECK(linnet_model_get_info(blob.handle, &info) == (i < sizeof(size_t) ? LINNET_ERR_ARGUMENT : LINNET_OK));
    memcpy(bytes, &info, sizeof bytes);
    for (k = i < sizeof(size_t) ? sizeof(size_t) : i; k < sizeof bytes; ++k) CHECK(bytes[k] == 0xa5);
  }
}

/* More streams than anybody holds on one model, one frame each in turn: each gives the bits of a stream alone. */
static void many_streams_share_a_model(void) {
  enum { STREAMS = 200 };
  static linnet_stream *streams[STREAMS];
  static float x[4 * FRAME], expected[4 * FRAME], y[FRAME];
  linnet_stream *alone = make_stream(blob, 0);
  int i, frame;
  make_signal(x, 4 * FRAME, 12);
  CHECK(linnet_process(alone, x, expected, 4 * FRAME) == LINNET_OK);
  linnet_destroy(alone);
  for (i = 0; i < STREAMS; ++i) streams[i] = make_stream(blob, 0);
  for (frame = 0; frame < 4; ++frame) {
    for (i = 0; i < STREAMS; ++i) {
      CHECK(linnet_process(streams[i], x + frame * FRAME, y, FRAME) == LINNET_OK);
      CHECK(same_bits(y, expected + frame * FRAME, FRAME));
    }
  }
  for (i = 0; i < STREAMS; ++i) linnet_destroy(streams[i]);
}

/* The one thing that may be done with a stream whose model is gone. */
static void streams_may_be_destroyed_after_their_model(void) {
  model copy = copy_model(blob);
  linnet_stream *streams[3];
  int i;
  make_model(&copy);
  for (i = 0; i < 3; ++i) streams[i] = make_stream(copy, i % 2);
  free_model(copy);
  for (i = 0; i < 3; ++i) linnet_destroy(streams[i]);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  what_is_no_blob_is_refused();
  a_sound_blob_of_another_network_is_refused();
  model_files_are_read_or_refused(argv[1]);
  the_blob_is_only_borrowed();
  paths_are_utf8();
  info_tells_what_the_blob_says();
  many_streams_share_a_model();
  streams_may_be_destroyed_after_their_model();
  free_model(blob);
  return check_summary();
}
