#include "choice.h"

namespace linnet {
namespace {

constexpr double kFrame = 10000.0;   // microseconds
constexpr double kHysteresis = 0.8;  // of the budget, for another model than the one that runs
constexpr double kBearable = 0.5;    // of the time: more than that is not enhanced

bool cheaper(const linnet_candidate &a, const linnet_candidate &b) {
  return a.microseconds != b.microseconds ? a.microseconds < b.microseconds : a.quality > b.quality;
}

bool better(const linnet_candidate &a, const linnet_candidate &b) {
  return a.quality != b.quality ? a.quality > b.quality : cheaper(a, b);
}

}  // namespace

int choose(const linnet_candidate *models, int count, double budget, int current) {
  const double limit = budget * kFrame;
  int best = -1, cheapest = 0;
  for (int i = 0; i < count; ++i) {
    const double own = current < 0 || i == current ? limit : kHysteresis * limit;
    if (models[i].microseconds <= own && (best < 0 || better(models[i], models[best]))) best = i;
    if (cheaper(models[i], models[cheapest])) cheapest = i;
  }
  if (best >= 0) return best;
  return models[cheapest].microseconds <= kBearable * kFrame ? cheapest : -1;
}

}  // namespace linnet
