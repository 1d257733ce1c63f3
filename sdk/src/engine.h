// One mono stream: the order of the steps of one frame (analysis, network, synthesis, attenuation limit), its memory
// plan and its controls. Frames are 10 ms, full scale is +-1. Output lags by M + 1 frames, M being the model's
// look-ahead, by one frame more when samples may come in any number, by two when its work is spread.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/arena.h"
#include "base/snapshot.h"
#include "dsp/analysis.h"
#include "dsp/background.h"
#include "dsp/input.h"
#include "dsp/rest.h"
#include "dsp/snr.h"
#include "dsp/splice.h"
#include "dsp/synthesis.h"
#include "kernels/kernels.h"
#include "nn/network.h"

namespace linnet {

// 10^(-db / 20) for db 0..100, the same bits everywhere; exactly 1 at 0 and exactly 0 at 100.
float attenuation_to_mix(float db);

class Engine {
 public:
  static constexpr float kNoLimit = 100.0f;  // dB

  // Written by any thread, read once per frame.
  struct Controls {
    std::atomic<float> attenuation_limit{kNoLimit};  // dB, 0..100
    std::atomic<float> postfilter{0.0f};             // 0..1
  };

  // Of one frame.
  struct Stats {
    uint64_t frame = 0;  // number of frames that are done
    float speech_probability = 0, input_snr_db = 0, mean_gain = 0, pitch_hz = 160;
  };

  // The weights are shared, and must outlive the engine.
  void attach(const nn::Weights &weights, const kernels::Kernels &kernels, const dsp::Rate &rate, bool any_block,
              bool spread);

  // Measures (arena without memory) or places all state. Placed memory is undefined until reset.
  void place(base::Arena &arena);

  // All state as newly created; controls are kept.
  void reset();

  // samples: a whole number of frames, or any number with any_block or spread. in and out may be the same array;
  // without in the samples were lost.
  void process(const float *in, float *out, size_t samples);

  // Passes over as many lost samples, whose output nobody gets.
  void gap(size_t samples);

  const dsp::Rate &rate() const { return wants_.rate; }
  int delay() const { return frame_size() * (wants_.lookahead + 1 + (spread_ ? 2 : any_block_ ? 1 : 0)); }
  const kernels::Kernels &kernels() const { return *kernels_; }
  Controls &controls() { return controls_; }
  // From any thread.
  Stats stats() const { return stats_.read(); }

 private:
  static constexpr int kMaxBatch = nn::kMaxBatch;

  int frame_size() const { return wants_.rate.frame; }

  // What is to be done with a frame, all controls that decide it read once.
  struct Plan {
    dsp::Rest::Frame rest;
    float limit_db;
  };

  void process_whole(const float *in, float *out, size_t samples);
  void process_any(const float *in, float *out, size_t samples);
  void process_spread(const float *in, float *out, size_t samples);
  // The next samples of the input, or made-up ones without in.
  void take(const float *in, size_t count, float *to);
  // For the next frame, which lies in place i of hops_.
  Plan make_plan(int i);
  // The frames that lie in hops_, 1..kMaxBatch, each to its place.
  void process_frames(int frames, float *const out[]);
  // Those of them from `first` on. Two share a pass over most of the network's weights.
  void enhance(int first, int count, const Plan plans[], float *const out[]);
  void rest(int i, const Plan &plan, float *out);
  // What comes after the network.
  void complete(int i, const Plan &plan, const dsp::AnalysisFrame &frame, const nn::NetworkOutput &output, float *out);

  // The work on one frame, a step at a time: those of the analysis, of the network, and one for the rest.
  struct Job {
    static constexpr int kFirstOfNetwork = dsp::Analysis::kSteps;
    int step;       // the next one, up to last_step_ + 1
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
  // Output of frame i, out of enhanced_ and the delay line.
  void finish(int i, float limit_db, float *out);
  void limit_attenuation(const float *raw, float limit_db, float *out);
  void update_stats(const dsp::AnalysisFrame &frame, const float heard[dsp::kBands], float speech_probability);

  const kernels::Kernels *kernels_ = nullptr;
  bool any_block_ = false, spread_ = false;
  dsp::AnalysisWants wants_ = {};
  nn::Network network_;
  dsp::Input *input_ = nullptr;
  dsp::Analysis *analysis_ = nullptr;
  dsp::Synthesis *synthesis_ = nullptr;

  float *hops_ = nullptr;      // [kMaxBatch][frame] newest input
  float *enhanced_ = nullptr;  // [frame]
  float *raw_ = nullptr;       // [lookahead + 1][frame] delay line of the input
  float *pending_ = nullptr;   // [frame] any_block, spread: input of the frame being collected
  float *finished_ = nullptr;  // [frame] any_block, spread: output of a frame before, being handed out
  float *ready_ = nullptr;     // [frame] spread: output of the job
  int raw_slot_ = 0;           // oldest frame in raw_
  int fill_ = 0;               // samples in pending_

  Job job_ = {};           // spread: the frame before the one being collected
  int last_step_ = 0;      // of a job
  uint64_t job_cost_ = 0;  // of all its steps

  bool first_frame_ = true;  // no ramp: a control set before the first frame holds from the first sample on
  float limit_db_ = 0;       // the limit that mix_target_ belongs to
  float mix_target_ = 0;     // share of the raw signal in the output
  float mix_ = 0;            // that of the last sample

  uint64_t frame_ = 0;     // number of frames that are done
  int newest_period_ = 0;  // pitch of the newest of them, in samples at 48 kHz
  int period_ = 0;         // of the one before, which spread knows as well when samples are lost
  dsp::Rest rest_;
  bool remembers_ = false;  // the network what it knew before this silence
  dsp::Background background_;
  dsp::Splice splice_;
  dsp::SnrEstimator snr_;
  Controls controls_;
  base::Snapshot<Stats> stats_;
};

}  // namespace linnet
