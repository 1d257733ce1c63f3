// A conference server in small: one model, many callers, one stream each, spread over threads. The model is only read,
// and a new stream of it takes microseconds; streams know nothing of each other and need no lock.
//
//     shared_model_threads MODEL [STREAMS [THREADS]]
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "linnet.h"

namespace {

constexpr size_t kFrame = 480;
constexpr int kFrames = 100;  // one second

// One thread serves every stream whose number leaves this remainder.
void serve(const std::vector<linnet_stream *> &streams, size_t thread, size_t threads, std::atomic<int> *errors) {
  float frame[kFrame];
  for (int n = 0; n < kFrames; ++n) {
    for (size_t i = thread; i < streams.size(); i += threads) {
      for (size_t k = 0; k < kFrame; ++k) frame[k] = (n * kFrame + k) % (200 + i) == 0 ? 0.5f : 0.01f;
      if (linnet_process(streams[i], frame, frame, kFrame) != LINNET_OK) ++*errors;
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2 || argc > 4) {
    fprintf(stderr, "usage: %s MODEL [STREAMS [THREADS]]\n", argv[0]);
    return 2;
  }
  const int stream_count = argc > 2 ? atoi(argv[2]) : 8, thread_count = argc > 3 ? atoi(argv[3]) : 2;
  if (stream_count < 1 || stream_count > 10000 || thread_count < 1 || thread_count > 256) {
    fprintf(stderr, "%d streams in %d threads: give 1..10000 streams and 1..256 threads\n", stream_count, thread_count);
    return 2;
  }
  linnet_model *model = nullptr;
  std::vector<linnet_stream *> streams(static_cast<size_t>(stream_count), nullptr);
  linnet_model_info info;
  info.size = sizeof info;
  linnet_status status = linnet_model_load(argv[1], &model);
  if (status == LINNET_OK) status = linnet_model_get_info(model, &info);
  for (linnet_stream *&stream : streams) {
    if (status == LINNET_OK) status = linnet_create(model, nullptr, &stream);
  }
  if (status != LINNET_OK) fprintf(stderr, "%s: %s\n", argv[1], linnet_status_text(status));

  std::atomic<int> errors{0};
  if (status == LINNET_OK) {
    std::vector<std::thread> threads;
    const size_t count = static_cast<size_t>(thread_count);
    for (size_t i = 0; i < count; ++i) threads.emplace_back(serve, std::cref(streams), i, count, &errors);
    for (std::thread &thread : threads) thread.join();
    printf("%d streams in %d threads over one model of %llu weights, %llu bytes each, %d errors\n", stream_count,
           thread_count, static_cast<unsigned long long>(info.weights),
           static_cast<unsigned long long>(info.stream_bytes), errors.load());
  }
  for (linnet_stream *stream : streams) linnet_destroy(stream);
  linnet_model_destroy(model);
  return status == LINNET_OK && errors.load() == 0 ? 0 : 2;
}
