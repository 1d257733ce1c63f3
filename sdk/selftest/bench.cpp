// See bench.h.
#include "selftest/bench.h"

#include <cstdlib>

#include "linnet.h"
#include "model/file.h"
#include "selftest/check.h"
#include "selftest/recipes.h"

namespace selftest {
namespace {

constexpr int64_t kPeriod = 10000000;  // of a frame, in nanoseconds
constexpr size_t kFrame = 480;
constexpr double kSamplesPerMicrosecond = 0.048;
constexpr int kWarmUp = 50;  // frames: the model is then in the caches that it fits, and clocks have risen

int rising(const void *a, const void *b) {
  const int64_t first = *static_cast<const int64_t *>(a), second = *static_cast<const int64_t *>(b);
  return (first > second) - (first < second);
}

// Times so many frames after the warm-up, with a pause before each or none.
linnet_status measure(linnet_stream *stream, const float *input, bool paced, int64_t *times, int frames) {
  float output[kFrame];
  linnet_status status = LINNET_OK;
  int64_t due = now();
  for (int i = -kWarmUp; status == LINNET_OK && i < frames; ++i) {
    const size_t frame = static_cast<size_t>(i + kWarmUp) % (recipes::kLength / kFrame);
    if (paced) {
      // After a frame that took too long the next ones are not hurried.
      due = due + kPeriod > now() ? due + kPeriod : now();
      sleep_until(due);
    }
    const int64_t start = now();
    status = linnet_process(stream, input + frame * kFrame, output, kFrame);
    if (i >= 0) times[i] = now() - start;
  }
  return status;
}

// What stands in a path after its last folder.
const char *file_name(const char *path) {
  const char *name = path;
  for (const char *at = path; *at; ++at) {
    if (*at == '/' || *at == '\\') name = at + 1;
  }
  return name;
}

// Of times in nanoseconds, which are sorted here.
FrameTimes summarise(int64_t *times, int count) {
  const size_t all = static_cast<size_t>(count);
  qsort(times, all, sizeof *times, rising);
  const auto at = [&](size_t per_mille) { return static_cast<double>(times[place_of(per_mille, all)]) / 1000; };
  return {at(500), at(990), at(1000)};
}

}  // namespace

int safe_callback(double frame_us) {
  for (const int samples : kCallbacks) {
    if (samples / kSamplesPerMicrosecond >= kMargin * frame_us) return samples;
  }
  return 0;
}

const char *bench(const BenchRequest &request, BenchResults *results) {
  static float input[recipes::kLength];
  static int64_t times[kMostFrames];
  static_assert(kFewestFrames == 10 && kMostFrames == 10000, "as the message below says");
  if (request.frames < kFewestFrames || request.frames > kMostFrames) return "frames: give 10 to 10000";
  *results = {};
  results->frames = request.frames;
  results->model = request.model ? file_name(request.model) : "tiny.linnet";
  results->model_bytes = kModelSize;
  if (!read_cpu(request.cpuinfo, &results->cpu)) return "cpuinfo: cannot be read; give a saved /proc/cpuinfo";
  if (request.model) {
    linnet::model::BlobFile file;
    if (file.open(request.model) == linnet::model::BlobError::kNone) results->model_bytes = file.size();
  }
  linnet_config config = {};
  config.size = sizeof config;
  config.backend = request.backend;
  linnet_model *model = nullptr;
  linnet_stream *stream = nullptr;
  linnet_status status =
      request.model ? linnet_model_load(request.model, &model) : linnet_model_create(kModel, kModelSize, &model);
  if (status == LINNET_OK) status = linnet_create(model, &config, &stream);
  if (status == LINNET_OK) {
    results->info.size = sizeof results->info;
    status = linnet_model_get_info(model, &results->info);
    results->backend = linnet_backend(stream);
  }
  recipes::speech_in_noise(input);
  if (status == LINNET_OK) status = measure(stream, input, false, times, request.frames);
  if (status == LINNET_OK) results->hot = summarise(times, request.frames);
  if (status == LINNET_OK) status = measure(stream, input, true, times, request.frames);
  if (status == LINNET_OK) results->paced = summarise(times, request.frames);
  (void)read_cpu(request.cpuinfo, &results->cpu);  // again: the thread may have been moved to another core
  results->peak_bytes = peak_memory();
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return status == LINNET_OK ? nullptr : linnet_status_text(status);
}

}  // namespace selftest
