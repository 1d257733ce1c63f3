/* Takes the place of the C library's functions that lock or wait, in one test program of one thread, and counts their
 * calls. Include in one file only, behind allocator.h: under a sanitizer, which locks itself, they stay as they are. */
#ifndef LINNET_TESTS_API_LOCKS_H
#define LINNET_TESTS_API_LOCKS_H

#include "allocator.h"

static unsigned long lock_calls;

#if ALLOCATOR_COUNTS
#include <pthread.h>
#include <time.h>

#pragma GCC visibility push(default)
int pthread_mutex_lock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_mutex_trylock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  (void)mutex;
  ++lock_calls;
  return 0;
}
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  (void)condition;
  (void)mutex;
  ++lock_calls;
  return 0;
}
int nanosleep(const struct timespec *wanted, struct timespec *left) {
  (void)wanted;
  (void)left;
  ++lock_calls;
  return 0;
}
#pragma GCC visibility pop
#endif

#endif
