// One signal of a plug-in's host: any rate within limits, any number of samples per call, one or two channels alike.
// Streams run at the host's rate where they can. At others, such as 44.1 kHz, the signal is resampled to 48 kHz and
// back by SpeexDSP (BSD-3-Clause), a part of the plug-in where the system has it as a static library. Its filters are
// short, tell how far they look ahead, and allocate nothing once they are made: 6 ms in all at 44.1 kHz, where soxr,
// which is for files, would need 40.
//
// The model is a part of the plug-in's binary. Samples are floats, full scale +-1.
#ifndef LINNET_PLUGINS_ENHANCER_H
#define LINNET_PLUGINS_ENHANCER_H

#include <cstddef>
#include <cstdint>

#include "plugins/forms.h"

namespace plugin {

constexpr int kMaxChannels = 2;
constexpr double kLowestRate = 4000, kHighestRate = 384000;  // Hz, as linnet takes recordings
constexpr float kMaxLimit = 100, kMaxPostfilter = 1;         // ranges of the controls begin at 0
constexpr float kDefaultLimit = kMaxLimit, kDefaultPostfilter = 0;

struct Enhancer;

// Not for the audio thread, as destroy. Null for a rate that is not within limits, or without memory.
Enhancer *create(const Form &form, double rate);
void destroy(Enhancer *enhancer);

// The rest never allocates, locks, waits or enters the operating system.

// As newly made.
void reset(Enhancer *enhancer);

// Values out of range are taken to its ends; NaN changes nothing.
void set_controls(Enhancer *enhancer, float limit_db, float postfilter);

// Samples by which the output is late at the host's rate: exact where 40 ms are a whole number of samples, as at all
// usual rates; else rounded.
uint32_t latency(const Enhancer *enhancer);

// A pointer for each channel of the form. They may be the same or null: what is not there is silent, or thrown away.
void process(Enhancer *enhancer, const float *const in[], float *const out[], size_t samples);

}  // namespace plugin

#endif
