// Memory for what an arena places, where there is no stream that would bring it.
#pragma once

#include <vector>

#include "base/arena.h"

namespace linnet::lab {

class Memory {
 public:
  // As much as a plan has measured.
  explicit Memory(const base::Arena &plan) : lines_(plan.used() / sizeof(Line)) {}

  base::Arena arena() { return base::Arena(lines_.data()); }

 private:
  struct alignas(base::Arena::kAlignment) Line {
    uint8_t bytes[base::Arena::kAlignment];
  };
  std::vector<Line> lines_;
};

}  // namespace linnet::lab
