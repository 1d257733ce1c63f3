#include "dsp/comb.h"

#include "base/math.h"

namespace linnet::dsp {
namespace {

struct CombWeights {
  float tap[kCombPeriods + 1][2 * kCombPeriods + 1];  // [future periods][k + 5]
};

constexpr CombWeights make_weights() {
  CombWeights w{};
  for (int future = 0; future <= kCombPeriods; ++future) {
    double raw[2 * kCombPeriods + 1] = {}, sum = 0;
    for (int k = -kCombPeriods; k <= future; ++k) {
      raw[k + kCombPeriods] = 0.5 + 0.5 * base::table_cosine(base::kPi * k / (kCombPeriods + 1));
      sum += raw[k + kCombPeriods];
    }
    for (int i = 0; i <= 2 * kCombPeriods; ++i) w.tap[future][i] = static_cast<float>(raw[i] / sum);
  }
  return w;
}

constexpr CombWeights kWeights = make_weights();

}  // namespace

void comb_filter(const float *x, int period, int lookahead_samples, float out[kWindow]) {
  int future = lookahead_samples > 0 ? lookahead_samples / period : 0;
  if (future > kCombPeriods) future = kCombPeriods;
  const float *tap = kWeights.tap[future] + kCombPeriods;
  const float *delayed = x - kCombPeriods * period;
  for (int n = 0; n < kWindow; ++n) out[n] = tap[-kCombPeriods] * delayed[n];
  for (int k = 1 - kCombPeriods; k <= future; ++k) {
    delayed = x + k * period;
    for (int n = 0; n < kWindow; ++n) out[n] += tap[k] * delayed[n];
  }
}

}  // namespace linnet::dsp
