// The network alone over the features of a whole recording.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "nn/network.h"

namespace linnet::lab {

// features: [frames][70] of consecutive frames, out: [frames]; from the zero state. at_once: frames that the network
// gets in one call, at least 1, which changes no bit.
void predict(const kernels::Kernels &kernels, const nn::Weights &weights, const float *features, size_t frames,
             size_t at_once, nn::NetworkOutput *out);

}  // namespace linnet::lab
