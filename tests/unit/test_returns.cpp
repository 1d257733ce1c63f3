// To the frame: after half a second of silence the sound is a return for 40 ms, after two seconds a stream rests, and
// one that has rested with sound in it takes 100 ms to warm up (dsp/rest.h). The API shows the effects, of which some
// are too small to tell one frame more from one less.
//
//     test_returns
#include <initializer_list>

#include "check.h"
#include "dsp/rest.h"

using namespace linnet;  // NOLINT: this program is about nothing else

namespace {

using dsp::Rest;

// In frames of 10 ms.
constexpr int kForgetting = 50, kReturning = 4, kPatience = 200, kWarmUp = 10;

Rest::Frame next(Rest *rest, bool silent, int frames) {
  Rest::Frame frame = {};
  for (int i = 0; i < frames; ++i) frame = rest->next(silent, false);
  return frame;
}

// Frames from now on that are returns, if sound goes on.
int returning(Rest *rest) {
  int count = 0;
  while (rest->next(false, false).returns) ++count;
  return count;
}

void a_long_enough_silence_is_returned_from() {
  for (int silence : {1, kForgetting - 1, kForgetting, kPatience, 10 * kPatience}) {
    Rest rest;
    next(&rest, false, 20);
    next(&rest, true, silence);
    CHECK(returning(&rest) == (silence >= kForgetting ? kReturning : 0));
  }
}

void the_start_is_no_return() {
  Rest rest;
  const Rest::Frame frame = rest.next(false, false);
  CHECK(!frame.returns && frame.sounds && frame.steady && !frame.silent && !frame.rests);
}

// A gap shorter than kForgetting: the return goes on where it was only if it had not ended.
void a_return_is_interrupted() {
  for (int sound : {1, kReturning, kReturning + 1}) {
    Rest rest;
    next(&rest, true, kForgetting);
    next(&rest, false, sound);
    next(&rest, true, 2);
    CHECK(returning(&rest) == (sound <= kReturning ? kReturning : 0));
  }
}

void a_return_is_over_when_it_sounds() {
  Rest rest;
  next(&rest, true, kForgetting);
  for (int i = 1; i <= kReturning + 2; ++i) {
    const Rest::Frame frame = rest.next(false, false);
    CHECK(frame.returns == (i <= kReturning) && frame.sounds == (i > kReturning));
    CHECK(frame.steady == frame.sounds);
  }
}

void a_silence_is_rested_in() {
  Rest rest;
  CHECK(!next(&rest, true, kPatience).rests && !rest.in_silence());
  Rest::Frame frame = rest.next(true, false);
  CHECK(frame.rests && frame.begins && frame.steady && rest.in_silence());
  frame = next(&rest, true, 1000);
  CHECK(frame.rests && !frame.begins);
  frame = rest.next(false, false);
  CHECK(!frame.rests && !frame.passes && frame.returns);
}

void a_bypass_is_rested_in_and_warmed_up_after() {
  Rest rest;
  Rest::Frame frame = {};
  for (int i = 0; i < kPatience; ++i) frame = rest.next(false, true);
  CHECK(!frame.rests);
  frame = rest.next(false, true);
  CHECK(frame.rests && frame.begins && !frame.passes);
  for (int i = 1; i <= kWarmUp + 2; ++i) {
    frame = rest.next(false, false);
    CHECK(!frame.rests && frame.passes == (i <= kWarmUp));
  }
}

}  // namespace

int main() {
  a_long_enough_silence_is_returned_from();
  the_start_is_no_return();
  a_return_is_interrupted();
  a_return_is_over_when_it_sounds();
  a_silence_is_rested_in();
  a_bypass_is_rested_in_and_warmed_up_after();
  return check_summary();
}
