// The network alone over the features of a whole recording.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "nn/network.h"

namespace linnet::lab {

// features: [frames][70] of consecutive frames, fine: [frames][294] for networks that read it, else nullptr; out:
// [frames], whose taps are copied to taps, [frames][98][weights.taps()][2], where there are any; from the zero state.
// at_once: most frames that the network gets in one call, at least 1, which changes no bit.
void predict(const kernels::Kernels &kernels, const nn::Weights &weights, const float *features, const float *fine,
             size_t frames, size_t at_once, nn::NetworkOutput *out, float *taps);

}  // namespace linnet::lab
