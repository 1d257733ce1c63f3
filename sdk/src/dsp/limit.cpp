#include "dsp/limit.h"

#include <cstring>

#include "base/sanitise.h"

namespace linnet::dsp {

float attenuation_to_mix(float db) {
  if (db >= Limit::kNone) return 0.0f;
  // 2^x by its power series around the nearest integer; in double, so that the one rounding to float decides.
  constexpr double kLog2Of10 = 3.3219280948873623;
  constexpr double kLogOf2 = 0.69314718055994531;
  const double x = -double(db) * (kLog2Of10 / 20.0);
  const int whole = static_cast<int>(x - 0.5);  // towards zero; x <= 0
  const double t = (x - whole) * kLogOf2;
  double power = 1.0;
  for (int n = 12; n >= 1; --n) power = 1.0 + power * t / n;
  const uint64_t bits = static_cast<uint64_t>(1023 + whole) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return static_cast<float>(power * scale);
}

void Limit::reset() {
  first_ = true;
  db_ = target_ = from_ = share_ = 0;
}

void Limit::next(float db) {
  if (first_ || db != db_) {
    db_ = db;
    target_ = attenuation_to_mix(db);
  }
  from_ = first_ ? target_ : share_;
  share_ = target_;
  first_ = false;
}

void Limit::apply(int frame, const float *enhanced, float *raw, float *hop) const {
  const float step = share_ - from_;
  if (step == 0 && from_ == 0) {  // as nearly always: loops without a branch
    memcpy(raw, hop, static_cast<size_t>(frame) * sizeof *hop);
    for (int n = 0; n < frame; ++n) hop[n] = base::sanitise(enhanced[n]);
    return;
  }
  for (int n = 0; n < frame; ++n) {
    // Division keeps the end of a ramp exact: a share of 1 gives the raw sample itself, -0 included.
    const float mix = step == 0 ? from_ : from_ + step * (static_cast<float>(n + 1) / static_cast<float>(frame));
    const float was = raw[n];
    raw[n] = hop[n];
    if (mix == 1) {
      hop[n] = was;
    } else {
      hop[n] = base::sanitise(mix == 0 ? enhanced[n] : enhanced[n] + mix * (was - enhanced[n]));
    }
  }
}

}  // namespace linnet::dsp
