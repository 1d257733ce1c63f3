#include "dsp/splice.h"

#include "base/bits.h"

namespace linnet::dsp {

void Splice::pass(float *x, int count) {
  for (int n = 0; n < count && faded_ < length_; ++n) {
    const float before = left_out_[faded_++];
    if (faded_ == length_) return;  // the sample itself
    const float share = static_cast<float>(faded_) / static_cast<float>(length_);
    x[n] = base::snap_tiny(before + share * (x[n] - before));
  }
}

// Where a cross-fade still goes on, what it has to come lies behind what is written here: as many samples have passed.
void Splice::leave_out(const float *x, int count) {
  for (int n = 0; n < count && kept_ < fade_; ++n) left_out_[kept_++] = x[n];
}

void Splice::begin() {
  length_ = kept_;
  kept_ = faded_ = 0;
}

}  // namespace linnet::dsp
