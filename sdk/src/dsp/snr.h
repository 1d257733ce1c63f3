// The input's speech-to-noise ratio. In every band a noise floor is averaged while the network lets little through, and
// held between bounds by the lowest recent energy (minimum statistics: Martin, "Noise power spectral density estimation
// based on optimal smoothing and minimum statistics", 2001), so that it holds from the start and follows a noise that
// changes. Speech is what the bands have above their floors in frames with speech. Both powers are averaged over 1 s;
// the speech's holds in pauses.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

// Plain data. Call reset before the first process.
class SnrEstimator {
 public:
  void reset();

  // One frame: amplitudes and gains 0..1 of its bands, probability of speech 0..1. The ratio in dB, -30..60; 0 until
  // the first sound.
  float process(const float amplitude[kBands], const float gains[kBands], float speech_probability);

 private:
  static constexpr int kSegments = 4;  // of the time over which minima are taken

  void track_minimum(const float energy[kBands]);
  // Of all bands' floors.
  float track_floor(const float energy[kBands], const float gains[kBands]);

  int sounding_;  // frames since the first sound, up to kSettle
  int frame_;     // in the newest segment
  int segment_;
  float smoothed_[kBands];              // energy
  float minima_[kSegments][kBands];     // of it, in each segment
  float floor_[kBands], seen_[kBands];  // and the frames that it was averaged over, up to kFloorFrames
  float speech_, speech_weight_;        // sums that forget; the ratio of the two is the power
  float noise_, noise_weight_;
};

}  // namespace linnet::dsp
