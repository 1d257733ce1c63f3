/* Model files that cannot be read as they should: linnet_model_load on a stream of the test's own, whose every read in
 * turn fails, which ends after any number of bytes or never, hands its bytes out in pieces, or does not open. Each
 * gives the status that linnet.h names, leaves *out alone, and closes what it has opened. */
#define _GNU_SOURCE /* fopencookie */
#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include "common.h"

static const char kTheirs[] = "a file of the test's own"; /* the path that is not looked up */

static struct {
  const uint8_t *data;
  size_t size;         /* where it ends */
  size_t at;           /* bytes handed out */
  size_t piece;        /* most that a read gets */
  unsigned long reads; /* up to now */
  unsigned long fail;  /* this read fails, 0 none */
  int open_error;      /* errno of an open that fails, or 0 */
  int endless, opened, closed;
} file;

static ssize_t read_piece(void *cookie, char *to, size_t wanted) {
  size_t count = wanted < file.piece ? wanted : file.piece;
  (void)cookie;
  if (++file.reads == file.fail) {
    errno = EIO;
    return -1;
  }
  if (!file.endless && count > file.size - file.at) count = file.size - file.at;
  if (file.at + count <= file.size)
    memcpy(to, file.data + file.at, count);
  else
    memset(to, 0, count);
  file.at += count;
  return (ssize_t)count;
}

/* That of a device that went away: what was read is read. */
static int close_badly(void *cookie) {
  (void)cookie;
  ++file.closed;
  errno = EIO;
  return -1;
}

#pragma GCC visibility push(default)
/* Stands in for the C library's. */
FILE *fopen(const char *path, const char *mode) {
  const cookie_io_functions_t functions = {read_piece, NULL, NULL, close_badly};
  const int reads = mode[0] == 'r';
  FILE *opened;
  int descriptor;
  if (strcmp(path, kTheirs) != 0) {
    descriptor = open(path, reads ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0666);
    return descriptor < 0 ? NULL : fdopen(descriptor, mode);
  }
  if (file.open_error) {
    errno = file.open_error;
    return NULL;
  }
  opened = fopencookie(NULL, mode, functions);
  file.opened += opened != NULL;
  return opened;
}
#pragma GCC visibility pop

static model blob;

static void begin(size_t size, size_t piece) {
  memset(&file, 0, sizeof file);
  file.data = blob.data;
  file.size = size;
  file.piece = piece;
}

static void expect_load(linnet_status wanted, const char *note, unsigned long number) {
  linnet_model *const untouched = (linnet_model *)(uintptr_t)64;
  linnet_model *made = untouched;
  char words[64];
  sprintf(words, "%s %lu", note, number);
  CHECK_CASE(linnet_model_load(kTheirs, &made) == wanted, words);
  CHECK_CASE((made == untouched) == (wanted != LINNET_OK), words);
  CHECK_CASE(file.opened == file.closed, words);
  if (made != untouched) linnet_model_destroy(made);
}

static void pieces_of_any_size_make_a_model(void) {
  static const size_t pieces[] = {1, 7, 63, 64, 65, 4096, SIZE_MAX};
  size_t i;
  for (i = 0; i < sizeof pieces / sizeof pieces[0]; ++i) {
    if (pieces[i] < blob.size / 20000) continue; /* a large model takes its time */
    begin(blob.size, pieces[i]);
    expect_load(LINNET_OK, "pieces of", (unsigned long)pieces[i]);
    CHECK(file.opened == 1 && file.at == blob.size);
  }
}

/* The last one that can fail is the look for a tail behind the model. */
static void each_read_that_fails_is_told(void) {
  const size_t piece = blob.size / 100;
  unsigned long n, reads;
  begin(blob.size, piece);
  expect_load(LINNET_OK, "no failure", 0);
  reads = file.reads;
  CHECK(reads > 100);
  for (n = 1; n <= reads; ++n) {
    begin(blob.size, piece);
    file.fail = n;
    expect_load(LINNET_ERR_IO, "read", n);
    CHECK(file.reads == n); /* it is not tried again */
  }
}

static void each_end_that_comes_early_is_told(void) {
  size_t size;
  for (size = 0; size < blob.size; size += size < 256 ? 1 : blob.size / 61) {
    begin(size, SIZE_MAX);
    expect_load(size < 8 ? LINNET_ERR_NOT_A_BLOB : LINNET_ERR_CORRUPT, "end after", (unsigned long)size);
  }
  begin(blob.size - 1, SIZE_MAX);
  expect_load(LINNET_ERR_CORRUPT, "all but", 1);
}

static void a_file_without_end_is_left_soon(void) {
  begin(blob.size, SIZE_MAX);
  file.endless = 1;
  expect_load(LINNET_ERR_CORRUPT, "endless", 0);
  CHECK(file.at < blob.size + 65536);
  begin(0, SIZE_MAX); /* zeros from the start */
  file.endless = 1;
  expect_load(LINNET_ERR_NOT_A_BLOB, "zeros", 0);
  CHECK(file.at < 65536);
}

static void each_error_of_opening_is_told(void) {
  static const int errors[] = {ENOENT, EACCES, EMFILE, ENFILE, EISDIR, EINTR, EIO};
  size_t i;
  for (i = 0; i < sizeof errors / sizeof errors[0]; ++i) {
    begin(blob.size, SIZE_MAX);
    file.open_error = errors[i];
    expect_load(LINNET_ERR_IO, "errno", (unsigned long)errors[i]);
    CHECK(file.opened == 0);
  }
  file.open_error = ENOMEM;
  expect_load(LINNET_ERR_NO_MEMORY, "errno", ENOMEM);
}

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  pieces_of_any_size_make_a_model();
  each_read_that_fails_is_told();
  each_end_that_comes_early_is_told();
  a_file_without_end_is_left_soon();
  each_error_of_opening_is_told();
  free_model(blob);
  return check_summary();
}
