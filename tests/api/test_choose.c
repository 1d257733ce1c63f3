/* linnet_choose: the table of answers that JavaScript is held against too, and what it refuses. */
#include "common.h"

#include <math.h>

#define TABLE "tests/data/choices.txt"
#define MOST 8

/* Reads the models of one line of the table; their number. */
static size_t read_models(const char *text, linnet_candidate *models) {
  size_t count = 0;
  int length;
  while (count < MOST && sscanf(text, "%lf:%lf%n", &models[count].quality, &models[count].microseconds, &length) == 2) {
    text += length;
    ++count;
  }
  return count;
}

static void answers_are_those_of_the_table(void) {
  char line[256];
  int lines = 0;
  FILE *file = fopen(TABLE, "r");
  CHECK_CASE(file != NULL, "run it from the root of the project");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    linnet_candidate models[MOST];
    double budget;
    int current, expected, length, chosen = 99;
    size_t count;
    if (line[0] == '#') continue;
    if (sscanf(line, "%lf %d %d%n", &budget, &current, &expected, &length) != 3) {
      CHECK_CASE(0, line);
      continue;
    }
    count = read_models(line + length, models);
    CHECK_CASE(linnet_choose(models, count, budget, current, &chosen) == LINNET_OK, line);
    CHECK_CASE(chosen == expected, line);
    ++lines;
  }
  fclose(file);
  CHECK(lines > 20);
}

static void bad_arguments_are_refused(void) {
  static const double budgets[] = {0, -0.1, 1.01, NAN};
  static const double times[] = {-1, NAN, INFINITY};
  linnet_candidate models[2] = {{1, 100}, {2, 200}};
  int chosen = 99;
  size_t i;
  CHECK(linnet_choose(NULL, 2, 0.1, -1, &chosen) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_choose(models, 0, 0.1, -1, &chosen) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_choose(models, 2, 0.1, -1, NULL) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_choose(models, 2, 0.1, -2, &chosen) == LINNET_ERR_ARGUMENT);
  CHECK(linnet_choose(models, 2, 0.1, 2, &chosen) == LINNET_ERR_ARGUMENT);
  for (i = 0; i < sizeof budgets / sizeof budgets[0]; ++i) {
    CHECK(linnet_choose(models, 2, budgets[i], -1, &chosen) == LINNET_ERR_ARGUMENT);
  }
  for (i = 0; i < sizeof times / sizeof times[0]; ++i) {
    models[1].microseconds = times[i];
    CHECK(linnet_choose(models, 2, 0.1, -1, &chosen) == LINNET_ERR_ARGUMENT);
  }
  models[1].microseconds = 200;
  models[1].quality = NAN;
  CHECK(linnet_choose(models, 2, 0.1, -1, &chosen) == LINNET_ERR_ARGUMENT);
  CHECK(chosen == 99);
}

int main(void) {
  answers_are_those_of_the_table();
  bad_arguments_are_refused();
  return check_summary();
}
