// What a frame costs on the device at hand, beside what benchmarks/ estimates for its CPU: what `linnet-selftest
// --bench` and `linnet selftest --bench` print. Times are of the wall clock, around one call of linnet_process with one
// frame: hot, calls back to back; paced, one call every 10 ms and sleep in between, as in a client, whose core cools
// down and clocks down meanwhile. The input is the recipe speech_in_noise; the first calls of each way are not counted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "linnet.h"
#include "selftest/device.h"

namespace selftest {

struct BenchRequest {
  const char *model = nullptr;    // path of a model file, UTF-8; nullptr for the embedded one, which is tiny
  const char *backend = nullptr;  // nullptr for the fastest
  const char *cpuinfo = nullptr;  // a saved /proc/cpuinfo, to see the estimates of another device
  int frames = 1000;              // measured in each way, kFewestFrames..kMostFrames
};

constexpr int kFewestFrames = 10, kMostFrames = 10000;

// Which of so many values in rising order is the one that so many of 1000 are not above: 500 is the median, which is
// one of the values, and 990 the 99th of 100.
constexpr size_t place_of(size_t per_mille, size_t count) {
  const size_t rank = (per_mille * count + 999) / 1000;
  return rank > 0 ? rank - 1 : 0;
}

// Microseconds of a frame.
struct FrameTimes {
  double median, p99, worst;  // p99: of 100 frames 99 take no longer
};

struct BenchResults {
  const char *model, *backend;
  Cpu cpu;
  linnet_model_info info;
  size_t model_bytes;
  uint64_t peak_bytes;  // of this process; 0 where the system does not tell
  int frames;
  FrameTimes paced, hot;
};

// Measures for some frames * 10 ms. Returns nullptr, or why it could not. Not reentrant.
const char *bench(const BenchRequest &request, BenchResults *results);

// Samples of the smallest callback that is safe for frames that take so long: the smallest of kCallbacks whose period
// at 48 kHz is kMargin times as long, since one callback in a few computes a whole frame and needs time for other
// things too. 0 if none is.
constexpr int kCallbacks[] = {64, 128, 160, 192, 240, 256, 480};
constexpr double kMargin = 2;
int safe_callback(double frame_us);

// Text in a buffer of fixed size; what does not fit is left out.
class Text {
 public:
  void add(const char *format, ...) __attribute__((format(printf, 2, 3)));
  const char *bytes() const { return bytes_; }

 private:
  char bytes_[16384] = "";
  size_t used_ = 0;
};

// Appends the results, as text or as the object of JSON that benchmarks/README.md describes.
void write_report(const BenchResults &results, bool json, Text *report);

}  // namespace selftest
