// The stages of a frame as the benchmarks see them. The linker puts wrappers around the library's own stage functions
// (--wrap), so that the code that is measured is the shipped one, unchanged. A wrapper calls marker functions, which
// the counting plugin watches, and reads the clock when timing is on.
#pragma once

#include <cstdint>

namespace stages {

// kRest: what a call does outside the others (checks, sanitising, delay line, statistics). Each is without those that
// it calls: analysis without pitch and comb.
enum Stage { kRest, kAnalysis, kPitch, kComb, kNetwork, kSynthesis, kCount };
constexpr const char *kNames[kCount] = {"rest", "analysis", "pitch", "comb", "network", "synthesis"};

// Seconds since some moment, for differences.
double now();

// While on, time is summed by stage: begin() and end() enclose what is measured.
void set_timing(bool on);
void begin();
void end();
const double *seconds();  // [kCount], since set_timing(true)

}  // namespace stages

// Markers; everything of this section is the harness and not counted.
#define LINNET_MARKS __attribute__((noinline, section("linnet_marks")))
extern "C" {
void linnet_mark_begin(void);
void linnet_mark_end(void);
}
