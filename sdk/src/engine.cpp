// The way of one frame through the stages, and what belongs to no stage: cleaning of the input, the attenuation limit
// (a share of the raw signal, delayed alike, is put back), blocks of any size, and the statistics.
#include "engine.h"

#include <cstring>

#include "base/sanitise.h"

namespace linnet {

using dsp::kBands;
using dsp::kFrame;

// The two sides of the network's interface do not know each other.
static_assert(nn::kInputs == dsp::kFeatures && nn::kOutputs == dsp::kBands, "features in, bands out");
static_assert(nn::kMaxLookahead <= dsp::kMaxLookahead, "what a model may ask for, the rings must hold");

float attenuation_to_mix(float db) {
  if (db >= Engine::kNoLimit) return 0.0f;
  // 2^x by its power series around the nearest integer; in double, so that the one rounding to float decides.
  constexpr double kLog2Of10 = 3.3219280948873623;
  constexpr double kLogOf2 = 0.69314718055994531;
  const double x = -double(db) * (kLog2Of10 / 20.0);
  const int whole = static_cast<int>(x - 0.5);  // towards zero; x <= 0
  const double t = (x - whole) * kLogOf2;
  double power = 1.0;
  for (int n = 12; n >= 1; --n) power = 1.0 + power * t / n;
  const uint64_t bits = static_cast<uint64_t>(1023 + whole) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return static_cast<float>(power * scale);
}

void Engine::attach(const nn::Weights &weights, const kernels::Kernels &kernels, bool any_block) {
  kernels_ = &kernels;
  any_block_ = any_block;
  lookahead_ = weights.lookahead();
  network_.attach(weights);
}

void Engine::place(base::Arena &arena) {
  analysis_ = arena.take<dsp::Analysis>(1);
  synthesis_ = arena.take<dsp::Synthesis>(1);
  network_.place(arena);
  hops_ = arena.take<float>(kMaxBatch * kFrame);
  enhanced_ = arena.take<float>(kFrame);
  raw_ = arena.take<float>(static_cast<size_t>(lookahead_ + 1) * kFrame);
  if (!any_block_) return;
  pending_ = arena.take<float>(kFrame);
  finished_ = arena.take<float>(kFrame);
}

void Engine::reset() {
  analysis_->reset(lookahead_);
  synthesis_->reset();
  network_.reset();
  memset(raw_, 0, static_cast<size_t>(lookahead_ + 1) * kFrame * sizeof(float));
  if (any_block_) memset(finished_, 0, kFrame * sizeof(float));
  raw_slot_ = 0;
  fill_ = 0;
  first_frame_ = true;
  frame_ = 0;
  snr_.reset();
  stats_.publish(Stats());
}

// All input of a batch is taken before any output is written: in and out may be the same array.
void Engine::process(const float *in, float *out, size_t samples) {
  if (any_block_) return process_any(in, out, samples);
  while (samples > 0) {
    const int frames = samples < kMaxBatch * kFrame ? 1 : kMaxBatch;
    float *places[kMaxBatch];
    for (int i = 0; i < frames; ++i, in += kFrame, out += kFrame) {
      take_hop(i, in);
      places[i] = out;
    }
    process_frames(frames, places);
    samples -= static_cast<size_t>(frames) * kFrame;
  }
}

// Each frame's output leaves while the next frame's input is collected.
void Engine::process_any(const float *in, float *out, size_t samples) {
  while (samples > 0) {
    const size_t room = static_cast<size_t>(kFrame - fill_);
    const bool pair = samples >= room + kFrame;
    const size_t count = samples < room ? samples : room;
    memcpy(pending_ + fill_, in, count * sizeof(float));
    if (pair) take_hop(1, in + room);
    memcpy(out, finished_ + fill_, count * sizeof(float));
    in += count;
    out += count;
    samples -= count;
    if (count < room) {
      fill_ += static_cast<int>(count);
      return;
    }
    fill_ = 0;
    take_hop(0, pending_);
    if (pair) {
      float *const places[] = {out, finished_};
      process_frames(2, places);
      in += kFrame;
      out += kFrame;
      samples -= kFrame;
    } else {
      process_frames(1, &finished_);
    }
  }
}

void Engine::take_hop(int i, const float in[kFrame]) {
  float *hop = hops_ + i * kFrame;
  for (int n = 0; n < kFrame; ++n) hop[n] = base::sanitise(in[n]);
}

void Engine::process_frames(int frames, float *const out[]) {
  dsp::AnalysisFrame analysed[kMaxBatch];
  float features[kMaxBatch * dsp::kFeatures] = {};
  for (int i = 0; i < frames; ++i) {
    analysis_->process(*kernels_, hops_ + i * kFrame, &analysed[i]);
    memcpy(features + i * dsp::kFeatures, analysed[i].features, sizeof analysed[i].features);
  }
  nn::NetworkOutput outputs[kMaxBatch];
  network_.process(*kernels_, features, frames, outputs);
  for (int i = 0; i < frames; ++i) {
    const float postfilter = controls_.postfilter.load(std::memory_order_relaxed);
    synthesis_->process(*kernels_, analysed[i], outputs[i].gains, outputs[i].strengths, postfilter, enhanced_);

    float *raw = raw_ + raw_slot_ * kFrame;
    limit_attenuation(raw, out[i]);
    memcpy(raw, hops_ + i * kFrame, kFrame * sizeof(float));
    raw_slot_ = raw_slot_ == lookahead_ ? 0 : raw_slot_ + 1;
    update_stats(analysed[i], outputs[i]);
  }
}

void Engine::limit_attenuation(const float raw[kFrame], float out[kFrame]) {
  const float limit_db = controls_.attenuation_limit.load(std::memory_order_relaxed);
  if (first_frame_ || limit_db != limit_db_) {
    limit_db_ = limit_db;
    mix_target_ = attenuation_to_mix(limit_db);
  }
  if (first_frame_) mix_ = mix_target_;
  first_frame_ = false;

  const float from = mix_, step = mix_target_ - mix_;
  mix_ = mix_target_;
  for (int i = 0; i < kFrame; ++i) {
    // Division keeps the end of a ramp exact: a share of 1 gives the raw sample itself, -0 included.
    const float mix = step == 0 ? from : from + step * (static_cast<float>(i + 1) / kFrame);
    if (mix == 1) {
      out[i] = raw[i];
    } else {
      out[i] = base::sanitise(mix == 0 ? enhanced_[i] : enhanced_[i] + mix * (raw[i] - enhanced_[i]));
    }
  }
}

void Engine::update_stats(const dsp::AnalysisFrame &frame, const nn::NetworkOutput &output) {
  float gain_sum = 0;
  for (const float gain : output.gains) gain_sum += gain;
  Stats stats;
  stats.frame = ++frame_;
  stats.speech_probability = output.speech_probability;
  stats.input_snr_db = snr_.process(frame.amplitude, output.gains, output.speech_probability);
  stats.mean_gain = gain_sum / kBands;
  stats.pitch_hz = static_cast<float>(dsp::kSampleRate) / static_cast<float>(frame.pitch.period);
  stats_.publish(stats);
}

}  // namespace linnet
