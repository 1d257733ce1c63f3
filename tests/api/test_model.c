/* Models as linnet.h promises to treat them: what is no blob, of another version, cut short, changed, or of another
 * network gets its status from every function that takes one; a model file is read and owned, one in memory borrowed
 * and never written. */
#define _POSIX_C_SOURCE 200809L

#include <unistd.h>

#include "common.h"

static model blob;

static void what_is_no_blob_is_refused(void) {
  uint8_t *data = (uint8_t *)aligned_memory(blob.size + 64);
  size_t i;
  memset(data, 0, blob.size + 64);
  expect_all(data, 0, NULL, LINNET_ERR_NOT_A_BLOB, "empty");
  expect_all(data, blob.size, NULL, LINNET_ERR_NOT_A_BLOB, "zeros");
  memcpy(data, "RIFF....WAVE", 12);
  expect_all(data, blob.size, NULL, LINNET_ERR_NOT_A_BLOB, "another format");
  for (i = 0; i < 8; ++i) {
    memcpy(data, blob.data, blob.size);
    data[i] ^= 1;
    expect_all(data, blob.size, NULL, LINNET_ERR_NOT_A_BLOB, "magic");
    expect_all(data, i, NULL, LINNET_ERR_NOT_A_BLOB, "cut within the magic");
  }
  memcpy(data, blob.data, blob.size);
  data[8] ^= 2;
  expect_all(data, blob.size, NULL, LINNET_ERR_VERSION, "format version");
  memcpy(data, blob.data, blob.size);
  data[12] ^= 2;
  expect_all(data, blob.size, NULL, LINNET_ERR_VERSION, "feature version");
  memcpy(data, blob.data, blob.size);
  expect_all(data, blob.size, NULL, LINNET_OK, "intact");
  expect_all(data, blob.size + 64, NULL, LINNET_ERR_CORRUPT, "tail");
  for (i = 8; i < blob.size; i += i < 200 ? 1 : blob.size / 61) {
    expect_all(data, i, NULL, LINNET_ERR_CORRUPT, "cut short");
  }
  for (i = 16; i < blob.size; i += i < 200 ? 1 : blob.size / 61) {
    memcpy(data, blob.data, blob.size);
    data[i] ^= 0x10;
    expect_all(data, blob.size, NULL, LINNET_ERR_CORRUPT, "changed");
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
               {16, 2, LINNET_ERR_CORRUPT, "topology"},
               {24, 0, LINNET_ERR_CORRUPT, "dense width 0"},
               {24, 512, LINNET_ERR_CORRUPT, "another dense width"},
               {28, 1024, LINNET_ERR_CORRUPT, "another hidden width"},
               {32, 512, LINNET_ERR_CORRUPT, "another strength width"}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    model changed = copy_model(blob);
    memcpy(changed.data + cases[i].at, &cases[i].value, sizeof cases[i].value);
    repair(changed);
    expect_all(changed.data, changed.size, NULL, cases[i].wanted, cases[i].note);
    free(changed.data);
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
  linnet *from_file = NULL, *from_memory = make_stream(blob, 0);
  linnet_config config = make_config(0);
  float x[8 * FRAME], a[8 * FRAME], b[8 * FRAME];
  char scratch[] = "/tmp/linnet_contract_XXXXXX";
  int descriptor = mkstemp(scratch);
  uint8_t *data = (uint8_t *)aligned_memory(blob.size + 1);
  REQUIRE(linnet_create_from_file(path, NULL, &from_file) == LINNET_OK);
  make_signal(x, 8 * FRAME, 3);
  CHECK(linnet_process(from_file, x, a, 8 * FRAME) == LINNET_OK);
  CHECK(linnet_process(from_memory, x, b, 8 * FRAME) == LINNET_OK);
  CHECK(same_bits(a, b, 8 * FRAME));
  linnet_destroy(from_file);
  linnet_destroy(from_memory);

  from_file = NULL;
  CHECK(linnet_create_from_file("", NULL, &from_file) == LINNET_ERR_IO);
  CHECK(linnet_create_from_file("no/such/file", NULL, &from_file) == LINNET_ERR_IO);
  CHECK(linnet_create_from_file(".", NULL, &from_file) == LINNET_ERR_IO);
  CHECK(linnet_create_from_file("/dev/null", NULL, &from_file) == LINNET_ERR_NOT_A_BLOB);
  CHECK(linnet_create_from_file("/dev/zero", NULL, &from_file) == LINNET_ERR_NOT_A_BLOB);
  config.sample_rate = 16000;
  CHECK(linnet_create_from_file("no/such/file", &config, &from_file) == LINNET_ERR_RATE);
  CHECK(linnet_create_from_file(path, &config, &from_file) == LINNET_ERR_RATE);

  REQUIRE(descriptor >= 0);
  close(descriptor);
  memcpy(data, blob.data, blob.size);
  data[blob.size] = 0;
  write_file(scratch, data, blob.size + 1);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, blob.size - 1);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, 63);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, data, 5);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_NOT_A_BLOB);
  data[8] ^= 2;
  write_file(scratch, data, blob.size);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_VERSION);
  data[8] ^= 2;
  data[blob.size - 70] ^= 1;
  write_file(scratch, data, blob.size);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  memcpy(data, blob.data, blob.size);
  memset(data + 40, 0xff, 8); /* file_size: far above the limit, must not be allocated */
  write_file(scratch, data, blob.size);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  memset(data + 40, 0, 8);
  write_file(scratch, data, blob.size);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_ERR_CORRUPT);
  write_file(scratch, blob.data, blob.size);
  CHECK(from_file == NULL);
  CHECK(linnet_create_from_file(scratch, NULL, &from_file) == LINNET_OK);
  linnet_destroy(from_file);
  remove(scratch);
  free(data);
}

/* The blob of a stream is never written: it may lie in read-only memory, here checked by its bytes. */
static void the_blob_is_only_borrowed(void) {
  uint8_t *copy = (uint8_t *)aligned_memory(blob.size);
  float x[8 * FRAME];
  model shared;
  linnet *stream;
  memcpy(copy, blob.data, blob.size);
  shared.data = copy;
  shared.size = blob.size;
  stream = make_stream(shared, 0);
  make_signal(x, 8 * FRAME, 9);
  CHECK(linnet_process(stream, x, x, 8 * FRAME) == LINNET_OK);
  linnet_destroy(stream);
  CHECK(memcmp(copy, blob.data, blob.size) == 0);
  free(copy);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  what_is_no_blob_is_refused();
  a_sound_blob_of_another_network_is_refused();
  model_files_are_read_or_refused(argv[1]);
  the_blob_is_only_borrowed();
  free(blob.data);
  return check_summary();
}
