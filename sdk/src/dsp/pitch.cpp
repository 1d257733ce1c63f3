#include "dsp/pitch.h"

#include <cstring>

#include "base/bits.h"
#include "base/math.h"
#include "dsp/channels.h"

namespace linnet::dsp {
namespace {

struct Decimator {
  float tap[kDecimatorTaps];
};

// Hann-windowed sinc, -6 dB at 6 kHz, unit gain at 0.
constexpr Decimator make_decimator() {
  constexpr int kCentre = (kDecimatorTaps - 1) / 2;
  Decimator d{};
  double raw[kDecimatorTaps] = {}, sum = 0;
  for (int i = 0; i <= 2 * kCentre; ++i) {
    double t = i - kCentre, window = 0.5 + 0.5 * base::table_cosine(base::kPi * t / (kCentre + 1));
    // sin(pi t / 4) by its period of 8, so that the series stays within its range
    int phase = ((i - kCentre) % 8 + 8) % 8;
    double sine = base::table_sine(base::kPi * (phase <= 4 ? phase : phase - 8) / 4);
    raw[i] = window * (t == 0 ? 0.25 : sine / (base::kPi * t));
    sum += raw[i];
  }
  for (int i = 0; i < kDecimatorTaps; ++i) d.tap[i] = static_cast<float>(raw[i] / sum);
  return d;
}

constexpr Decimator kDecimator = make_decimator();

struct LagWindow {
  float value[17];
};

// Gaussian of 60 Hz at 16 kHz (exp(-(2 pi 60 i / 16000)^2 / 2)), by its series.
constexpr LagWindow make_lag_window() {
  LagWindow w{};
  for (int i = 0; i <= 16; ++i) {
    double x = 2 * base::kPi * 60 * i / 16000, y = -0.5 * x * x, term = 1, sum = 1;
    for (int k = 1; k < 12; ++k) {
      term *= y / k;
      sum += term;
    }
    w.value[i] = static_cast<float>(sum);
  }
  return w;
}

constexpr LagWindow kLagWindow = make_lag_window();

// Index of the largest value, the first one of equals.
int first_largest(const float *x, int n) {
  int index = 0;
  float largest = x[0];
  for (int i = 1; i < n; ++i) {
    if (x[i] > largest) {
      largest = x[i];
      index = i;
    }
  }
  return index;
}

}  // namespace

// For each lag and prime, the nearest lag to lag / prime: its index + 2, or 0 if it and its neighbours are no
// candidates. Primes reach every multiple.
struct PitchTracker::Shorter {
  static constexpr int kPrimes[] = {2, 3, 5, 7, 11};
  uint8_t index[5][kLags] = {};

  constexpr Shorter() {
    for (int d = 0; d < 5; ++d) {
      for (int i = 0; i < kLags; ++i) {
        int nearest = (2 * (i + kMinLag) + kPrimes[d]) / (2 * kPrimes[d]) - kMinLag;
        index[d][i] = static_cast<uint8_t>(nearest >= -1 ? nearest + 2 : 0);
      }
    }
  }
};

void PitchTracker::attach(Channel *channel, int channels) {
  channel_ = channel;
  channels_ = channels;
}

void PitchTracker::reset() {
  Channel *const channel = channel_;
  const int channels = channels_;
  memset(static_cast<void *>(this), 0, sizeof *this);
  attach(channel, channels);
  memset(static_cast<void *>(channel_), 0, static_cast<size_t>(channels_) * sizeof *channel_);
}

// Residual of an order-16 linear prediction over the newest 30 ms, for the newest 10 ms; then e(n) + 0.7 e(n - 1),
// which takes back part of the treble that whitening raises.
void PitchTracker::whiten(const kernels::Kernels &kernels) {
  constexpr int kSpan = 6 * kHalf;
  float r[kOrder + 1], a[kOrder + 1] = {1.0f}, error;
  mean_over(channels_, r, [&](int c, float dots[]) {
    const float *x = channel_[c].decimated + kOrder;
    for (int i = 0; i <= kOrder; ++i) dots[i] = kernels.dot(x + i, x, kSpan - i);
  });
  for (int i = 0; i <= kOrder; ++i) r[i] *= kLagWindow.value[i];
  r[0] = r[0] * 1.0001f + 1.0f;  // -40 dB of white noise, which also keeps the error above 1e-4 of r[0]
  error = r[0];
  for (int i = 1; i <= kOrder; ++i) {
    float sum = r[i];
    for (int j = 1; j < i; ++j) sum += a[j] * r[i - j];
    float reflection = -sum / error;
    for (int j = 1; j <= i / 2; ++j) {
      float low = a[j], high = a[i - j];
      a[j] = low + reflection * high;
      a[i - j] = high + reflection * low;
    }
    a[i] = reflection;
    error *= 1.0f - reflection * reflection;
  }
  for (int c = 0; c < channels_; ++c) {
    Channel &channel = channel_[c];
    const float *fresh = channel.decimated + kOrder + kSpan - 2 * kHalf;
    float *out = channel.whitened + kFarLag;
    float residual[1 + 2 * kHalf];
    residual[0] = channel.last_residual;
    memcpy(residual + 1, fresh, 2 * kHalf * sizeof(float));
    for (int i = 1; i <= kOrder; ++i) {
      for (int n = 0; n < 2 * kHalf; ++n) residual[n + 1] += a[i] * fresh[n - i];
    }
    for (int n = 0; n < 2 * kHalf; ++n) out[n] = residual[n + 1] + 0.7f * residual[n];
    channel.last_residual = base::snap_tiny(residual[2 * kHalf]);
    base::snap_tiny(out, 2 * kHalf);
  }
}

// Correlation of one half-frame with its past at every lag, and the energies for its normalisation.
void PitchTracker::correlate_half(const kernels::Kernels &kernels, int half) {
  mean_over(channels_, correlated_[half_index_ % kSegments], [&](int c, float correlated[]) {
    const float *segment = channel_[c].whitened + kFarLag + half * kHalf;
    float *product = correlated, *energy = correlated + kFarLags, reversed[kFarLags];
    kernels.correlate(reversed, segment, segment - kFarLag, kHalf, kFarLags);
    for (int i = 0; i < kFarLags; ++i) product[i] = reversed[kFarLags - 1 - i];
    // Sliding sum in double: what leaves is then subtracted exactly enough at any level.
    double past = 0;
    for (int n = 0; n < kHalf; ++n) past += double(segment[n - kMinLag]) * segment[n - kMinLag];
    float own = kernels.dot(segment, segment, kHalf);
    for (int i = 0; i < kFarLags; ++i) {
      energy[i] = own + static_cast<float>(past > 0 ? past : 0);
      if (i + 1 == kFarLags) break;  // nothing older is kept
      double enters = segment[-kMinLag - i - 1], leaves = segment[kHalf - 1 - kMinLag - i];
      past += enters * enters - leaves * leaves;
    }
  });
}

// Normalised correlation of each candidate: the mean of that at its lag and at twice its lag. Loops have no branches
// and no order among their lags, so that compilers make vectors of them.
void PitchTracker::combine(float own[kLags]) const {
  float raw[kFarLags + 1], first[kLags];
  const float *half[kSegments];
  for (int s = 0; s < kSegments; ++s) half[s] = correlated_[s];
  for (int i = 0; i < kFarLags; ++i) {
    const int e = kFarLags + i;
    float product = (half[0][i] + half[1][i]) + (half[2][i] + half[3][i]);
    float energy = (half[0][e] + half[1][e]) + (half[2][e] + half[3][e]);
    raw[i] = 2.0f * product / (1.0f + energy);
  }
  raw[kFarLags] = raw[kFarLags - 1];  // a neighbour that changes no maximum
  // A peak between two lags is seen at a third on either side (seven-tap windowed sinc); the largest counts.
  static constexpr float kThird[7] = {0.026184f, -0.098339f, 0.369938f, 0.837891f, -0.184969f, 0.070242f, -0.020947f};
  memcpy(first, raw, sizeof first);
  for (int i = 3; i < kLags; ++i) {
    float left = 0.0f, right = 0.0f;
    for (int k = 0; k < 7; ++k) {
      left += kThird[k] * raw[i - 3 + k];
      right += kThird[k] * raw[i + 3 - k];
    }
    first[i] = left > first[i] ? left : first[i];
    first[i] = right > first[i] ? right : first[i];
  }
  for (int i = 0; i < kLags; ++i) {
    int twice = 2 * i + kMinLag;  // the index of 2 * (i + kMinLag)
    float second = raw[twice] > raw[twice - 1] ? raw[twice] : raw[twice - 1];
    second = raw[twice + 1] > second ? raw[twice + 1] : second;
    float mean = 0.5f * (first[i] + second);
    own[i] = mean < 1.0f ? mean : 1.0f;
  }
  // A strictly periodic signal repeats at every multiple of its period as well: the shortest shall win.
  static constexpr Shorter kShorter;
  constexpr int kHalfLags = kLags / 2 + 2;  // none is longer than half of the longest
  float peak[kHalfLags] = {};               // largest of three neighbours, from index -1 on, behind a 0
  peak[1] = own[0] > 0.0f ? own[0] : 0.0f;
  peak[2] = own[1] > peak[1] ? own[1] : peak[1];
  for (int i = 3; i < kHalfLags; ++i) {
    float largest = own[i - 3] > 0.0f ? own[i - 3] : 0.0f;
    largest = own[i - 2] > largest ? own[i - 2] : largest;
    peak[i] = own[i - 1] > largest ? own[i - 1] : largest;
  }
  for (int i = 0; i < kLags; ++i) {
    float shorter = 0.0f;
    for (const auto &index : kShorter.index) shorter = peak[index[i]] > shorter ? peak[index[i]] : shorter;
    own[i] *= shorter > 0.15f && own[i] < 1.1f * shorter ? 0.8f : 1.0f;
  }
}

// One Viterbi step over the lags; the correlation at the lag where the best path ends. Each lag meets its candidates in
// rising order.
float PitchTracker::advance() {
  constexpr int kReach = 4;                      // lags that a path may move per half-frame
  constexpr float kBend = 0.007f, kJump = 2.0f;  // costs of moving by one lag, squared, and of jumping anywhere
  constexpr float kNever = -1e30f;               // scores beyond the ends
  float own[kLags], next[kLags], padded[kLags + 2 * kReach];
  combine(own);
  const int top = first_largest(score_, kLags);
  const float jump = score_[top] - kJump;
  for (int i = 0; i < kReach; ++i) padded[i] = padded[kReach + kLags + i] = kNever;
  memcpy(padded + kReach, score_, sizeof score_);
  int16_t *from = from_[half_index_ % kPath];
  for (int i = 0; i < kLags; ++i) {
    float value = jump;
    int origin = top;
    for (int move = -kReach; move <= kReach; ++move) {
      float candidate = padded[i + kReach + move] - kBend * static_cast<float>(move * move);
      origin = candidate > value ? i + move : origin;
      value = candidate > value ? candidate : value;
    }
    next[i] = value + own[i];
    from[i] = static_cast<int16_t>(origin);
  }
  best_ = first_largest(next, kLags);
  for (int i = 0; i < kLags; ++i) score_[i] = base::snap_tiny(next[i] - next[best_]);
  return own[best_];
}

int PitchTracker::backtrack(int half_frames) const {
  int index = best_;
  for (int k = 0; k < half_frames; ++k) index = from_[(half_index_ + kPath - k) % kPath][index];
  return index + kMinLag;
}

void PitchTracker::decimate(const kernels::Kernels &kernels, const PitchSignal &signal) {
  for (int c = 0; c < channels_; ++c) {
    float *decimated = channel_[c].decimated, *whitened = channel_[c].whitened;
    const float *newest = signal.newest + c * signal.distance;
    memmove(decimated, decimated + 2 * kHalf, (kOrder + 4 * kHalf) * sizeof(float));
    for (int n = 0; n < 2 * kHalf; ++n) {
      const float *x = newest + kDecimation * n + kDecimation - kDecimatorTaps;
      decimated[kOrder + 4 * kHalf + n] = kernels.dot(x, kDecimator.tap, kDecimatorTaps);
    }
    memmove(whitened, whitened + 2 * kHalf, kFarLag * sizeof(float));
  }
}

// Two steps for each half-frame, between what prepares the signal and what refines the result.
void PitchTracker::step(int step, const kernels::Kernels &kernels, const PitchSignal &signal, PitchResult *result) {
  if (step == 0) {
    decimate(kernels, signal);
    whiten(kernels);
  } else if (step == kSteps - 1) {
    const int period = kDecimation * backtrack(2 * signal.lookahead);
    result->period = refine_period(kernels, signal, channels_, period);
  } else if (step % 2 == 1) {
    half_index_ = (half_index_ + 1) % (kSegments * kPath);
    correlate_half(kernels, step / 2);
  } else {
    result->correlation = advance();
  }
}

PitchResult PitchTracker::process(const kernels::Kernels &kernels, const PitchSignal &signal) {
  PitchResult result;
  for (int i = 0; i < kSteps; ++i) step(i, kernels, signal, &result);
  return result;
}

int refine_period(const kernels::Kernels &kernels, const PitchSignal &signal, int channels, int estimate) {
  constexpr int kReach = 4, kMost = 2 * kReach + 1;
  const int low = estimate - kReach < kMinPeriod ? kMinPeriod : estimate - kReach;
  const int high = estimate + kReach > kMaxPeriod ? kMaxPeriod : estimate + kReach;
  const int count = high - low + 1;
  const bool both = high <= signal.ahead;  // for all candidates or for none, or the sums could not be compared
  // Products with what lies high..low back and low..high ahead, energies of what lies low..high back and ahead.
  enum { kPast, kFuture = kMost, kBefore = 2 * kMost, kAfter = 3 * kMost, kOwn = 4 * kMost, kMeans };
  float means[kMeans];
  mean_over(channels, means, [&](int c, float values[]) {
    const float *frame = signal.frame + c * signal.distance;
    for (int i = 0; i < kMeans; ++i) values[i] = 0;
    values[kOwn] = kernels.dot(frame, frame, kWindow);
    kernels.correlate(values + kPast, frame, frame - high, kWindow, count);
    if (both) kernels.correlate(values + kFuture, frame, frame + low, kWindow, count);
    for (int i = 0; i < count; ++i) {
      const float *before = frame - low - i, *after = frame + low + i;
      values[kBefore + i] = kernels.dot(before, before, kWindow);
      if (both) values[kAfter + i] = kernels.dot(after, after, kWindow);
    }
  });
  const float own = 1.0f + means[kOwn];
  float best_value = -2.0f;
  int best = estimate;
  for (int period = low; period <= high; ++period) {
    const int i = period - low;
    float value = means[kPast + high - period] / (own + means[kBefore + i]);
    if (both) value += means[kFuture + i] / (own + means[kAfter + i]);
    if (value > best_value) {
      best_value = value;
      best = period;
    }
  }
  return best;
}

}  // namespace linnet::dsp
