// The vectors that are signals, through linnet.h alone, so that a library can be asked for them from outside, in
// whatever form it is shipped (tests/dist/shipped.py).
#pragma once

#include "selftest/vectors.h"

namespace selftest {

// Whether a name is in a list separated by commas; every name is in no list.
bool chosen(const char *only, const char *name);

// run_vectors without the `network_*` ones.
const char *run_signals(const Request &request, Report report, void *context);

}  // namespace selftest
