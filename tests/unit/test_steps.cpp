// What a frame's steps are said to cost, by which a spread frame is cut (engine.h): a step of each channel costs what
// it costs of one, and the order is that in which the steps are taken.
//
//     test_steps
#include "check.h"
#include "dsp/analysis.h"
#include "dsp/synthesis.h"

using namespace linnet;  // NOLINT: this program is about nothing else

namespace {

void synthesis_costs_as_many_times_as_there_are_channels() {
  const uint32_t one = dsp::Synthesis::step_cost(1, 0);
  CHECK(dsp::Synthesis::steps(1) == 1);
  for (int channels = 2; channels <= 8; ++channels) {
    const int steps = dsp::Synthesis::steps(channels);
    const uint32_t shape = dsp::Synthesis::step_cost(channels, 0),
                   render = dsp::Synthesis::step_cost(channels, steps - 1);
    uint64_t sum = 0;
    for (int step = 0; step < steps; ++step) {
      const uint32_t cost = dsp::Synthesis::step_cost(channels, step);
      CHECK(cost == (step < 2 * channels ? shape : render));
      sum += cost;
    }
    CHECK(steps == 3 * channels && render > shape && shape > 0);
    CHECK(sum == uint64_t{one} * static_cast<uint64_t>(channels));
  }
}

dsp::AnalysisWants wants(int channels, bool pitch, bool fine) {
  dsp::AnalysisWants all = {};
  all.channels = channels;
  all.pitch = pitch;
  all.fine = fine;
  return all;
}

void analysis_costs_nothing_that_is_not_wanted() {
  for (int channels = 1; channels <= 8; ++channels) {
    const int steps = dsp::Analysis::steps(wants(channels, true, true));
    uint64_t bare = 0, all = 0;
    for (int step = 0; step < steps; ++step) {
      const uint64_t with = dsp::Analysis::step_cost(wants(channels, true, true), step);
      const uint64_t without = dsp::Analysis::step_cost(wants(channels, false, false), step);
      CHECK(with > 0 && without <= with);
      CHECK((without > 0) == (step < channels));
      bare += without;
      all += with;
    }
    CHECK(bare > 0 && all > 2 * bare);
  }
}

}  // namespace

int main() {
  synthesis_costs_as_many_times_as_there_are_channels();
  analysis_costs_nothing_that_is_not_wanted();
  return check_summary();
}
