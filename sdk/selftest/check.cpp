// See check.h.
#include "selftest/check.h"

#include <cstring>

#include "selftest/vectors.h"

namespace selftest {
namespace {

struct Lookup {
  CheckReport report;
  void *context;
  size_t known;
};

void look_up(void *context, const char *vector, const char *what, const char *hash) {
  Lookup *lookup = static_cast<Lookup *>(context);
  const char *wanted = "";
  for (size_t i = 0; i < kExpectedCount; ++i) {
    if (strcmp(kExpected[i].vector, vector) == 0 && strcmp(kExpected[i].what, what) == 0) wanted = kExpected[i].hash;
  }
  lookup->known += *wanted != 0;
  lookup->report(lookup->context, vector, what, hash, wanted);
}

}  // namespace

const char *check(const char *backend, CheckReport report, void *context) {
  Request request;
  request.model = kModel;
  request.model_size = kModelSize;
  request.backend = backend;
  Lookup lookup = {report, context, 0};
  const char *why = run_vectors(request, look_up, &lookup);
  if (!why && lookup.known != kExpectedCount) why = "a hash is known for a vector that was not run";
  return why;
}

}  // namespace selftest
