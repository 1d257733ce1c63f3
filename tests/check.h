/* The whole test framework: CHECK counts, prints what failed, and goes on; check_summary ends main. C99 and C++17.
 * One thread only: worker threads collect results and main checks them. */
#ifndef LINNET_TESTS_CHECK_H
#define LINNET_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_passed;
static int check_failed;

#define CHECK(condition) check_report((condition) ? 1 : 0, #condition, __FILE__, __LINE__, "")

/* The same with a word on the case at hand, for checks in loops. */
#define CHECK_CASE(condition, note) check_report((condition) ? 1 : 0, #condition, __FILE__, __LINE__, note)

/* For the rest of a test that makes no sense once this has failed. */
#define REQUIRE(condition)                                                        \
  do {                                                                            \
    if (!check_report((condition) ? 1 : 0, #condition, __FILE__, __LINE__, "")) { \
      return;                                                                     \
    }                                                                             \
  } while (0)

static inline int check_report(int ok, const char *condition, const char *file, int line, const char *note) {
  if (ok) {
    ++check_passed;
  } else {
    ++check_failed;
    printf("%s:%d: failed: %s %s\n", file, line, condition, note);
  }
  return ok;
}

/* Prints the result; the exit status of main. A program that has checked nothing has failed. */
static inline int check_summary(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed == 0 && check_passed > 0 ? 0 : 1;
}

/* Whether the command line asks for fewer combinations, behind the model: all of them have been tried on a CPU that is
 * not emulated, and what is left shows that another compiler and word size treat them alike. */
static inline int is_brief(int argc, char **argv) { return argc > 2 && strcmp(argv[2], "brief") == 0; }

#endif
