// The sound of a place: the mean spectrum of the newest frames, by whose shape it is known again after a silence.
#pragma once

#include "dsp/constants.h"

namespace linnet::dsp {

// Plain data. Call reset before the first frame. levels: of the bands, as features have them (0.03 per dB). Of a lower
// rate those that it has alone count: the others are always alike.
class Background {
 public:
  // bands: how many there are, from the lowest on.
  void reset(int bands) {
    frames_ = 0;
    bands_ = bands;
  }

  void hear(const float levels[kBands]);

  // Whether a frame sounds like the mean, or there is none yet: bands differ by 5 dB at the most in the mean, 12 dB of
  // loudness aside. A steady noise does by 2 to 4.9 dB, speech from anything else by 7 and more.
  bool resembles(const float levels[kBands]) const;

 private:
  static constexpr int kMemory = 16;  // frames

  float mean_[kBands];
  int bands_;
  int frames_;  // that the mean is of, up to kMemory
};

}  // namespace linnet::dsp
