#include "stages.h"

#include <ctime>

#include "dsp/analysis.h"
#include "dsp/comb.h"
#include "dsp/pitch.h"
#include "dsp/synthesis.h"
#include "nn/network.h"

namespace stages {
namespace {

bool timing = false;
double sums[kCount], last;  // CPU seconds
Stage stack[kCount + 1];
int depth = 0;

double cpu_now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

LINNET_MARKS void charge() {
  const double time = cpu_now();
  sums[stack[depth]] += time - last;
  last = time;
}

}  // namespace

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void set_timing(bool on) {
  timing = on;
  for (double &sum : sums) sum = 0;
}

LINNET_MARKS void begin() {
  linnet_mark_begin();
  depth = 0;
  stack[0] = kRest;
  if (timing) last = cpu_now();
}

LINNET_MARKS void end() {
  if (timing) charge();
  linnet_mark_end();
}

const double *seconds() { return sums; }

}  // namespace stages

// The operand makes each body its own: compilers fold functions that are equal.
#define MARKER(name, number) \
  LINNET_MARKS void name(void) { asm volatile("" : : "i"(number) : "memory"); }
extern "C" {
MARKER(linnet_mark_begin, 100)
MARKER(linnet_mark_end, 101)
MARKER(linnet_mark_leave, 102)
MARKER(linnet_mark_enter_1, 1)
MARKER(linnet_mark_enter_2, 2)
MARKER(linnet_mark_enter_3, 3)
MARKER(linnet_mark_enter_4, 4)
MARKER(linnet_mark_enter_5, 5)
}

namespace {

using linnet::dsp::Analysis;
using linnet::dsp::AnalysisFrame;
using linnet::dsp::PitchResult;
using linnet::dsp::PitchSignal;
using linnet::dsp::PitchTracker;
using linnet::dsp::Synthesis;
using linnet::kernels::Kernels;
using linnet::nn::Network;
using linnet::nn::NetworkInput;
using linnet::nn::NetworkOutput;

// One stage for the life of the object.
template <stages::Stage stage>
struct Inside {
  __attribute__((always_inline)) Inside() {
    constexpr void (*markers[])() = {nullptr,
                                     linnet_mark_enter_1,
                                     linnet_mark_enter_2,
                                     linnet_mark_enter_3,
                                     linnet_mark_enter_4,
                                     linnet_mark_enter_5};
    markers[stage]();
    if (stages::timing) stages::charge();
    stages::stack[++stages::depth] = stage;
  }
  __attribute__((always_inline)) ~Inside() {
    if (stages::timing) stages::charge();
    --stages::depth;
    linnet_mark_leave();
  }
};

}  // namespace

// Names as the compiler writes them, so that a changed signature is not wrapped any more, which bench_process notices.
// The build reads this file for them. A member function is a function whose first argument is the object.
extern "C" {
#define WRAP(stage, result, symbol, parameters, arguments) \
  result __real_##symbol parameters;                       \
  LINNET_MARKS result __wrap_##symbol parameters {         \
    const Inside<stages::stage> inside;                    \
    return __real_##symbol arguments;                      \
  }

WRAP(kAnalysis, void, _ZN6linnet3dsp8Analysis7processERKNS_7kernels7KernelsEPKfPNS0_13AnalysisFrameE,
     (Analysis * self, const Kernels &kernels, const float *hop, AnalysisFrame *frame), (self, kernels, hop, frame))
WRAP(kPitch, PitchResult, _ZN6linnet3dsp12PitchTracker7processERKNS_7kernels7KernelsERKNS0_11PitchSignalE,
     (PitchTracker * self, const Kernels &kernels, const PitchSignal &signal), (self, kernels, signal))
WRAP(kComb, void, _ZN6linnet3dsp11comb_filterEPKfiiPf, (const float *x, int period, int lookahead_samples, float *out),
     (x, period, lookahead_samples, out))
WRAP(kNetwork, void, _ZN6linnet2nn7Network7processERKNS_7kernels7KernelsEPKNS0_12NetworkInputEiPNS0_13NetworkOutputE,
     (Network * self, const Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out),
     (self, kernels, in, frames, out))
WRAP(kSynthesis, void, _ZN6linnet3dsp9Synthesis7processERKNS_7kernels7KernelsERKNS0_13AnalysisFrameERKNS1_8ControlsE,
     (Synthesis * self, const Kernels &kernels, const AnalysisFrame &frame, const Synthesis::Controls &controls),
     (self, kernels, frame, controls))
}
