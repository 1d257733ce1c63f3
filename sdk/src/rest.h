// Which frames need no enhancing. In digital silence, and while the input is passed on as it is, nothing that analysis
// and network find out would be heard. After kPatience such frames the stream rests. For the network, silence leaves no
// trace: when sound returns after kForgotten frames of it, it goes on from where it was when the silence began, with the
// noise of before in its memory. A rest with sound in it is made up for by some frames of warming up, in which the input
// is still passed on.
#pragma once

namespace linnet {

class Rest {
 public:
  static constexpr int kPatience = 100;  // frames
  static constexpr int kForgotten = 50;
  static constexpr int kWarmUp = 10;

  // What is to be done with a frame, in this order.
  struct Frame {
    bool recalls;    // the network's memory is to be as it was kept
    bool remembers;  // it is to be kept: silence begins
    bool begins;     // the rest begins
    bool rests;      // no enhancing
    bool passes;     // the input is passed on, whatever the limit
  };

  // The next frame: whether its input is zeros, and whether the limit says that it be passed on.
  Frame next(bool silent, bool bypassed) {
    const bool was_resting = resting_, was_silent = in_silence();
    Frame frame = {};
    frame.recalls = !silent && kept_ && silent_ >= kForgotten;
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
    frame.remembers = silent && !kept_ && !resting_;
    frame.begins = resting_ && !was_resting;
    frame.rests = resting_;
    frame.passes = warming_ > 0;
    kept_ = silent && (kept_ || frame.remembers);
    return frame;
  }

  // Whether there have been zeros for so long that further ones change nothing.
  bool in_silence() const { return silent_ > kPatience; }

 private:
  static int count(int frames) { return frames > kPatience ? frames : frames + 1; }

  int silent_ = 0, bypassed_ = 0;  // frames of it up to now, counted to kPatience + 1
  int warming_ = 0;                // frames still to come, this one included
  bool resting_ = false;
  bool kept_ = false;  // the network's memory of before this silence
};

}  // namespace linnet
