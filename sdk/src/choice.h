// Which of several measured models a device can afford: linnet_choose without the checks of its arguments. JavaScript
// has the same function (sdk/web/choice.js), and both are held against tests/data/choices.txt.
#pragma once

#include "linnet.h"

namespace linnet {

// Index of the model to run, -1 for none. current: the one that runs, or -1.
int choose(const linnet_candidate *models, int count, double budget, int current);

}  // namespace linnet
