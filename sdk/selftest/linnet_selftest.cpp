// linnet-selftest: shows on the device itself that this build gives the bits that it gives everywhere else. Static and
// with its model inside: one file to copy, nothing to install. Runs every vector on every backend of the CPU, or on the
// one that is named, prints each hash, and ends with status 0 if all are as they must be, 1 if one differs, 2 if it
// could not be run.
#include <cstdio>
#include <cstring>

#include "kernels/kernels.h"
#include "linnet.h"
#include "selftest/check.h"
#include "selftest/vectors.h"

namespace {

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

}  // namespace

int main(int argc, char **argv) {
  const char *forced = nullptr;
  if (argc == 3 && strcmp(argv[1], "--backend") == 0) {
    forced = argv[2];
  } else if (argc != 1) {
    fprintf(stderr, "linnet-selftest: %s: unknown; usage: linnet-selftest [--backend NAME]\n", argv[1]);
    return 2;
  }
  printf("linnet %s, ABI %d, %s\nbackends", linnet_version(), linnet_abi(), selftest::compiler());
  for (const linnet::kernels::Kernels *table : linnet::kernels::available()) printf(" %s", table->name);
  printf("\nchosen   %s\n", linnet::kernels::find(nullptr)->name);
  fflush(stdout);
  if (forced && !linnet::kernels::find(forced)) {
    fprintf(stderr, "linnet-selftest: --backend %s: not available on this CPU, see the backends above\n", forced);
    return 2;
  }
  int status = 0;
  for (const linnet::kernels::Kernels *table : linnet::kernels::available()) {
    if (forced && strcmp(table->name, forced) != 0) continue;
    if (!run(table->name, &status)) return status;
  }
  puts(status == 0 ? "passed: the bits are as everywhere" : "FAILED: the bits differ");
  return status;
}
