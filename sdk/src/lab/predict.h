// The network alone over the features of a whole recording.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "nn/network.h"

namespace linnet::lab {

// inputs: [frames][weights.inputs()] of consecutive frames, fine ones behind the features where the network reads them;
// out: [frames], whose taps are copied to taps, [frames][98][weights.taps()][2], where there are any; from the zero
// state. at_once: most frames that the network gets in one call, at least 1, which changes no bit.
void predict(const kernels::Kernels &kernels, const nn::Weights &weights, const float *inputs, size_t frames,
             size_t at_once, nn::NetworkOutput *out, float *taps);

}  // namespace linnet::lab
