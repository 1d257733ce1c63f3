#include "dsp/filter.h"

#include "base/bits.h"

namespace linnet::dsp {

namespace {

// The count is known to the compiler, so that there is no loop inside the one over the bins.
template <int count>
void add_taps(const Spectrum *const near[], const float *taps, Spectrum *out) {
  for (int k = 0; k < kLowBins; ++k) {
    float re = out->re[k], im = out->im[k];
    for (int n = 0; n < count; ++n, taps += 2) {
      const float x = near[n]->re[k], y = near[n]->im[k];
      re += taps[0] * x - taps[1] * y;
      im += taps[0] * y + taps[1] * x;
    }
    out->re[k] = base::snap_tiny(re);
    out->im[k] = base::snap_tiny(im);
  }
}

}  // namespace

void add_filtered(const Spectrum *const near[], const float *taps, int count, Spectrum *out) {
  if (count == 1) return add_taps<1>(near, taps, out);
  if (count == 3) return add_taps<3>(near, taps, out);
  add_taps<5>(near, taps, out);
}

}  // namespace linnet::dsp
