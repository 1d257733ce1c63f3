// linnet-selftest: shows on the device itself that this build gives the bits that it gives everywhere else, and with
// --bench what they cost there. Static and with a model inside: one file to copy, nothing to install. Runs every vector
// on every backend of the CPU, or on the one that is named, prints each hash, and ends with status 0 if all are as they
// must be, 1 if one differs, 2 if it could not be run or its output not be written.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/kernels.h"
#include "linnet.h"
#include "selftest/bench.h"
#include "selftest/check.h"
#include "selftest/vectors.h"

namespace {

constexpr char kUsage[] =
    "linnet-selftest [--backend NAME], or linnet-selftest --bench [MODEL.linnet] [--json] [--frames N] [--cpuinfo "
    "FILE] "
    "[--backend NAME]";

struct Options {
  bool bench = false, json = false;
  selftest::BenchRequest request;
};

struct Tally {
  const char *backend;
  int equal, different;
};

void print_hash(void *context, const char *vector, const char *what, const char *hash, const char *expected) {
  Tally *tally = static_cast<Tally *>(context);
  const bool same = strcmp(hash, expected) == 0;
  tally->equal += same;
  tally->different += !same;
  printf("%-9s %-28s %-7s %s %s%s\n", tally->backend, vector, what, hash, same ? "ok" : "DIFFERS, expected ",
         same ? "" : expected);
}

bool run(const char *backend, int *status) {
  Tally tally = {backend, 0, 0};
  const char *why = selftest::check(backend, print_hash, &tally);
  if (why) {
    fprintf(stderr, "linnet-selftest: %s: %s\n", backend, why);
    *status = 2;
    return false;
  }
  printf("%s: %d hashes as expected, %d different\n", backend, tally.equal, tally.different);
  if (tally.different > 0) *status = 1;
  return true;
}

// A number of frames; 0, which no bench takes, for what is none.
int frames_of(const char *text) {
  char *end = nullptr;
  const long value = strtol(text, &end, 10);
  return *end || value < 0 || value > selftest::kMostFrames ? 0 : static_cast<int>(value);
}

// Returns the first argument that has no meaning, or nullptr.
const char *parse(int count, char **arguments, Options *options) {
  selftest::BenchRequest *request = &options->request;
  for (int i = 1; i < count; ++i) {
    const char *word = arguments[i];
    const char *value = i + 1 < count ? arguments[i + 1] : nullptr;
    if (strcmp(word, "--bench") == 0) {
      options->bench = true;
      continue;
    }
    if (strcmp(word, "--backend") == 0 && value) {
      request->backend = value;
      ++i;
      continue;
    }
    if (!options->bench) return word;  // all else is for the bench
    if (strcmp(word, "--json") == 0) {
      options->json = true;
    } else if (strcmp(word, "--cpuinfo") == 0 && value) {
      request->cpuinfo = value;
      ++i;
    } else if (strcmp(word, "--frames") == 0 && value) {
      request->frames = frames_of(value);
      ++i;
    } else if (word[0] != '-' && !request->model) {
      request->model = word;
    } else {
      return word;
    }
  }
  return nullptr;
}

bool check_backend(const char *name) {
  if (!name || linnet::kernels::find(name)) return true;
  fprintf(stderr, "linnet-selftest: --backend %s: not available on this CPU, give one of", name);
  for (const linnet::kernels::Kernels *table : linnet::kernels::available()) fprintf(stderr, " %s", table->name);
  fputs("\n", stderr);
  return false;
}

int run_bench(const Options &options) {
  static selftest::Text report;
  selftest::BenchResults results;
  const char *why = selftest::bench(options.request, &results);
  if (why) {
    const char *model = options.request.model;
    fprintf(stderr, "linnet-selftest: --bench%s%s: %s\n", model ? " " : "", model ? model : "", why);
    return 2;
  }
  selftest::write_report(results, options.json, &report);
  fputs(report.bytes(), stdout);
  return 0;
}

int run_vectors(const char *forced) {
  printf("linnet %s, ABI %d, %s\nbackends", linnet_version(), linnet_abi(), selftest::compiler());
  for (const linnet::kernels::Kernels *table : linnet::kernels::available()) printf(" %s", table->name);
  printf("\nchosen   %s\n", linnet::kernels::find(nullptr)->name);
  fflush(stdout);
  if (!check_backend(forced)) return 2;
  int status = 0;
  for (const linnet::kernels::Kernels *table : linnet::kernels::available()) {
    if (forced && strcmp(table->name, forced) != 0) continue;
    if (!run(table->name, &status)) return status;
  }
  puts(status == 0 ? "passed: the bits are as everywhere" : "FAILED: the bits differ");
  return status;
}

// The status, unless what was printed has not arrived, which would be taken for all there is.
int written(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fputs("linnet-selftest: the output cannot be written\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  if (const char *word = parse(argc, argv, &options)) {
    fprintf(stderr, "linnet-selftest: %s: unknown, or without its value; usage: %s\n", word, kUsage);
    return 2;
  }
  const char *forced = options.request.backend;
  if (!options.bench) return written(run_vectors(forced));
  return check_backend(forced) ? written(run_bench(options)) : 2;
}
