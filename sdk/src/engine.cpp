// The way of one frame through the stages, and what belongs to no stage: blocks of any size, frames that need no
// enhancing, and the statistics.
#include "engine.h"

#include <cstring>

#include "base/bits.h"

namespace linnet {

using dsp::kBands;

// The two sides of the network's interface do not know each other.
static_assert(nn::kMaxLookahead <= dsp::kMaxLookahead, "what a model may ask for, the rings must hold");

namespace {

// Whether a frame is zeros, of either sign.
bool is_silent(const float *x, size_t count) {
  uint32_t bits = 0;
  for (size_t n = 0; n < count; ++n) bits |= base::float_bits(x[n]);
  return (bits & 0x7fffffffu) == 0;
}

}  // namespace

void Engine::attach(const nn::Weights &weights, const kernels::Kernels &kernels, const EngineWants &wants) {
  kernels_ = &kernels;
  any_block_ = wants.any_block;
  spread_ = wants.spread;
  wants_ = {weights.lookahead(), weights.pitch(), weights.fine(), weights.taps() / 2, *wants.rate, wants.channels};
  network_.attach(weights);
  network_step_ = dsp::Analysis::steps(wants_);
  synthesis_step_ = network_step_ + network_.steps();
  steps_ = synthesis_step_ + dsp::Synthesis::steps(wants_.channels);
  job_cost_ = 0;
  for (int step = 0; step < steps_; ++step) job_cost_ += step_cost(step);
}

void Engine::place(base::Arena &arena) {
  const size_t channels = static_cast<size_t>(wants_.channels), frame = frame_samples();
  input_ = arena.take<dsp::Input>(channels);
  analysis_ = arena.take<dsp::Analysis>(1);
  const dsp::Analysis::Rings rings = dsp::Analysis::take_rings(arena, wants_);
  if (analysis_) analysis_->attach(wants_, rings);
  synthesis_ = arena.take<dsp::Synthesis>(1);
  dsp::Synthesis::Channel *const channel = dsp::Synthesis::take_channels(arena, wants_.channels);
  if (synthesis_) synthesis_->attach(wants_.rate, channel, wants_.channels);
  network_.place(arena);
  splice_ = arena.take<dsp::Splice>(channels);
  hops_ = arena.take<float>(kMaxBatch * frame);
  raw_ = arena.take<float>(static_cast<size_t>(wants_.lookahead + 1) * frame);
  if (!any_block_ && !spread_) return;
  pending_ = arena.take<float>(frame);
  finished_ = arena.take<float>(frame);
  if (spread_) ready_ = arena.take<float>(frame);
}

void Engine::reset() {
  const size_t frame_bytes = frame_samples() * sizeof(float);
  for (int c = 0; c < wants_.channels; ++c) {
    input_[c].reset(wants_.rate);
    splice_[c].reset(wants_.rate);
  }
  analysis_->reset();
  synthesis_->reset();
  network_.reset();
  memset(raw_, 0, static_cast<size_t>(wants_.lookahead + 1) * frame_bytes);
  if (finished_) memset(finished_, 0, frame_bytes);
  if (ready_) memset(ready_, 0, frame_bytes);
  job_.step = steps_;
  raw_slot_ = 0;
  fill_ = 0;
  frame_ = 0;
  newest_period_ = period_ = dsp::kMaxPeriod;
  limit_.reset();
  rest_ = dsp::Rest();
  remembers_ = false;
  background_.reset(wants_.rate.bands);
  snr_.reset();
  Stats stats;
  if (!wants_.pitch) stats.pitch_hz = 0;
  stats_.publish(stats);
}

void Engine::process(const dsp::Source &in, const dsp::Sink &out, size_t samples) {
  if (spread_) {
    process_spread(in, out, samples);
  } else if (any_block_) {
    process_any(in, out, samples);
  } else {
    process_whole(in, out, samples);
  }
}

void Engine::gap(size_t samples) {
  if (samples == 0) return;
  const size_t frame = static_cast<size_t>(frame_size());
  for (int c = 0; c < wants_.channels; ++c) splice_[c].resume();
  for (int settled = 0; samples > 0;) {
    const size_t count = samples < frame ? samples : frame;
    process(dsp::Source(), dsp::Sink(), count);
    samples -= count;
    settled = rest_.settled() ? settled + 1 : 0;
    // All that is kept of the input has gone by. Further frames change nothing and need not be gone through.
    if (settled > wants_.lookahead + 1 && samples >= frame) {
      count_resting(samples / frame);
      samples %= frame;
    }
  }
  for (int c = 0; c < wants_.channels; ++c) splice_[c].begin();
}

// All input of a batch is taken before any output is written: in and out may be the same array.
void Engine::process_whole(const dsp::Source &in, const dsp::Sink &out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size());
  for (size_t at = 0; at < samples;) {
    const int frames = samples - at < kMaxBatch * frame ? 1 : kMaxBatch;
    for (int i = 0; i < frames; ++i) take(in, at + static_cast<size_t>(i) * frame, frame, hop(i), 0);
    process_frames(frames);
    for (int i = 0; i < frames; ++i, at += frame) leave(hop(i), 0, frame, out, at);
  }
}

// Each frame's output leaves while the next frame's input is collected.
void Engine::process_any(const dsp::Source &in, const dsp::Sink &out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size()), bytes = frame_samples() * sizeof(float);
  for (size_t at = 0; at < samples;) {
    const size_t room = frame - static_cast<size_t>(fill_), left = samples - at;
    const bool pair = left >= room + frame;
    const size_t count = left < room ? left : room;
    take(in, at, count, pending_, fill_);
    if (pair) take(in, at + room, frame, hop(1), 0);
    leave(finished_, fill_, count, out, at);
    at += count;
    if (count < room) {
      fill_ += static_cast<int>(count);
      return;
    }
    fill_ = 0;
    memcpy(hops_, pending_, bytes);
    process_frames(pair ? 2 : 1);
    if (pair) {
      leave(hop(0), 0, frame, out, at);
      at += frame;
    }
    memcpy(finished_, hop(pair ? 1 : 0), bytes);
  }
}

// The frame that was collected is worked on while the next one is, in proportion to the samples that have come; its
// output leaves one frame later.
void Engine::process_spread(const dsp::Source &in, const dsp::Sink &out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size());
  for (size_t at = 0; at < samples;) {
    const size_t room = frame - static_cast<size_t>(fill_), left = samples - at, count = left < room ? left : room;
    take(in, at, count, pending_, fill_);
    leave(finished_, fill_, count, out, at);
    at += count;
    fill_ += static_cast<int>(count);
    const int come = fill_ * wants_.rate.up / wants_.rate.down;  // of kFrame, to divide by which needs no library
    work(job_cost_ * static_cast<uint64_t>(come) / dsp::kFrame);
    if (fill_ < frame_size()) return;
    fill_ = 0;
    float *const handed_out = finished_;
    finished_ = ready_;
    ready_ = handed_out;
    begin_job();
  }
}

void Engine::take(const dsp::Source &in, size_t at, size_t count, float *frame, int filled) {
  const dsp::Rate &rate = wants_.rate;
  const int n = static_cast<int>(count);
  float *to = frame + filled;
  if (in.lost()) {
    const int period = (2 * period_ * rate.down + rate.up) / (2 * rate.up);  // to the nearest sample of the rate
    for (int c = 0; c < wants_.channels; ++c, to += rate.frame) input_[c].lose(period, n, to);
  } else {
    for (int c = 0; c < wants_.channels; ++c, to += rate.frame) input_[c].receive(in.read(c, at, n, to), n, to);
  }
}

void Engine::leave(float *frame, int from, size_t count, const dsp::Sink &out, size_t at) {
  const int n = static_cast<int>(count);
  for (int c = 0; c < wants_.channels; ++c, frame += frame_size()) {
    splice_[c].pass(frame + from, n);
    out.nowhere() ? splice_[c].leave_out(frame + from, n) : out.write(c, at, n, frame + from);
  }
}

void Engine::begin_job() {
  memcpy(hops_, pending_, frame_samples() * sizeof(float));
  period_ = newest_period_;
  job_.plan = make_plan(0);
  job_.step = 0;
  job_.done = 0;
  if (!job_.plan.rest.rests) return;
  rest(0, job_.plan);
  memcpy(ready_, hops_, frame_samples() * sizeof(float));
  job_.step = steps_;
}

// To the nearest step; all of them when all is due.
void Engine::work(uint64_t due) {
  while (job_.step < steps_) {
    const uint64_t cost = step_cost(job_.step);
    if (job_.done + cost / 2 > due) return;
    take_step();
    job_.done += cost;
    ++job_.step;
  }
}

void Engine::take_step() {
  if (job_.step < network_step_) return analysis_->step(job_.step, *kernels_, hops_, &job_.frame);
  if (job_.step < synthesis_step_) {
    const int step = job_.step - network_step_;
    if (step == 0) mind_silence(job_.plan.rest, job_.frame.features);
    const nn::NetworkInput in = {job_.frame.features, job_.frame.fine};
    return network_.step(step, *kernels_, &in, 1, &job_.output);
  }
  const nn::NetworkOutput &said = job_.output;
  const int step = job_.step - synthesis_step_;
  if (step == 0) synthesis_->begin(job_.frame, {said.gains, said.strengths, said.taps, job_.plan.postfilter});
  synthesis_->step(step, *kernels_, job_.frame);
  if (job_.step + 1 < steps_) return;
  complete(0, job_.plan, job_.frame, said.speech_probability);
  memcpy(ready_, hops_, frame_samples() * sizeof(float));
}

uint64_t Engine::step_cost(int step) const {
  if (step < network_step_) return dsp::Analysis::step_cost(wants_, step);
  if (step < synthesis_step_) return network_.step_cost(step - network_step_);
  return dsp::Synthesis::step_cost(wants_.channels, step - synthesis_step_);
}

Engine::Plan Engine::make_plan(int i) {
  const float limit_db = controls_.attenuation_limit.load(std::memory_order_relaxed);
  Plan plan;
  plan.rest = rest_.next(is_silent(hop(i), frame_samples()), limit_db == 0);
  plan.limit_db = plan.rest.passes ? 0 : limit_db;
  plan.postfilter = controls_.postfilter.load(std::memory_order_relaxed);
  return plan;
}

void Engine::process_frames(int frames) {
  Plan plans[kMaxBatch];
  for (int i = 0; i < frames; ++i) plans[i] = make_plan(i);
  if (frames == 2 && !plans[0].rest.rests && !plans[1].rest.rests && plans[1].rest.steady) return enhance(0, 2, plans);
  for (int i = 0; i < frames; ++i) plans[i].rest.rests ? rest(i, plans[i]) : enhance(i, 1, plans + i);
}

void Engine::enhance(int first, int count, const Plan plans[]) {
  dsp::AnalysisFrame analysed[kMaxBatch];
  nn::NetworkInput inputs[kMaxBatch] = {};
  for (int i = 0; i < count; ++i) {
    analysis_->process(*kernels_, hop(first + i), &analysed[i]);
    inputs[i] = {analysed[i].features, analysed[i].fine};
  }
  mind_silence(plans[0].rest, inputs[0].features);
  nn::NetworkOutput outputs[kMaxBatch];
  network_.process(*kernels_, inputs, count, outputs);
  for (int i = 0; i < count; ++i) {
    const nn::NetworkOutput &said = outputs[i];
    synthesis_->process(*kernels_, analysed[i], {said.gains, said.strengths, said.taps, plans[i].postfilter});
    complete(first + i, plans[i], analysed[i], said.speech_probability);
  }
}

void Engine::complete(int i, const Plan &plan, const dsp::AnalysisFrame &frame, float speech_probability) {
  finish(i, plan.limit_db);
  update_stats(frame, speech_probability);
  if (plan.rest.sounds) {
    background_.hear(frame.features);
    remembers_ = false;
  }
}

void Engine::mind_silence(const dsp::Rest::Frame &frame, const float features[dsp::kFeatures]) {
  if (frame.silent && !remembers_) {
    network_.save();
    remembers_ = true;
  } else if (frame.returns && remembers_ && background_.resembles(features)) {
    network_.recall();
    remembers_ = false;
  }
}

void Engine::rest(int i, const Plan &plan) {
  remembers_ = remembers_ && !plan.rest.sounds;
  if (plan.rest.begins) {
    analysis_->reset();
    synthesis_->reset();
  }
  finish(i, plan.limit_db);
  count_resting(1);
}

void Engine::count_resting(size_t frames) {
  frame_ += frames;
  Stats stats = stats_.read();
  stats.frame = frame_;
  stats.speech_probability = 0;
  stats_.publish(stats);
}

void Engine::finish(int i, float limit_db) {
  const int frame = frame_size();
  limit_.next(limit_db);
  for (int c = 0; c < wants_.channels; ++c) {
    float *const raw = raw_ + static_cast<size_t>(raw_slot_) * frame_samples();
    limit_.apply(frame, synthesis_->samples(c), raw + c * frame, hop(i) + c * frame);
  }
  raw_slot_ = raw_slot_ == wants_.lookahead ? 0 : raw_slot_ + 1;
  if (!spread_) period_ = newest_period_;
}

void Engine::update_stats(const dsp::AnalysisFrame &frame, float speech_probability) {
  const float *const heard = synthesis_->heard();
  float gain_sum = 0;
  for (int b = 0; b < wants_.rate.bands; ++b) gain_sum += heard[b];
  Stats stats;
  newest_period_ = frame.pitch.period;
  stats.frame = ++frame_;
  stats.speech_probability = speech_probability;
  stats.input_snr_db = snr_.process(frame.amplitude, heard, speech_probability);
  stats.mean_gain = gain_sum / static_cast<float>(wants_.rate.bands);
  stats.pitch_hz = wants_.pitch ? static_cast<float>(dsp::kSampleRate) / static_cast<float>(frame.pitch.period) : 0.0f;
  stats_.publish(stats);
}

}  // namespace linnet
