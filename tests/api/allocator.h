/* Takes the place of the C library's allocator in one test program: counts calls and live blocks, and fails on demand.
 * Blocks come from a fixed pool and are not used again. Include in one file only. Under a sanitizer, which has an
 * allocator of its own, the program keeps that one and ALLOCATOR_COUNTS is 0. */
#ifndef LINNET_TESTS_API_ALLOCATOR_H
#define LINNET_TESTS_API_ALLOCATOR_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATOR_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define ALLOCATOR_COUNTS 0
#endif
#endif
#ifndef ALLOCATOR_COUNTS
#define ALLOCATOR_COUNTS 1
#endif

#define ALLOCATOR_VALUE __attribute__((unused)) static
ALLOCATOR_VALUE unsigned long allocator_calls;   /* of any allocating or freeing function */
ALLOCATOR_VALUE unsigned long allocator_made;    /* blocks handed out */
ALLOCATOR_VALUE unsigned long allocator_freed;   /* blocks given back */
ALLOCATOR_VALUE size_t allocator_largest;        /* largest block asked for */
ALLOCATOR_VALUE unsigned long allocator_fail_at; /* fails the n-th request from now, 0 never */
ALLOCATOR_VALUE int allocator_fail_on;           /* and all that follow it */

#if ALLOCATOR_COUNTS

#define ALLOCATOR_POOL ((size_t)96 << 20)
static uint8_t allocator_pool[ALLOCATOR_POOL] __attribute__((aligned(64)));
static size_t allocator_used;

/* The size stands in the 16 bytes before a block. */
static void *allocator_take(size_t alignment, size_t bytes) {
  size_t start;
  ++allocator_calls;
  if (bytes > allocator_largest) allocator_largest = bytes;
  if (allocator_fail_at && (allocator_fail_at == 1 || --allocator_fail_at == 0)) {
    if (!allocator_fail_on) allocator_fail_at = 0;
    errno = ENOMEM;
    return NULL;
  }
  if (alignment < 16) alignment = 16;
  start = (allocator_used + 16 + alignment - 1) / alignment * alignment;
  if (bytes > ALLOCATOR_POOL || start > ALLOCATOR_POOL - bytes) {
    errno = ENOMEM;
    return NULL;
  }
  memcpy(allocator_pool + start - sizeof bytes, &bytes, sizeof bytes);
  allocator_used = start + bytes;
  ++allocator_made;
  return allocator_pool + start;
}

/* Visible to shared libraries, so that what the C library allocates on our behalf is counted too. */
#pragma GCC visibility push(default)

void *malloc(size_t bytes) { return allocator_take(16, bytes); }

void free(void *block) {
  ++allocator_calls;
  if (block) ++allocator_freed;
}

void *calloc(size_t count, size_t size) {
  if (size && count > (size_t)-1 / size) return NULL;
  return allocator_take(16, count * size); /* the pool starts as zeros and nothing is used twice */
}

void *realloc(void *block, size_t bytes) {
  size_t old = 0;
  void *moved = allocator_take(16, bytes);
  if (!moved || !block) return moved;
  memcpy(&old, (uint8_t *)block - sizeof old, sizeof old);
  memcpy(moved, block, old < bytes ? old : bytes);
  ++allocator_freed;
  return moved;
}

void *aligned_alloc(size_t alignment, size_t bytes) { return allocator_take(alignment, bytes); }
void *memalign(size_t alignment, size_t bytes) { return allocator_take(alignment, bytes); }

int posix_memalign(void **out, size_t alignment, size_t bytes) {
  void *block = allocator_take(alignment, bytes);
  if (!block) return ENOMEM;
  *out = block;
  return 0;
}

#pragma GCC visibility pop
#endif
#endif
