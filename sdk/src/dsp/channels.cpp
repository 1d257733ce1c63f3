#include "dsp/channels.h"

#include <cstring>

namespace linnet::dsp {
namespace {

// x * 32768 to the nearest integer, ties to even, saturated.
int16_t to_i16(float x) {
  float scaled = x * 32768.0f;
  if (scaled > 32767.0f) scaled = 32767.0f;
  if (scaled < -32768.0f) scaled = -32768.0f;
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: floats of this size are whole numbers
  return static_cast<int16_t>((scaled + kRounder) - kRounder);
}

}  // namespace

const float *Source::read(int channel, size_t from, int count, float *memory) const {
  const size_t stride = static_cast<size_t>(layout_.stride);
  if (layout_.shorts) {
    const int16_t *x = static_cast<const int16_t *>(layout_.first[channel]) + from * stride;
    for (int n = 0; n < count; ++n, x += stride) memory[n] = static_cast<float>(*x) * (1.0f / 32768.0f);
    return memory;
  }
  const float *x = static_cast<const float *>(layout_.first[channel]) + from * stride;
  if (stride == 1) return x;
  for (int n = 0; n < count; ++n, x += stride) memory[n] = *x;
  return memory;
}

void Sink::write(int channel, size_t from, int count, const float *x) const {
  const size_t stride = static_cast<size_t>(layout_.stride);
  if (layout_.shorts) {
    int16_t *to = static_cast<int16_t *>(layout_.first[channel]) + from * stride;
    for (int n = 0; n < count; ++n, to += stride) *to = to_i16(x[n]);
    return;
  }
  float *to = static_cast<float *>(layout_.first[channel]) + from * stride;
  if (stride == 1) {
    memcpy(to, x, static_cast<size_t>(count) * sizeof *x);
    return;
  }
  for (int n = 0; n < count; ++n, to += stride) *to = x[n];
}

}  // namespace linnet::dsp
