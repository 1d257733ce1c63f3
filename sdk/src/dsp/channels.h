// The channels of a signal: where a caller's samples of each lie, and means over them. What the analysis finds out is
// found out about all channels together, as about one signal of vectors: energies and products are the mean of the
// channels'. No sign, delay or share of a channel then hides a voice, as it may in a sum of samples, and of equal
// channels the mean is that of one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dsp/constants.h"

namespace linnet::dsp {

// Floats or 16-bit integers, full scale 1 or 32768: sample n of channel c is first[c][n * stride].
template <class Void>
struct Layout {
  Void *first[kMaxChannels];
  int stride;
  bool shorts;
};

// Samples that come; without any they were lost.
class Source {
 public:
  Source() : layout_() {}
  explicit Source(const Layout<const void> &layout) : layout_(layout) {}

  bool lost() const { return !layout_.first[0]; }

  // Those of a channel from `from` on, as floats: where they lie, or in memory, which holds count.
  const float *read(int channel, size_t from, int count, float *memory) const;

 private:
  Layout<const void> layout_;
};

// Where samples go; without a place they go nowhere.
class Sink {
 public:
  Sink() : layout_() {}
  explicit Sink(const Layout<void> &layout) : layout_(layout) {}

  bool nowhere() const { return !layout_.first[0]; }

  // 16-bit samples are rounded to the nearest, ties to even, and saturated.
  void write(int channel, size_t from, int count, const float *x) const;

 private:
  Layout<void> layout_;
};

// The mean over channels of what each(channel, values) writes. That of one channel is what it writes, bit for bit, and
// so is that of two that are equal.
template <int kCount, class Each>
inline void mean_over(int channels, float (&mean)[kCount], Each each) {
  each(0, mean);
  if (channels == 1) return;
  for (int c = 1; c < channels; ++c) {
    float values[kCount];
    each(c, values);
    for (int i = 0; i < kCount; ++i) mean[i] += values[i];
  }
  const float share = 1.0f / static_cast<float>(channels);
  for (float &value : mean) value *= share;
}

}  // namespace linnet::dsp
