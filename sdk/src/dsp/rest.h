// Which frames need no enhancing, and which begin or end a silence. In digital silence, and while the input is passed
// on as it is, nothing that analysis and network find out would be heard: after kPatience such frames the stream rests.
// A rest with sound in it is made up for by some frames of warming up, in which the input is still passed on.
#pragma once

namespace linnet::dsp {

class Rest {
 public:
  static constexpr int kPatience = 200;  // frames
  static constexpr int kWarmUp = 10;
  static constexpr int kForgetting = 50;  // frames of silence that make the network forget what was before
  static constexpr int kReturning = 4;    // frames of sound after which the silence before is history

  struct Frame {
    bool silent;   // zeros
    bool returns;  // among the first frames of sound after a silence of kForgetting
    bool sounds;   // sound for longer than that, or from the start
    bool steady;   // as the frame before
    bool rests;    // no enhancing
    bool begins;   // to rest
    bool passes;   // the input is passed on, whatever the limit
  };

  // The next frame: whether its input is zeros, and whether the limit says that it be passed on.
  Frame next(bool silent, bool bypassed) {
    const bool was_resting = resting_, was_silent = in_silence();
    if (!silent && silent_ > 0) {
      forgotten_ = silent_ >= kForgetting || (forgotten_ && sound_ <= kReturning);
      sound_ = 0;
    }
    if (!silent && sound_ <= kReturning) ++sound_;
    silent_ = silent ? count(silent_) : 0;
    bypassed_ = bypassed ? count(bypassed_) : 0;
    resting_ = in_silence() || bypassed_ > kPatience;
    if (resting_) {
      warming_ = 0;
    } else if (was_resting) {
      warming_ = was_silent ? 0 : kWarmUp;
    } else if (warming_ > 0) {
      --warming_;
    }
    Frame frame = {};
    frame.silent = silent;
    frame.sounds = !silent && sound_ > kReturning;
    frame.returns = !silent && forgotten_ && sound_ <= kReturning;
    frame.steady = frame.sounds || silent_ > 1;
    frame.rests = resting_;
    frame.begins = resting_ && !was_resting;
    frame.passes = warming_ > 0;
    return frame;
  }

  // Whether there have been zeros for so long that nothing is enhanced.
  bool in_silence() const { return silent_ > kPatience; }

  // Whether a further frame of such a silence would leave all of this as it is.
  bool settled() const { return in_silence() && (bypassed_ == 0 || bypassed_ > kPatience); }

 private:
  static int count(int frames) { return frames > kPatience ? frames : frames + 1; }

  int silent_ = 0, bypassed_ = 0;  // frames of it up to now, counted to kPatience + 1
  int sound_ = kReturning + 1;     // frames of sound since the last silence, counted to that
  int warming_ = 0;                // frames still to come, this one included
  bool resting_ = false;
  bool forgotten_ = false;  // whether the last silence was long enough
};

}  // namespace linnet::dsp
