// A GRU layer over a whole chunk of frames, forward and backward through time, as training/gru.py calls it.
//
//   reset, update = sigmoid(x W^T + b + h V^T + c);  candidate = tanh(x W^T + b + reset (h V^T + c))
//   h = candidate + update (h - candidate)
//
// Arrays are [frames, rows, numbers], contiguous; the three parts of 3 * width numbers are reset, update, candidate.
// "Element" is float, or bfloat16 where `bfloat16` is set. Cho et al. 2014, in the form of PyTorch and cuDNN.
#ifndef LINNET_TRAINING_GRU_H
#define LINNET_TRAINING_GRU_H

#include <cstdint>

extern "C" {

struct linnet_gru {
  int64_t frames, rows, cols, width;
  int64_t bfloat16;           // products and what is kept for the way back are bfloat16; states and sums are float
  int64_t whole;              // the input's products are done here; otherwise the caller does them
  const float *weight_input;  // [3 width, cols], with `whole` alone
  const float *weight_state;  // [3 width, width]
  const float *bias_input;    // [3 width], with `whole` alone
  const float *bias_state;    // [3 width]
  const float *x;             // [frames, rows, cols], with `whole` alone
  const void *side;           // elements [frames, rows, 3 width]: the input's products with their bias, without `whole`
  const float *start;         // [rows, width], the state before the first frame
  float *states;              // [frames, rows, width], after each frame
  void *copy;                 // the same as elements, or null
  void *kept;                 // for the way back: elements [frames, rows, 4 times width rounded up to 16]
  // Backward alone
  const float *grad_states;  // [frames, rows, width]
  float *grad_start;         // [rows, width]; holds the gradient of the last state before
  float *grad_x;             // [frames, rows, cols] or null, with `whole` alone
  void *grad_side;           // elements [frames, rows, 3 width], without `whole`
  void *grad_recurrent;      // elements [frames, rows, 3 width], of h V^T + c, without `whole`
  float *grad_weight_input;  // [3 width, cols], with `whole` alone
  float *grad_weight_state;  // [3 width, width], with `whole` alone
  float *grad_bias_input;    // [3 width]
  float *grad_bias_state;    // [3 width]
};

int linnet_gru_version(void);                     // of this struct
const char *linnet_gru_backend(void);             // instruction set in use
int linnet_gru_use(const char *name);             // another one, null the best: 0, or 1 where it cannot run here
int linnet_gru_has_bfloat16(void);                // 1 where the one in use has products of bfloat16
int linnet_gru_forward(const linnet_gru *layer);  // 0, or 1 where there is no memory or no bfloat16
int linnet_gru_backward(const linnet_gru *layer);
}

#endif
