// The sample's callback on a device that is none: oboe_run MODEL. A microphone that has run for a while when the
// loudspeaker starts, brings its bursts, of another size than the loudspeaker's, and once brings some late. Prints the
// most samples that wait at the start, and after each of the two.
#include <cstdio>
#include <string>
#include <vector>

#include "oboe_loop.cpp"

namespace {

constexpr int32_t kBurst = 192, kFrames = 128;
int32_t waiting = 0;
oboe::AudioStreamDataCallback *callback = nullptr;

// Callbacks of two seconds, the microphone's bursts beside them; returns the most that waits in the last.
int32_t run(bool late) {
  std::vector<float> samples(kFrames);
  int32_t time = 0, heard = 0, most = 0;
  for (int call = 0; call < 750; ++call) {
    time += kFrames;
    const bool stuck = late && call >= 100 && call < 130;
    for (; !stuck && heard + kBurst <= time; heard += kBurst) waiting += kBurst;
    callback->onAudioReady(nullptr, samples.data(), kFrames);
    if (call >= 375) most = std::max(most, waiting);
  }
  return most;
}

}  // namespace

namespace oboe {

Result AudioStream::requestStart() { return Result::OK; }
Result AudioStream::close() { return Result::OK; }
int32_t AudioStream::getFramesPerBurst() const { return kBurst; }
ResultWithValue<int32_t> AudioStream::getAvailableFrames() { return ResultWithValue<int32_t>(waiting); }

ResultWithValue<int32_t> AudioStream::read(void *buffer, int32_t frames, int64_t) {
  const int32_t count = std::min(frames, waiting);
  std::fill_n(static_cast<float *>(buffer), count, 0.1f);
  waiting -= count;
  return ResultWithValue<int32_t>(count);
}

AudioStreamBuilder *AudioStreamBuilder::setChannelCount(int) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setDataCallback(AudioStreamDataCallback *made) {
  callback = made;
  return this;
}
AudioStreamBuilder *AudioStreamBuilder::setDirection(Direction) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setFormat(AudioFormat) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setInputPreset(InputPreset) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setPerformanceMode(PerformanceMode) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setSampleRate(int32_t) { return this; }
AudioStreamBuilder *AudioStreamBuilder::setSharingMode(SharingMode) { return this; }
Result AudioStreamBuilder::openStream(std::shared_ptr<AudioStream> &stream) {
  stream = std::make_shared<AudioStream>();
  return Result::OK;
}

}  // namespace oboe

// An asset is a file.
struct AAsset {
  std::string content;
};
AAssetManager *AAssetManager_fromJava(JNIEnv *, jobject) { return nullptr; }
AAsset *AAssetManager_open(AAssetManager *, const char *name, int) {
  FILE *file = fopen(name, "rb");
  if (file == nullptr) return nullptr;
  auto *asset = new AAsset;
  for (int byte = getc(file); byte != EOF; byte = getc(file)) asset->content += static_cast<char>(byte);
  fclose(file);
  return asset;
}
const void *AAsset_getBuffer(AAsset *asset) { return asset->content.data(); }
int64_t AAsset_getLength64(AAsset *asset) { return static_cast<int64_t>(asset->content.size()); }
void AAsset_close(AAsset *asset) { delete asset; }

int main(int count, char **words) {
  if (count != 2) return 2;
  Loop loop(nullptr, words[1]);
  if (!loop.start()) return 1;
  waiting = 20 * kBurst;  // heard while the loudspeaker was opened
  const int32_t start = run(false);
  printf("%d %d\n", start, run(true));
  return 0;
}
