// The way of one frame through the stages, and what belongs to no stage: the attenuation limit (a share of the raw
// signal, delayed alike, is put back), blocks of any size, frames that need no enhancing, and the statistics.
#include "engine.h"

#include <cstring>

#include "base/sanitise.h"

namespace linnet {

using dsp::kBands;

// The two sides of the network's interface do not know each other.
static_assert(nn::kMaxLookahead <= dsp::kMaxLookahead, "what a model may ask for, the rings must hold");

namespace {

// Whether a frame is zeros, of either sign.
bool is_silent(const float *x, int count) {
  uint32_t bits = 0;
  for (int n = 0; n < count; ++n) bits |= base::float_bits(x[n]);
  return (bits & 0x7fffffffu) == 0;
}

}  // namespace

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

void Engine::attach(const nn::Weights &weights, const kernels::Kernels &kernels, const dsp::Rate &rate, bool any_block,
                    bool spread) {
  kernels_ = &kernels;
  any_block_ = any_block;
  spread_ = spread;
  wants_ = {weights.lookahead(), weights.pitch(), weights.fine(), weights.taps() / 2, rate};
  network_.attach(weights);
  last_step_ = Job::kFirstOfNetwork + network_.steps();
  job_cost_ = 0;
  for (int step = 0; step <= last_step_; ++step) job_cost_ += step_cost(step);
}

void Engine::place(base::Arena &arena) {
  input_ = arena.take<dsp::Input>(1);
  analysis_ = arena.take<dsp::Analysis>(1);
  const dsp::Analysis::Rings rings = dsp::Analysis::take_rings(arena, wants_);
  if (analysis_) analysis_->attach(wants_, rings);
  synthesis_ = arena.take<dsp::Synthesis>(1);
  network_.place(arena);
  const size_t frame = static_cast<size_t>(frame_size());
  hops_ = arena.take<float>(kMaxBatch * frame);
  enhanced_ = arena.take<float>(frame);
  raw_ = arena.take<float>(static_cast<size_t>(wants_.lookahead + 1) * frame);
  if (!any_block_ && !spread_) return;
  pending_ = arena.take<float>(frame);
  finished_ = arena.take<float>(frame);
  if (spread_) ready_ = arena.take<float>(frame);
}

void Engine::reset() {
  const size_t frame_bytes = static_cast<size_t>(frame_size()) * sizeof(float);
  input_->reset(wants_.rate);
  analysis_->reset();
  synthesis_->reset();
  network_.reset();
  memset(raw_, 0, static_cast<size_t>(wants_.lookahead + 1) * frame_bytes);
  if (finished_) memset(finished_, 0, frame_bytes);
  if (ready_) memset(ready_, 0, frame_bytes);
  job_.step = last_step_ + 1;
  raw_slot_ = 0;
  fill_ = 0;
  first_frame_ = true;
  frame_ = 0;
  newest_period_ = period_ = dsp::kMaxPeriod;
  rest_ = dsp::Rest();
  remembers_ = false;
  background_.reset(wants_.rate.bands);
  splice_.reset();
  snr_.reset();
  Stats stats;
  if (!wants_.pitch) stats.pitch_hz = 0;
  stats_.publish(stats);
}

void Engine::process(const float *in, float *out, size_t samples) {
  if (spread_) {
    process_spread(in, out, samples);
  } else if (any_block_) {
    process_any(in, out, samples);
  } else {
    process_whole(in, out, samples);
  }
  splice_.pass(out, samples);
}

void Engine::gap(size_t samples) {
  float left_out[dsp::Splice::kMaxFade], block[dsp::kFrame];
  const size_t frame = static_cast<size_t>(frame_size());
  size_t kept = 0;
  while (samples > 0) {
    const size_t count = samples < frame ? samples : frame;
    process(nullptr, block, count);
    samples -= count;
    for (size_t n = 0; n < count && kept < frame / 2; ++n) left_out[kept++] = block[n];
    if (rest_.in_silence()) {  // further frames of it, which change nothing, need not be gone through
      frame_ += samples / frame;
      samples %= frame;
    }
  }
  splice_.begin(left_out, static_cast<int>(kept));
}

// All input of a batch is taken before any output is written: in and out may be the same array.
void Engine::process_whole(const float *in, float *out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size());
  while (samples > 0) {
    const int frames = samples < kMaxBatch * frame ? 1 : kMaxBatch;
    const size_t count = static_cast<size_t>(frames) * frame;
    float *places[kMaxBatch];
    for (int i = 0; i < frames; ++i) places[i] = out + static_cast<size_t>(i) * frame;
    take(in, count, hops_);
    process_frames(frames, places);
    if (in) in += count;
    out += count;
    samples -= count;
  }
}

// Each frame's output leaves while the next frame's input is collected.
void Engine::process_any(const float *in, float *out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size());
  while (samples > 0) {
    const size_t room = frame - static_cast<size_t>(fill_);
    const bool pair = samples >= room + frame;
    const size_t count = samples < room ? samples : room, taken = pair ? count + frame : count;
    take(in, count, pending_ + fill_);
    if (pair) take(in ? in + room : nullptr, frame, hops_ + frame);
    memcpy(out, finished_ + fill_, count * sizeof(float));
    if (in) in += taken;
    out += count;
    samples -= taken;
    if (count < room) {
      fill_ += static_cast<int>(count);
      return;
    }
    fill_ = 0;
    memcpy(hops_, pending_, frame * sizeof(float));
    float *const places[] = {pair ? out : finished_, finished_};
    process_frames(pair ? 2 : 1, places);
    if (pair) out += frame;
  }
}

// The frame that was collected is worked on while the next one is, in proportion to the samples that have come; its
// output leaves one frame later.
void Engine::process_spread(const float *in, float *out, size_t samples) {
  const size_t frame = static_cast<size_t>(frame_size());
  while (samples > 0) {
    const size_t room = frame - static_cast<size_t>(fill_), count = samples < room ? samples : room;
    take(in, count, pending_ + fill_);
    memcpy(out, finished_ + fill_, count * sizeof(float));
    if (in) in += count;
    out += count;
    samples -= count;
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

void Engine::begin_job() {
  memcpy(hops_, pending_, static_cast<size_t>(frame_size()) * sizeof(float));
  period_ = newest_period_;
  job_.plan = make_plan(0);
  job_.step = 0;
  job_.done = 0;
  if (!job_.plan.rest.rests) return;
  rest(0, job_.plan, ready_);
  job_.step = last_step_ + 1;
}

// To the nearest step; all of them when all is due.
void Engine::work(uint64_t due) {
  while (job_.step <= last_step_) {
    const uint64_t cost = step_cost(job_.step);
    if (job_.done + cost / 2 > due) return;
    take_step();
    job_.done += cost;
    ++job_.step;
  }
}

void Engine::take_step() {
  if (job_.step < Job::kFirstOfNetwork) {
    analysis_->step(job_.step, *kernels_, hops_, &job_.frame);
  } else if (job_.step < last_step_) {
    const int step = job_.step - Job::kFirstOfNetwork;
    if (step == 0) mind_silence(job_.plan.rest, job_.frame.features);
    const nn::NetworkInput in = {job_.frame.features, job_.frame.fine};
    network_.step(step, *kernels_, &in, 1, &job_.output);
  } else {
    complete(0, job_.plan, job_.frame, job_.output, ready_);
  }
}

// In multiply-adds of the network; of the signal path what instructions of NEON and AVX2 amount to.
uint64_t Engine::step_cost(int step) const {
  static constexpr uint32_t kAnalysis[dsp::Analysis::kSteps] = {210000, 170000, 180000, 270000,
                                                                180000, 270000, 150000, 310000};
  constexpr uint32_t kFine = 60000, kSynthesis = 310000;
  if (step <= 0) return kAnalysis[0];
  if (step < Job::kFirstOfNetwork) {
    const bool fine = wants_.fine && step == Job::kFirstOfNetwork - 1;
    return (wants_.pitch ? kAnalysis[step] : 0) + (fine ? kFine : 0);
  }
  return step < last_step_ ? network_.step_cost(step - Job::kFirstOfNetwork) : kSynthesis;
}

void Engine::take(const float *in, size_t count, float *to) {
  if (in) {
    input_->receive(in, static_cast<int>(count), to);
  } else {
    const dsp::Rate &rate = wants_.rate;
    const int period = (2 * period_ * rate.down + rate.up) / (2 * rate.up);  // to the nearest sample of the rate
    input_->lose(period, static_cast<int>(count), to);
  }
}

Engine::Plan Engine::make_plan(int i) {
  const float limit_db = controls_.attenuation_limit.load(std::memory_order_relaxed);
  Plan plan;
  plan.rest = rest_.next(is_silent(hops_ + i * frame_size(), frame_size()), limit_db == 0);
  plan.limit_db = plan.rest.passes ? 0 : limit_db;
  return plan;
}

void Engine::process_frames(int frames, float *const out[]) {
  Plan plans[kMaxBatch];
  for (int i = 0; i < frames; ++i) plans[i] = make_plan(i);
  if (frames == 2 && !plans[0].rest.rests && !plans[1].rest.rests && plans[1].rest.steady) {
    return enhance(0, 2, plans, out);
  }
  for (int i = 0; i < frames; ++i) {
    plans[i].rest.rests ? rest(i, plans[i], out[i]) : enhance(i, 1, plans + i, out + i);
  }
}

void Engine::enhance(int first, int count, const Plan plans[], float *const out[]) {
  dsp::AnalysisFrame analysed[kMaxBatch];
  nn::NetworkInput inputs[kMaxBatch] = {};
  for (int i = 0; i < count; ++i) {
    analysis_->process(*kernels_, hops_ + (first + i) * frame_size(), &analysed[i]);
    inputs[i] = {analysed[i].features, analysed[i].fine};
  }
  mind_silence(plans[0].rest, inputs[0].features);
  nn::NetworkOutput outputs[kMaxBatch];
  network_.process(*kernels_, inputs, count, outputs);
  for (int i = 0; i < count; ++i) complete(first + i, plans[i], analysed[i], outputs[i], out[i]);
}

void Engine::complete(int i, const Plan &plan, const dsp::AnalysisFrame &frame, const nn::NetworkOutput &output,
                      float *out) {
  const float postfilter = controls_.postfilter.load(std::memory_order_relaxed);
  float heard[dsp::kBands];
  synthesis_->process(*kernels_, wants_.rate, frame, {output.gains, output.strengths, output.taps}, postfilter, heard,
                      enhanced_);
  finish(i, plan.limit_db, out);
  update_stats(frame, heard, output.speech_probability);
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

void Engine::rest(int i, const Plan &plan, float *out) {
  remembers_ = remembers_ && !plan.rest.sounds;
  if (plan.rest.begins) {
    analysis_->reset();
    synthesis_->reset();
    memset(enhanced_, 0, static_cast<size_t>(frame_size()) * sizeof(float));
  }
  finish(i, plan.limit_db, out);
  Stats stats = stats_.read();
  stats.frame = ++frame_;
  stats.speech_probability = 0;
  stats_.publish(stats);
}

void Engine::finish(int i, float limit_db, float *out) {
  const int frame = frame_size();
  float *raw = raw_ + raw_slot_ * frame;
  limit_attenuation(raw, limit_db, out);
  memcpy(raw, hops_ + i * frame, static_cast<size_t>(frame) * sizeof(float));
  raw_slot_ = raw_slot_ == wants_.lookahead ? 0 : raw_slot_ + 1;
  if (!spread_) period_ = newest_period_;
}

void Engine::limit_attenuation(const float *raw, float limit_db, float *out) {
  if (first_frame_ || limit_db != limit_db_) {
    limit_db_ = limit_db;
    mix_target_ = attenuation_to_mix(limit_db);
  }
  if (first_frame_) mix_ = mix_target_;
  first_frame_ = false;

  const int frame = frame_size();
  const float from = mix_, step = mix_target_ - mix_;
  mix_ = mix_target_;
  if (step == 0 && from == 0) {  // as nearly always: a loop without a branch
    for (int i = 0; i < frame; ++i) out[i] = base::sanitise(enhanced_[i]);
    return;
  }
  for (int i = 0; i < frame; ++i) {
    // Division keeps the end of a ramp exact: a share of 1 gives the raw sample itself, -0 included.
    const float mix = step == 0 ? from : from + step * (static_cast<float>(i + 1) / static_cast<float>(frame));
    if (mix == 1) {
      out[i] = raw[i];
    } else {
      out[i] = base::sanitise(mix == 0 ? enhanced_[i] : enhanced_[i] + mix * (raw[i] - enhanced_[i]));
    }
  }
}

void Engine::update_stats(const dsp::AnalysisFrame &frame, const float heard[dsp::kBands], float speech_probability) {
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
