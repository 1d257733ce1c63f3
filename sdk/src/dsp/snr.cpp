#include "dsp/snr.h"

#include <cstring>

#include "base/bits.h"
#include "base/math.h"

namespace linnet::dsp {

namespace {

constexpr float kSilence = 1e-2f;      // energy, as in the features
constexpr float kPerFrame = 0.01f;     // share of a frame in 1 s
constexpr float kFloorFrames = 10.0f;  // over which a floor is averaged
constexpr float kLowest = 0.7f;        // a floor's bounds, in units of the minimum
constexpr float kHighest = 12.0f;
constexpr int kSegmentFrames = 40;  // the minima are over 1.6 s: longer than most words
constexpr int kSettle = 4;          // first frames, which the window and the high-pass filter have only partly reached
constexpr float kUnknown = 1e30f;   // a minimum over nothing

float lower(float a, float b) { return a < b ? a : b; }
float higher(float a, float b) { return a > b ? a : b; }

// x^2 without a denormal on the way.
float square(float x) { return base::snap_tiny(x * x); }

}  // namespace

void SnrEstimator::reset() {
  memset(static_cast<void *>(this), 0, sizeof *this);
  for (float (&segment)[kBands] : minima_) {
    for (float &minimum : segment) minimum = kUnknown;
  }
}

float SnrEstimator::process(const float amplitude[kBands], const float gains[kBands], float speech_probability) {
  float energy[kBands];
  float total = 0;
  for (int b = 0; b < kBands; ++b) {
    energy[b] = base::snap_tiny(amplitude[b] * amplitude[b]);
    total += energy[b];
  }
  // Zeros before a recording say nothing about its noise.
  if (sounding_ == 0 && total < kSilence) return 0;

  track_minimum(energy);
  const float floor = track_floor(energy, gains);

  // The fourth power leaves out frames at the edges of words, which have less speech than the others.
  const float weight = base::snap_tiny(kPerFrame * square(square(speech_probability)));
  speech_ = base::snap_tiny(speech_ + weight * (higher(total - floor, 0) - speech_));
  speech_weight_ = base::snap_tiny(speech_weight_ + weight * (1 - speech_weight_));
  noise_ = base::snap_tiny(noise_ + kPerFrame * (floor - noise_));
  noise_weight_ = base::snap_tiny(noise_weight_ + kPerFrame * (1 - noise_weight_));
  // Speech counts once a tenth of a second of it, more or less, has been heard.
  const float speech = speech_ / higher(speech_weight_, 5 * kPerFrame);
  const float noise = noise_ / noise_weight_;
  const float ratio = 10 * (base::log10_approx(kSilence + speech) - base::log10_approx(kSilence + noise));
  return higher(lower(ratio, 60), -30);
}

void SnrEstimator::track_minimum(const float energy[kBands]) {
  constexpr float kSmoothing = 1.0f / 3;
  if (sounding_ < kSettle) {
    ++sounding_;
    memcpy(smoothed_, energy, sizeof smoothed_);
    return;
  }
  for (int b = 0; b < kBands; ++b) {
    smoothed_[b] = base::snap_tiny(smoothed_[b] + kSmoothing * (energy[b] - smoothed_[b]));
  }
  if (++frame_ == kSegmentFrames) {
    frame_ = 0;
    segment_ = segment_ + 1 == kSegments ? 0 : segment_ + 1;
    memcpy(minima_[segment_], smoothed_, sizeof smoothed_);
  }
  for (int b = 0; b < kBands; ++b) minima_[segment_][b] = lower(minima_[segment_][b], smoothed_[b]);
}

float SnrEstimator::track_floor(const float energy[kBands], const float gains[kBands]) {
  float sum = 0;
  for (int b = 0; b < kBands; ++b) {
    float minimum = smoothed_[b];
    for (const float (&segment)[kBands] : minima_) minimum = lower(minimum, segment[b]);

    // The share of noise by the network's word. Its high power keeps loud speech out, of which even little would be
    // much.
    const float noise_share = 1 - gains[b] * gains[b];
    const float weight = square(square(square(noise_share)));
    seen_[b] = base::snap_tiny(lower(seen_[b] + weight, kFloorFrames));
    float floor = floor_[b] + weight / higher(seen_[b], 1) * (noise_share * energy[b] - floor_[b]);
    floor = higher(floor, kLowest * minimum);
    floor_[b] = base::snap_tiny(lower(floor, kHighest * minimum));
    sum += floor_[b];
  }
  return sum;
}

}  // namespace linnet::dsp
