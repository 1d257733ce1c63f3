// One stream of 1 to 8 channels: the order of the steps of one frame (analysis, network, synthesis, attenuation limit),
// its memory plan and its controls. Frames are 10 ms, full scale is +-1. Output lags by M + 1 frames, M being the
// model's look-ahead, by one frame more when samples may come in any number, by two when its work is spread.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/arena.h"
#include "base/snapshot.h"
#include "dsp/analysis.h"
#include "dsp/background.h"
#include "dsp/channels.h"
#include "dsp/input.h"
#include "dsp/limit.h"
#include "dsp/rest.h"
#include "dsp/snr.h"
#include "dsp/splice.h"
#include "dsp/synthesis.h"
#include "kernels/kernels.h"
#include "nn/network.h"

namespace linnet {

// How a stream is to be.
struct EngineWants {
  const dsp::Rate *rate = nullptr;
  int channels = 1;  // 1..kMaxChannels
  bool any_block = false, spread = false;
};

class Engine {
 public:
  // Written by any thread, read once per frame.
  struct Controls {
    std::atomic<float> attenuation_limit{dsp::Limit::kNone};  // dB, 0..100
    std::atomic<float> postfilter{0.0f};                      // 0..1
  };

  // Of one frame.
  struct Stats {
    uint64_t frame = 0;  // number of frames that are done
    float speech_probability = 0, input_snr_db = 0, mean_gain = 0, pitch_hz = 160;
  };

  // The weights are shared, and must outlive the engine.
  void attach(const nn::Weights &weights, const kernels::Kernels &kernels, const EngineWants &wants);

  // Measures (arena without memory) or places all state. Placed memory is undefined until reset.
  void place(base::Arena &arena);

  // All state as newly created; controls are kept.
  void reset();

  // samples: of each channel, a whole number of frames, or any number with any_block or spread. What comes and what
  // goes may lie in the same place. Samples that do not come were lost.
  void process(const dsp::Source &in, const dsp::Sink &out, size_t samples);

  // Passes over as many lost samples, whose output nobody gets.
  void gap(size_t samples);

  const dsp::Rate &rate() const { return wants_.rate; }
  int channels() const { return wants_.channels; }
  int delay() const { return frame_size() * (wants_.lookahead + 1 + (spread_ ? 2 : any_block_ ? 1 : 0)); }
  const kernels::Kernels &kernels() const { return *kernels_; }
  Controls &controls() { return controls_; }
  // From any thread.
  Stats stats() const { return stats_.read(); }

 private:
  static constexpr int kMaxBatch = nn::kMaxBatch;

  int frame_size() const { return wants_.rate.frame; }
  // Of all channels: what lies in a frame.
  size_t frame_samples() const { return static_cast<size_t>(wants_.channels * wants_.rate.frame); }
  float *hop(int i) const { return hops_ + static_cast<size_t>(i) * frame_samples(); }

  // What is to be done with a frame, all controls that decide it read once.
  struct Plan {
    dsp::Rest::Frame rest;
    float limit_db, postfilter;
  };

  void process_whole(const dsp::Source &in, const dsp::Sink &out, size_t samples);
  void process_any(const dsp::Source &in, const dsp::Sink &out, size_t samples);
  void process_spread(const dsp::Source &in, const dsp::Sink &out, size_t samples);
  // The next samples of the input, or made-up ones where they were lost, into a frame that holds `filled` of each
  // channel.
  void take(const dsp::Source &in, size_t at, size_t count, float *frame, int filled);
  // Samples of a frame, from `from` on of each channel, leave the stream.
  void leave(float *frame, int from, size_t count, const dsp::Sink &out, size_t at);
  // For the next frame, which lies in place i of hops_.
  Plan make_plan(int i);
  // The frames that lie in hops_, 1..kMaxBatch, whose output comes in their place.
  void process_frames(int frames);
  // Those of them from `first` on. Two share a pass over most of the network's weights.
  void enhance(int first, int count, const Plan plans[]);
  void rest(int i, const Plan &plan);
  void count_resting(size_t frames);

  // The work on one frame, a step at a time: those of the analysis, of the network, of the synthesis.
  struct Job {
    int step;       // the next one, up to the number of steps
    uint64_t done;  // cost of those before
    Plan plan;
    dsp::AnalysisFrame frame;
    nn::NetworkOutput output;
  };
  void begin_job();
  // Steps until as much of the job is done.
  void work(uint64_t due);
  void take_step();
  uint64_t step_cost(int step) const;

  // Has the network remember, and recall, what it knew before a silence. A batch's first frame decides.
  void mind_silence(const dsp::Rest::Frame &frame, const float features[dsp::kFeatures]);
  // What comes after the synthesis.
  void complete(int i, const Plan &plan, const dsp::AnalysisFrame &frame, float speech_probability);
  // Output of frame i, out of the synthesis and the delay line.
  void finish(int i, float limit_db);
  void update_stats(const dsp::AnalysisFrame &frame, float speech_probability);

  const kernels::Kernels *kernels_ = nullptr;
  bool any_block_ = false, spread_ = false;
  dsp::AnalysisWants wants_ = {};
  nn::Network network_;
  dsp::Input *input_ = nullptr;  // [channels]
  dsp::Analysis *analysis_ = nullptr;
  dsp::Synthesis *synthesis_ = nullptr;
  dsp::Splice *splice_ = nullptr;  // [channels]

  // Of each channel a frame, one behind the other.
  float *hops_ = nullptr;      // [kMaxBatch] newest input, then its output
  float *raw_ = nullptr;       // [lookahead + 1] delay line of the input
  float *pending_ = nullptr;   // any_block, spread: input of the frame being collected
  float *finished_ = nullptr;  // any_block, spread: output of a frame before, being handed out
  float *ready_ = nullptr;     // spread: output of the job
  int raw_slot_ = 0;           // oldest frame in raw_
  int fill_ = 0;               // samples of each channel in pending_

  Job job_ = {};            // spread: the frame before the one being collected
  int network_step_ = 0;    // the first one of a job
  int synthesis_step_ = 0;  // likewise
  int steps_ = 0;           // of a job
  uint64_t job_cost_ = 0;   // of all its steps

  uint64_t frame_ = 0;     // number of frames that are done
  int newest_period_ = 0;  // pitch of the newest of them, in samples at 48 kHz
  int period_ = 0;         // of the one before, which spread knows as well when samples are lost
  dsp::Limit limit_;
  dsp::Rest rest_;
  bool remembers_ = false;  // the network what it knew before this silence
  dsp::Background background_;
  dsp::SnrEstimator snr_;
  Controls controls_;
  base::Snapshot<Stats> stats_;
};

}  // namespace linnet
