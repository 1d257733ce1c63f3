// One frame of the synthesis: band gains and comb strengths of the frame in, 10 ms of enhanced samples out. The
// counterpart of analysis.h: mix, band scaling, filters of low bins, post-filter, inverse transform, overlap-add.
#pragma once

#include "dsp/analysis.h"
#include "dsp/constants.h"
#include "dsp/fft.h"
#include "kernels/kernels.h"

namespace linnet::dsp {

class Synthesis {
 public:
  void reset();

  // What a network gave for one frame.
  struct Controls {
    const float *gains, *strengths;  // [34] within 0..1
    const float *taps;               // [98][2 * reach + 1][2] of filters, see filter.h; nullptr: none
  };

  // controls: for the frame of the analysis; postfilter_amount 0..1. heard: the share of each band's amplitude that is
  // left before the post-filter, 0..1; without filters these are the gains. out: the hop that ends where the
  // frame's centre lies, full scale +-1, not clamped.
  void process(const kernels::Kernels &kernels, const Rate &rate, const AnalysisFrame &frame, const Controls &controls,
               float postfilter_amount, float heard[kBands], float *out);

 private:
  float overlap_[kFrame];
};

}  // namespace linnet::dsp
