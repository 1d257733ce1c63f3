// Threads: streams that share one model run at the same time and give the bits of a single thread, while other threads
// set the controls, read the statistics, ask the model, and create and destroy further streams. Run it in a tsan build
// to see races; here the outputs are the proof. Workers note what they found; the main thread checks.
#include <atomic>
#include <thread>

#include "base/snapshot.h"
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

// Of every frame what the processing thread itself reads; a snapshot of another thread must be that of its frame.
void snapshots_are_of_one_frame() {
  constexpr int kFrames = 2000;
  static linnet_stats expected_stats[kFrames + 1];
  static float x[kFrames * FRAME];
  make_signal(x, kFrames * FRAME, 96);
  const auto read = [](const linnet_stream *stream) {
    linnet_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    if (linnet_get_stats(stream, &stats) != LINNET_OK) stats.size = 0;
    return stats;
  };
  linnet_stream *stream = make_stream(blob, 0);
  static float out[2 * FRAME];
  int different = 0;
  for (int i = 0; i <= kFrames; ++i) {
    expected_stats[i] = read(stream);
    CHECK(expected_stats[i].frame == static_cast<uint64_t>(i));
    different += i > 0 && expected_stats[i].speech_probability != expected_stats[i - 1].speech_probability &&
                 expected_stats[i].mean_gain != expected_stats[i - 1].mean_gain;
    if (i < kFrames) CHECK(linnet_process(stream, x + i * FRAME, out, FRAME) == LINNET_OK);
  }
  CHECK(different > kFrames * 9 / 10);  // or a mixture of two frames could not be told

  std::atomic<bool> stop{false};
  std::atomic<int> snapshots{0}, mixed{0}, backwards{0};
  CHECK(linnet_reset(stream) == LINNET_OK);
  std::thread reader([&] {
    uint64_t newest = 0;
    while (!stop.load()) {
      const linnet_stats stats = read(stream);
      ++snapshots;
      mixed += stats.frame > kFrames || memcmp(&stats, &expected_stats[stats.frame], sizeof stats) != 0;
      backwards += stats.frame < newest;
      newest = stats.frame;
    }
  });
  while (snapshots.load() == 0) std::this_thread::yield();
  // Two frames a call, so that their snapshots follow each other at once.
  for (int i = 0; i < kFrames; i += 2) {
    CHECK(linnet_process(stream, x + i * FRAME, out, 2 * FRAME) == LINNET_OK);
  }
  stop.store(true);
  reader.join();
  CHECK(mixed.load() == 0);
  CHECK(backwards.load() == 0);
  linnet_destroy(stream);
}

// The snapshot alone, published as fast as a thread can, and so long that readers are interrupted while they copy: far
// more collisions than frames of a stream make.
void snapshots_are_whole_in_a_storm() {
  struct Words {
    uint32_t number[512];
  };
  static linnet::base::Snapshot<Words> shared;
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, mixed{0};
  const auto reader = [&] {
    while (!stop.load()) {
      const Words words = shared.read();
      for (uint32_t word : words.number) mixed += word != words.number[0];
      ++reads;
    }
  };
  std::thread readers[] = {std::thread(reader), std::thread(reader), std::thread(reader), std::thread(reader)};
  static Words words;
  for (uint32_t i = 1; i < 50000 || reads.load() < 1000; ++i) {
    for (uint32_t &word : words.number) word = i;
    shared.publish(words);
  }
  stop.store(true);
  for (std::thread &thread : readers) thread.join();
  CHECK(mixed.load() == 0);
}

}  // namespace

int main(int argc, char **argv) {
  blob = load_model(argc, argv);
  make_signal(input, kLength, 95);
  streams_are_independent();
  controls_and_stats_from_other_threads();
  snapshots_are_of_one_frame();
  snapshots_are_whole_in_a_storm();
  free_model(blob);
  return check_summary();
}
