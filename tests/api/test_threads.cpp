// Threads: streams that share one model run at the same time and give the bits of a single thread, while other threads
// set the controls, read the statistics, ask the model, and create and destroy further streams. Run it in a tsan build
// to see races; here the outputs are the proof. Workers note what they found; the main thread checks.
#include <atomic>
#include <thread>

#include "common.h"

namespace {

constexpr size_t kLength = 30 * FRAME;
constexpr int kThreads = 6, kStreamsPerThread = 3;

model blob;
float input[kLength], expected[kLength];

struct Result {
  float output[kStreamsPerThread][kLength];
  int errors = 0;
};

// Several streams in one thread, turn by turn, so that they are all alive at once.
void run_streams(Result *result) {
  linnet_stream *streams[kStreamsPerThread];
  for (linnet_stream *&stream : streams) stream = make_stream(blob, 0);
  for (size_t i = 0; i < kLength; i += FRAME) {
    for (int k = 0; k < kStreamsPerThread; ++k) {
      result->errors += linnet_process(streams[k], input + i, result->output[k] + i, FRAME) != LINNET_OK;
    }
  }
  for (linnet_stream *stream : streams) linnet_destroy(stream);
}

void streams_are_independent() {
  linnet_stream *alone = make_stream(blob, 0);
  CHECK(linnet_process(alone, input, expected, kLength) == LINNET_OK);
  linnet_destroy(alone);

  static Result results[kThreads];
  std::atomic<bool> stop{false};
  std::atomic<int> churn_errors{0};
  std::thread churn([&] {
    while (!stop.load()) {
      linnet_stream *stream = nullptr;
      float block[FRAME] = {0};
      if (linnet_create(blob.handle, nullptr, &stream) != LINNET_OK) {
        ++churn_errors;
        continue;
      }
      linnet_model_info info;
      info.size = sizeof info;
      churn_errors += linnet_model_get_info(blob.handle, &info) != LINNET_OK || info.delay_frames < 1;
      churn_errors += linnet_process(stream, block, block, FRAME) != LINNET_OK;
      linnet_destroy(stream);
    }
  });
  std::thread threads[kThreads];
  for (int i = 0; i < kThreads; ++i) threads[i] = std::thread(run_streams, &results[i]);
  for (std::thread &thread : threads) thread.join();
  stop.store(true);
  churn.join();
  CHECK(churn_errors.load() == 0);
  for (const Result &result : results) {
    CHECK(result.errors == 0);
    for (const auto &output : result.output) CHECK(same_bits(output, expected, kLength));
  }
}

// Setters and statistics from other threads while a stream runs: nothing fails, all values are sane, and once the
// controls rest the stream is, after a reset, as one that was never disturbed.
void controls_and_stats_from_other_threads() {
  static float output[kLength];
  linnet_stream *stream = make_stream(blob, 0);
  std::atomic<bool> stop{false};
  std::atomic<int> errors{0};
  std::thread setter([&] {
    for (int i = 0; !stop.load(); ++i) {
      errors += linnet_set_attenuation_limit(stream, static_cast<float>(i % 101)) != LINNET_OK;
      errors += linnet_set_postfilter(stream, static_cast<float>(i % 11) / 10.0f) != LINNET_OK;
    }
  });
  std::thread reader([&] {
    while (!stop.load()) {
      linnet_stats stats;
      stats.size = sizeof stats;
      errors += linnet_get_stats(stream, &stats) != LINNET_OK;
      errors += !(stats.speech_probability >= 0 && stats.speech_probability <= 1);
      errors += !(stats.input_snr_db >= -30 && stats.input_snr_db <= 60);
      errors += !(stats.mean_gain >= 0 && stats.mean_gain <= 1);
      errors += !(stats.pitch_hz >= 62.5f && stats.pitch_hz <= 800);
    }
  });
  bool sane = true;
  for (int round = 0; round < 4; ++round) {
    CHECK(linnet_process(stream, input, output, kLength) == LINNET_OK);
    sane = sane && all_sane(output, kLength);
    CHECK(linnet_reset(stream) == LINNET_OK);
  }
  stop.store(true);
  setter.join();
  reader.join();
  CHECK(sane);
  CHECK(errors.load() == 0);
  CHECK(linnet_set_attenuation_limit(stream, 100) == LINNET_OK && linnet_set_postfilter(stream, 0) == LINNET_OK);
  CHECK(linnet_process(stream, input, output, kLength) == LINNET_OK);
  CHECK(same_bits(output, expected, kLength));
  linnet_destroy(stream);
}

}  // namespace

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  make_signal(input, kLength, 95);
  streams_are_independent();
  controls_and_stats_from_other_threads();
  free_model(blob);
  return check_summary();
}
