// LINNET_CHECK stops the program in builds that check themselves, and is nothing in those that are shipped: a child
// process gives each kernel entry and each stage what it must not be given, of a kind that does no harm unchecked.
//
//     test_check
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "base/bits.h"
#include "check.h"
#include "dsp/analysis.h"
#include "dsp/synthesis.h"
#include "kernels/kernels.h"

using namespace linnet;  // NOLINT: this program is about nothing else

namespace {

using kernels::Kernels;

constexpr int kSize = 64;  // elements of every array, more than any entry is told of

// What the entries are given: floats that are in rule, one that is not, and bytes.
struct Arrays {
  float out[kSize], x[kSize], bad[kSize];
  int32_t sums[kSize];
  int8_t weights[kSize * kSize], bytes[kSize], lowest[kSize];
  uint16_t counts[kSize], columns[kSize];

  explicit Arrays(float wrong) {
    memset(static_cast<void *>(this), 0, sizeof *this);
    bad[3] = wrong;
    memset(lowest, -128, sizeof lowest);
    counts[0] = 1;
  }
};

dsp::Analysis &new_analysis() {
  static dsp::Analysis analysis;
  alignas(base::Arena::kAlignment) static uint8_t memory[70000];
  base::Arena arena(memory);
  analysis.attach({2}, dsp::Analysis::take_rings(arena, {2}));
  CHECK(arena.used() <= sizeof memory);
  analysis.reset();
  return analysis;
}

struct Breach {
  const char *what;
  void (*commit)(const Kernels &kernels, Arrays &a);
};

const Breach kBreaches[] = {
    {"rows of half a block", [](const Kernels &k, Arrays &a) { k.gemv_s8(a.sums, a.weights, a.bytes, 4, 8); }},
    {"-128", [](const Kernels &k, Arrays &a) { k.gemv_s8(a.sums, a.weights, a.lowest, 8, 8); }},
    {"-128 in the second vector",
     [](const Kernels &k, Arrays &a) { k.gemv2_s8(a.sums, a.weights, a.bytes, a.lowest, 8, 8); }},
    {"-128 at a stored block",
     [](const Kernels &k, Arrays &a) { k.sparse_gemv_s8(a.sums, a.counts, a.columns, a.weights, a.lowest, 8); }},
    {"activation beyond 1", [](const Kernels &k, Arrays &a) { k.quantize(a.bytes, a.bad, 8); }},
    {"scale", [](const Kernels &k, Arrays &a) { k.dequantize(a.out, a.sums, a.bad, a.x, 8); }},
    {"argument of sigmoid", [](const Kernels &k, Arrays &a) { k.sigmoid(a.out, a.bad, 8); }},
    {"argument of tanh", [](const Kernels &k, Arrays &a) { k.tanh(a.out, a.bad, 8); }},
    {"term", [](const Kernels &k, Arrays &a) { k.add(a.out, a.x, a.bad, 8); }},
    {"overlap", [](const Kernels &k, Arrays &a) { k.mul(a.out + 1, a.out, a.x, 8); }},
    {"factor", [](const Kernels &k, Arrays &a) { k.mul(a.out, a.x, a.bad, 8); }},
    {"bias of a product",
     [](const Kernels &k, Arrays &a) {
       k.gru_update(a.out, a.bytes, 8, {a.sums, a.x, a.x}, {a.sums, a.x, a.bad}, 8, 1);
     }},
    {"units of half a block",
     [](const Kernels &k, Arrays &a) {
       k.gru_update(a.out, a.bytes, 8, {a.sums, a.x, a.x}, {a.sums, a.x, a.x}, 4, 1);
     }},
    {"states that overlap", [](const Kernels &k, Arrays &a) { k.activate(a.bytes, 7, {a.sums, a.x, a.x}, 8, 2, 1); }},
    {"bias of an activation",
     [](const Kernels &k, Arrays &a) { k.activate(a.bytes, 8, {a.sums, a.x, a.bad}, 8, 1, 1); }},
    {"mix", [](const Kernels &k, Arrays &a) { k.blend(a.out, a.x, a.x, a.bad, 8); }},
    {"vector", [](const Kernels &k, Arrays &a) { a.out[0] = k.dot(a.x, a.bad, 8); }},
    {"vector of the last lag", [](const Kernels &k, Arrays &a) { k.correlate(a.out, a.x, a.bad, 2, 3); }},
    {"samples of a frame",
     [](const Kernels &k, Arrays &) {
       dsp::AnalysisFrame frame;
       float hop[dsp::kFrame] = {5.0f};
       dsp::Analysis &analysis = new_analysis();
       analysis.process(k, hop, &frame);
     }},
    {"gains",
     [](const Kernels &k, Arrays &) {
       static dsp::Synthesis synthesis;
       static dsp::Synthesis::Channel channel;
       dsp::AnalysisFrame frame;
       float hop[dsp::kFrame] = {}, gains[dsp::kBands] = {1.5f};
       dsp::Analysis &analysis = new_analysis();
       synthesis.attach(dsp::kFullRate, &channel, 1);
       synthesis.reset();
       analysis.process(k, hop, &frame);
       synthesis.process(k, frame, {gains, gains, nullptr, 0.0f});
     }},
};

// Whether a child process that does this comes to its end.
bool survives(const Breach &breach, const Kernels &kernels, float wrong) {
  const pid_t child = fork();
  if (child == 0) {
    static Arrays arrays(wrong);
    breach.commit(kernels, arrays);
    _exit(0);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void breaches_stop_a_build_that_checks_itself() {
  const float kInfinity = base::bits_float(0x7f800000u), kDenormal = base::bits_float(1);
  for (const Kernels *table : kernels::available()) {
    for (const Breach &breach : kBreaches) {
      CHECK_CASE(survives(breach, *table, kInfinity) == !LIBRARY_CHECKED, breach.what);
    }
    CHECK(survives({"nothing", [](const Kernels &, Arrays &) {}}, *table, kInfinity));
    const Breach sum = {"denormal", [](const Kernels &k, Arrays &a) { a.out[0] = k.dot(a.x, a.bad, 8); }};
    CHECK_CASE(survives(sum, *table, kDenormal) == !LIBRARY_CHECKED, sum.what);
  }
}

}  // namespace

int main() {
  breaches_stop_a_build_that_checks_itself();
  return check_summary();
}
