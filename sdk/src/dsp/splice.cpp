#include "dsp/splice.h"

#include <cstring>

#include "base/bits.h"

namespace linnet::dsp {

void Splice::begin(const float *left_out, int count) {
  memcpy(left_out_, left_out, static_cast<size_t>(count) * sizeof(float));
  length_ = count;
  faded_ = 0;
}

void Splice::pass(float *x, size_t count) {
  for (size_t n = 0; n < count && faded_ < length_; ++n) {
    const float before = left_out_[faded_++];
    if (faded_ == length_) return;  // the sample itself
    const float share = static_cast<float>(faded_) / static_cast<float>(length_);
    x[n] = base::snap_tiny(before + share * (x[n] - before));
  }
}

}  // namespace linnet::dsp
