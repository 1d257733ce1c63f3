// Oboe's input stream read from the callback of its output stream, with linnet between them. In the callback nothing
// allocates, locks or waits.
#include <android/asset_manager_jni.h>
#include <jni.h>
#include <linnet.h>
#include <oboe/Oboe.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

constexpr int kRate = 48000;
constexpr int kChannels = 1;  // 2 for a stereo microphone: interleaved on both sides

// A model out of an asset: a copy of it, because assets lie at multiples of 4 bytes and a model wants 8.
class Model {
 public:
  Model(AAssetManager *manager, const char *name) {
    AAsset *asset = AAssetManager_open(manager, name, AASSET_MODE_BUFFER);
    if (asset == nullptr) return;
    const auto size = static_cast<size_t>(AAsset_getLength64(asset));
    const void *content = AAsset_getBuffer(asset);
    blob_ = content == nullptr ? nullptr : malloc(size);
    if (blob_ != nullptr) {
      memcpy(blob_, content, size);
      linnet_model_create(blob_, size, &model_);
    }
    AAsset_close(asset);
  }
  ~Model() {
    linnet_model_destroy(model_);
    free(blob_);
  }
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const linnet_model *get() const { return model_; }

 private:
  void *blob_ = nullptr;
  linnet_model *model_ = nullptr;
};

class Loop : public oboe::AudioStreamDataCallback {
 public:
  Loop(AAssetManager *manager, const char *name) : model_(manager, name) {
    linnet_config config = {};
    config.size = sizeof config;
    config.sample_rate = kRate;
    config.channels = kChannels;
    config.any_block = 1;  // a device's bursts are of its own size
    if (model_.get() != nullptr) linnet_create(model_.get(), &config, &stream_);
  }

  ~Loop() override {
    if (output_) output_->close();  // no callback after this
    if (input_) input_->close();
    linnet_destroy(stream_);
  }

  bool start() {
    if (stream_ == nullptr) return false;
    oboe::AudioStreamBuilder builder;
    builder.setSampleRate(kRate)
        ->setChannelCount(kChannels)
        ->setFormat(oboe::AudioFormat::Float)
        ->setPerformanceMode(oboe::PerformanceMode::LowLatency)
        ->setSharingMode(oboe::SharingMode::Exclusive);
    builder.setDirection(oboe::Direction::Input)->setInputPreset(oboe::InputPreset::VoiceRecognition);
    if (builder.openStream(input_) != oboe::Result::OK) return false;
    builder.setDirection(oboe::Direction::Output)->setDataCallback(this);
    if (builder.openStream(output_) != oboe::Result::OK) return false;
    return input_->requestStart() == oboe::Result::OK && output_->requestStart() == oboe::Result::OK;
  }

  oboe::DataCallbackResult onAudioReady(oboe::AudioStream *, void *data, int32_t frames) override {
    auto *samples = static_cast<float *>(data);
    catch_up(samples, frames);
    const auto read = input_->read(samples, frames, 0);
    const int32_t count = read ? read.value() : 0;
    linnet_process(stream_, samples, samples, static_cast<size_t>(count));
    // The microphone starts later than the loudspeaker, or a burst of it is late.
    linnet_conceal(stream_, samples + count * kChannels, static_cast<size_t>(frames - count));
    return oboe::DataCallbackResult::Continue;
  }

 private:
  // What waits beyond two bursts would stay as delay: of a microphone that started earlier, or of a burst that came
  // when its time had been concealed. Time has gone on already, and a gap of one sample cross-fades as one of many.
  void catch_up(float *samples, int32_t frames) {
    const auto waiting = input_->getAvailableFrames();
    int32_t late = waiting ? waiting.value() - frames - 2 * input_->getFramesPerBurst() : 0;
    if (late > 0) linnet_gap(stream_, 1);
    while (late > 0) {
      const auto read = input_->read(samples, std::min(late, frames), 0);
      if (!read || read.value() <= 0) break;
      late -= read.value();
    }
  }

  Model model_;
  linnet_stream *stream_ = nullptr;
  std::shared_ptr<oboe::AudioStream> input_;
  std::shared_ptr<oboe::AudioStream> output_;
};

}  // namespace

extern "C" JNIEXPORT jlong JNICALL Java_org_linnet_sample_OboeLoop_start(JNIEnv *env, jobject, jobject assets,
                                                                         jstring model) {
  const char *name = env->GetStringUTFChars(model, nullptr);
  if (name == nullptr) return 0;
  auto loop = std::make_unique<Loop>(AAssetManager_fromJava(env, assets), name);
  env->ReleaseStringUTFChars(model, name);
  return loop->start() ? reinterpret_cast<jlong>(loop.release()) : 0;
}

extern "C" JNIEXPORT void JNICALL Java_org_linnet_sample_OboeLoop_stop(JNIEnv *, jobject, jlong handle) {
  delete reinterpret_cast<Loop *>(handle);
}
