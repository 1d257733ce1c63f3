// What the sample calls of Oboe 1.9, to compile it where there is no NDK. tests/mobile/oboe_run.cpp has a device.
#pragma once

#include <cstdint>
#include <memory>

namespace oboe {

enum class AudioFormat { Float };
enum class DataCallbackResult { Continue };
enum class Direction { Input, Output };
enum class InputPreset { VoiceRecognition };
enum class PerformanceMode { LowLatency };
enum class Result { OK };
enum class SharingMode { Exclusive };

template <class T>
class ResultWithValue {
 public:
  explicit ResultWithValue(T value) : value_(value) {}
  explicit operator bool() const { return true; }
  T value() const { return value_; }

 private:
  T value_;
};

class AudioStream {
 public:
  Result requestStart();
  Result close();
  int32_t getFramesPerBurst() const;
  ResultWithValue<int32_t> getAvailableFrames();
  ResultWithValue<int32_t> read(void *buffer, int32_t frames, int64_t timeout);
};

class AudioStreamDataCallback {
 public:
  virtual ~AudioStreamDataCallback() = default;
  virtual DataCallbackResult onAudioReady(AudioStream *stream, void *data, int32_t frames) = 0;
};

class AudioStreamBuilder {
 public:
  AudioStreamBuilder *setChannelCount(int count);
  AudioStreamBuilder *setDataCallback(AudioStreamDataCallback *callback);
  AudioStreamBuilder *setDirection(Direction direction);
  AudioStreamBuilder *setFormat(AudioFormat format);
  AudioStreamBuilder *setInputPreset(InputPreset preset);
  AudioStreamBuilder *setPerformanceMode(PerformanceMode mode);
  AudioStreamBuilder *setSampleRate(int32_t rate);
  AudioStreamBuilder *setSharingMode(SharingMode mode);
  Result openStream(std::shared_ptr<AudioStream> &stream);
};

}  // namespace oboe
