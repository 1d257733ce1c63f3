/* The memory of a stream: linnet_size is exact and nothing outside it is touched; a stream is one allocation, and so is
 * a model, of a file too, whose bytes it holds; whichever fails gives LINNET_ERR_NO_MEMORY, leaves *out alone and leaks
 * nothing; the stack that processing takes is no more than the header says. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>

#include "allocator.h"
#include "common.h"

#define GUARD 256
#define LENGTH (30 * FRAME)
#define STACK ((size_t)256 * 1024)
#define STACK_ALLOWED ((size_t)32 * 1024)

static model blob;
static const char *path;
static float input[LENGTH], output[LENGTH], expected[LENGTH];

static int intact(const uint8_t *bytes, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) {
    if (bytes[i] != (uint8_t)(i * 7 + 3)) return 0;
  }
  return 1;
}

static void paint(uint8_t *bytes, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) bytes[i] = (uint8_t)(i * 7 + 3);
}

/* Whatever the memory held before: the same bits; whatever lies around it: untouched. */
static void size_is_exact_and_kept_to(int any_block, int channels, int fill) {
  linnet_config config = make_config(any_block);
  linnet_stream *stream = NULL, *own = NULL;
  size_t bytes = 0, i;
  uint8_t *memory, *last;
  uint32_t state = 71;
  config.channels = channels;
  REQUIRE(linnet_create(blob.handle, &config, &own) == LINNET_OK);
  REQUIRE(linnet_size(blob.handle, &config, &bytes) == LINNET_OK);
  memory = (uint8_t *)aligned_memory(GUARD + bytes + GUARD);
  paint(memory, GUARD);
  paint(memory + GUARD + bytes, GUARD);
  memset(memory + GUARD, fill, bytes);
  last = memory + GUARD + bytes - 1;
  REQUIRE(linnet_init(memory + GUARD, bytes, blob.handle, &config, &stream) == LINNET_OK);
  CHECK((uint8_t *)stream >= memory + GUARD && (uint8_t *)stream <= last);
  for (i = 0; i < LENGTH; ++i) input[i] = random_sample(&state);
  CHECK(linnet_process(stream, input, output, LENGTH / (size_t)channels) == LINNET_OK);
  CHECK(linnet_process(own, input, expected, LENGTH / (size_t)channels) == LINNET_OK);
  CHECK(same_bits(output, expected, LENGTH));
  CHECK(linnet_reset(stream) == LINNET_OK);
  linnet_destroy(stream);
  linnet_destroy(own);
  CHECK(intact(memory, GUARD));
  CHECK(intact(memory + GUARD + bytes, GUARD));
  free(memory);
}

static unsigned long live(void) { return allocator_made - allocator_freed; }

enum { A_STREAM, A_MODEL, A_MODEL_FILE };

static linnet_config wanted; /* of the streams that are made */

static linnet_status create(int what, void **out) {
  if (what == A_STREAM) return linnet_create(blob.handle, &wanted, (linnet_stream **)out);
  if (what == A_MODEL) return linnet_model_create(blob.data, blob.size, (linnet_model **)out);
  return linnet_model_load(path, (linnet_model **)out);
}

static void destroy(int what, void *made) {
  if (what == A_STREAM)
    linnet_destroy((linnet_stream *)made);
  else
    linnet_model_destroy((linnet_model *)made);
}

static void allocations_are_as_promised(void) {
  linnet_stream *stream = NULL;
  linnet_model *made = NULL;
  linnet_model_info info;
  void *object = NULL;
  size_t bytes = 0, model_bytes = 0;
  unsigned long before = allocator_made, calls;
  uint8_t *memory;
  CHECK(linnet_model_size(blob.data, blob.size, &model_bytes) == LINNET_OK);
  info.size = sizeof info;
  CHECK(linnet_model_get_info(blob.handle, &info) == LINNET_OK);
  CHECK(linnet_size(blob.handle, &wanted, &bytes) == LINNET_OK);
  CHECK(allocator_made == before);
  memory = (uint8_t *)aligned_memory(bytes);
  calls = allocator_calls;
  CHECK(linnet_init(memory, bytes, blob.handle, &wanted, &stream) == LINNET_OK);
  linnet_destroy(stream);
  CHECK(linnet_model_init(memory, bytes, blob.data, blob.size, &made) == LINNET_OK);
  linnet_model_destroy(made);
  CHECK(allocator_calls == calls);
  free(memory);

  allocator_largest = 0;
  before = allocator_made;
  CHECK(create(A_STREAM, &object) == LINNET_OK);
  CHECK(allocator_made == before + 1);
  CHECK(allocator_largest >= bytes && allocator_largest < bytes + LINNET_ALIGNMENT);
  destroy(A_STREAM, object);
  CHECK(allocator_made == before + 1); /* the model's bytes and checks are its own affair */

  allocator_largest = 0;
  before = allocator_made;
  CHECK(create(A_MODEL, &object) == LINNET_OK);
  CHECK(allocator_made == before + 1);
  CHECK(allocator_largest >= model_bytes && allocator_largest < model_bytes + LINNET_ALIGNMENT);
  destroy(A_MODEL, object);

  allocator_largest = 0;
  CHECK(create(A_MODEL_FILE, &object) == LINNET_OK);
  CHECK(allocator_largest >= model_bytes + blob.size);
  CHECK(allocator_largest < model_bytes + blob.size + LINNET_ALIGNMENT);
  destroy(A_MODEL_FILE, object);
}

/* Fails the first, the second, ... request, once or for good, until creation succeeds. */
static void out_of_memory_is_reported(int what, int forever) {
  const int from_file = what == A_MODEL_FILE;
  unsigned long n, before = live();
  void *const untouched = (void *)(uintptr_t)64;
  for (n = 1;; ++n) {
    void *made = untouched;
    linnet_status status;
    unsigned long left;
    allocator_fail_on = forever;
    allocator_fail_at = n;
    status = create(what, &made);
    left = allocator_fail_at;
    allocator_fail_at = 0;
    if (status == LINNET_OK) {
      CHECK(made != untouched);
      CHECK(forever || left > 0 || from_file); /* stdio does without a buffer of its own if it gets none */
      destroy(what, made);
      CHECK(live() == before);
      if (left > 0) break;
      continue;
    }
    CHECK(status == LINNET_ERR_NO_MEMORY);
    CHECK(made == untouched);
    CHECK(live() == before);
    if (n > 100) break;
  }
  CHECK(n > (from_file ? 2u : 1u) && n < 20); /* the second of a file is the stream of the C library */
}

/* Every rate with one, some and all channels; the ways to call take turns. */
static void streams_of_every_kind_report_it(void) {
  static const int32_t rates[] = {8000, 16000, 24000, 32000, 48000}, channels[] = {1, 3, 8};
  const linnet_config usual = wanted;
  size_t rate, i;
  for (rate = 0; rate < 5; ++rate) {
    for (i = 0; i < 3; ++i) {
      wanted = make_config((rate + i) % 3 == 1);
      wanted.spread = (rate + i) % 3 == 2;
      wanted.sample_rate = rates[rate];
      wanted.channels = channels[i];
      out_of_memory_is_reported(A_STREAM, (int)(rate + i) % 2);
    }
  }
  wanted = usual;
}

/* Errors after a model has been read must give its memory back. */
static void a_refused_model_file_leaks_nothing(void) {
  unsigned long before;
  char scratch[] = "/tmp/linnet_memory_XXXXXX";
  int descriptor = mkstemp(scratch);
  linnet_model *made = NULL;
  FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
  REQUIRE(file != NULL);
  CHECK(fwrite(blob.data, 1, blob.size - 64, file) == blob.size - 64);
  CHECK(fclose(file) == 0);
  before = live();
  CHECK(linnet_model_load(scratch, &made) == LINNET_ERR_CORRUPT);
  CHECK(live() == before);
  file = fopen(scratch, "r+b");
  REQUIRE(file != NULL);
  CHECK(fwrite("linnet?", 1, 7, file) == 7);
  CHECK(fclose(file) == 0);
  before = live();
  CHECK(linnet_model_load(scratch, &made) == LINNET_ERR_NOT_A_BLOB);
  CHECK(linnet_model_load("no/such/file", &made) == LINNET_ERR_IO);
  CHECK(live() == before && made == NULL);
  remove(scratch);
}

static void *nothing(void *stream) { return stream; }

static void *process(void *stream) {
  CHECK(linnet_process((linnet_stream *)stream, output, output, 2 * FRAME) == LINNET_OK);
  return stream;
}

static void *process_i16(void *stream) {
  static int16_t samples[8 * 2 * FRAME];
  CHECK(linnet_process_i16((linnet_stream *)stream, samples, samples, 2 * FRAME) == LINNET_OK);
  return stream;
}

/* Bytes of a painted stack that a thread has written to. */
static size_t stack_of(void *(*work)(void *), linnet_stream *stream) {
  uint8_t *stack = NULL;
  size_t untouched = 0;
  pthread_attr_t attributes;
  pthread_t thread;
  if (posix_memalign((void **)&stack, 65536, STACK) != 0) return 0;
  memset(stack, 0x5a, STACK);
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK) == 0);
  CHECK(pthread_create(&thread, &attributes, work, stream) == 0 && pthread_join(thread, NULL) == 0);
  while (untouched < STACK && stack[untouched] == 0x5a) ++untouched;
  pthread_attr_destroy(&attributes);
  free(stack);
  return STACK - untouched;
}

static void the_stack_is_as_promised(int any_block, int channels) {
  linnet_config config = make_config(any_block);
  linnet_stream *stream = NULL;
  size_t before, floats, shorts;
  config.channels = channels;
  REQUIRE(linnet_create(blob.handle, &config, &stream) == LINNET_OK);
  before = stack_of(nothing, stream);
  floats = stack_of(process, stream) - before;
  shorts = stack_of(process_i16, stream) - before;
  printf("stack of process: %lu bytes, of process_i16: %lu\n", (unsigned long)floats, (unsigned long)shorts);
  CHECK(floats > FRAME && floats <= STACK_ALLOWED);
  CHECK(shorts > FRAME && shorts <= STACK_ALLOWED);
  linnet_destroy(stream);
}

int main(int argc, char **argv) {
  static const int fills[] = {0x00, 0xff, 0x5a, 0x7f};
  size_t i;
  blob = load_model(argc, argv);
  path = argv[1];
  printf("memory of a stream with this model: "); /* also lets stdio allocate its buffer before anything is counted */
  {
    size_t bytes = 0;
    CHECK(linnet_size(blob.handle, NULL, &bytes) == LINNET_OK);
    printf("%lu bytes\n", (unsigned long)bytes);
  }
  for (i = 0; i < sizeof fills / sizeof fills[0]; ++i) {
    size_is_exact_and_kept_to(0, 1, fills[i]);
    size_is_exact_and_kept_to(1, 1, fills[i]);
    size_is_exact_and_kept_to(0, 2, fills[i]);
    size_is_exact_and_kept_to(1, 8, fills[i]);
  }
  if (ALLOCATOR_COUNTS) {
    int what, forever;
    wanted = make_config(0);
    wanted.channels = 2;
    allocations_are_as_promised();
    for (what = A_STREAM; what <= A_MODEL_FILE; ++what) {
      for (forever = 0; forever <= 1; ++forever) out_of_memory_is_reported(what, forever);
    }
    streams_of_every_kind_report_it();
    a_refused_model_file_leaks_nothing();
    the_stack_is_as_promised(0, 1);
    the_stack_is_as_promised(1, 1);
    the_stack_is_as_promised(0, 8);
  } else {
    printf("skipped: counting of allocations and stack, this is a sanitizer build\n");
  }
  free_model(blob);
  return check_summary();
}
