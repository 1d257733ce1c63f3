// For a sound card whose callbacks are too short for the work of a frame: a thread of its own runs linnet, and the
// callback only moves samples through two rings, without allocating, locking or waiting. That costs delay: 480 samples
// in which a frame is collected, and as many as the worker may be late. If it is later still, the callback plays
// silence and leaves out as many samples afterwards, so that the delay stays what it is. On a device, give the worker
// the system's priority for audio. (linnet_config.spread divides the work over the callbacks instead, without a
// thread.) A loop stands in for the sound card, with three seconds of buzzing in noise.
//
//     realtime_worker MODEL
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "linnet.h"

namespace {

constexpr size_t kFrame = 480, kLate = 480;  // the worker may be late by 10 ms

// Samples from one thread to another.
class Ring {
 public:
  size_t size() const { return written_.load(std::memory_order_acquire) - read_.load(std::memory_order_acquire); }

  // There must be room: the reader is never more than a few callbacks behind.
  void write(const float *samples, size_t count) {
    const size_t at = written_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < count; ++i) samples_[(at + i) % samples_.size()] = samples[i];
    written_.store(at + count, std::memory_order_release);
  }

  // At most as many as there are; returns their number. samples may be nullptr to leave them out.
  size_t read(float *samples, size_t count) {
    const size_t at = read_.load(std::memory_order_relaxed);
    count = std::min(count, written_.load(std::memory_order_acquire) - at);
    for (size_t i = 0; samples && i < count; ++i) samples[i] = samples_[(at + i) % samples_.size()];
    read_.store(at + count, std::memory_order_release);
    return count;
  }

 private:
  std::array<float, 1 << 14> samples_{};
  std::atomic<size_t> written_{0}, read_{0};
};

// A stream and the thread that runs it. The stream takes whole frames.
class Worker {
 public:
  explicit Worker(linnet_stream *stream) : stream_(stream) {
    const std::array<float, kFrame + kLate> silence{};
    out_.write(silence.data(), silence.size());
    thread_ = std::thread([this] { work(); });
  }

  ~Worker() {
    stop_ = true;
    thread_.join();
  }

  size_t delay() const { return static_cast<size_t>(linnet_delay(stream_)) + kFrame + kLate; }
  size_t late() const { return late_; }  // samples played as silence so far, and not yet left out
  size_t ready() const { return out_.size(); }

  // What the audio system would call. in and out may be the same array.
  void callback(const float *in, float *out, size_t samples) {
    in_.write(in, samples);
    late_ -= out_.read(nullptr, late_);
    const size_t played = late_ == 0 ? out_.read(out, samples) : 0;
    std::fill(out + played, out + samples, 0.0f);
    late_ += samples - played;
  }

 private:
  void work() {
    std::array<float, kFrame> frame;
    while (!stop_) {
      if (in_.size() < kFrame) {
        // A semaphore would wake the thread at once, where the system has one that its callbacks may post.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      in_.read(frame.data(), kFrame);
      linnet_process(stream_, frame.data(), frame.data(), kFrame);  // cannot fail: the stream lives, the frame is whole
      out_.write(frame.data(), kFrame);
    }
  }

  linnet_stream *stream_;
  Ring in_, out_;
  size_t late_ = 0;  // of the callback alone
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void run(linnet_stream *stream) {
  Worker worker(stream);
  const size_t sizes[] = {64, 128, 160, 1, 32};
  uint32_t random = 1;
  size_t done = 0, late = 0, loudest_at = 0;
  float loudest = 0;
  for (size_t call = 0; done < 3 * 48000; ++call) {
    std::array<float, 160> block;
    const size_t samples = sizes[call % 5];
    for (size_t i = 0; i < samples; ++i) {
      random = random * 1664525u + 1013904223u;
      const float noise = static_cast<float>(random >> 8) / 8388608.0f - 1.0f;
      block[i] = ((done + i) % 400 == 0 ? 0.5f : 0.0f) + 0.05f * noise;
    }
    // A sound card would call when it is time; this one is faster than any and waits for the worker.
    while (worker.ready() < samples) std::this_thread::sleep_for(std::chrono::microseconds(100));
    worker.callback(block.data(), block.data(), samples);
    late = std::max(late, worker.late());
    for (size_t i = 0; i < samples; ++i, ++done) {
      if (std::fabs(block[i]) > loudest) {
        loudest = std::fabs(block[i]);
        loudest_at = done;
      }
    }
  }
  printf("delay %zu samples, late by %zu, loudest sample %.7f at %zu\n", worker.delay(), late,
         static_cast<double>(loudest), loudest_at);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  linnet_model *model = nullptr;
  linnet_stream *stream = nullptr;
  linnet_status status = linnet_model_load(argv[1], &model);
  if (status == LINNET_OK) status = linnet_create(model, nullptr, &stream);
  if (status == LINNET_OK) {
    run(stream);
  } else {
    fprintf(stderr, "%s: %s\n", argv[1], linnet_status_text(status));
  }
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return status == LINNET_OK ? 0 : 2;
}
