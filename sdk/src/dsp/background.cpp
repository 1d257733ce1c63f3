#include "dsp/background.h"

#include "base/bits.h"

namespace linnet::dsp {

constexpr float kDecibel = 0.03f;

void Background::hear(const float levels[kBands]) {
  if (frames_ == 0) {
    for (float &mean : mean_) mean = 0;
  }
  if (frames_ < kMemory) ++frames_;
  for (int b = 0; b < bands_; ++b) {
    mean_[b] = base::snap_tiny(mean_[b] + (levels[b] - mean_[b]) / static_cast<float>(frames_));
  }
}

bool Background::resembles(const float levels[kBands]) const {
  constexpr float kLouder = 12 * kDecibel, kUnlike = 5 * kDecibel;
  if (frames_ < kMemory) return true;
  float louder = 0, unlike = 0;
  for (int b = 0; b < bands_; ++b) louder += (levels[b] - mean_[b]) / static_cast<float>(bands_);
  louder = louder < kLouder ? louder : kLouder;
  louder = louder > -kLouder ? louder : -kLouder;
  for (int b = 0; b < bands_; ++b) {
    const float difference = levels[b] - mean_[b] - louder;
    unlike += difference < 0 ? -difference : difference;
  }
  return unlike < kUnlike * static_cast<float>(bands_);
}

}  // namespace linnet::dsp
