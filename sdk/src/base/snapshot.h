// A small plain struct that one thread publishes over and over and that any thread may read whole: no reader ever sees
// a mix of two publications. Nobody waits. A ring of slots takes the publications in turn and a counter tells how many
// there were, so that a reader is disturbed only if the writer publishes several times while it copies a few words; it
// then copies again (a sequence lock: Boehm, "Can seqlocks get along with programming language memory models?", 2012).
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace linnet::base {

// T: plain data without padding, whole 32-bit words. Words are atomics of their own, because 64-bit ones take a lock on
// some 32-bit CPUs.
template <class T>
class Snapshot {
 public:
  // By one thread at a time.
  void publish(const T &value) {
    uint32_t words[kWords];
    memcpy(words, &value, sizeof words);
    const uint32_t number = published_.load(std::memory_order_relaxed) + 1;
    for (uint32_t i = 0; i < kWords; ++i) slots_[number % kSlots][i].store(words[i], std::memory_order_release);
    published_.store(number, std::memory_order_release);
  }

  // The newest value, of one publication; zeros before the first.
  //
  // A word that was overwritten meanwhile carries its writer's earlier stores with it (release, acquire), so the
  // counter, read afterwards, tells that the slot was reused. Orders on the words do what fences would, and thread
  // sanitizers understand them. The bound is for the proof that reading ends: each further attempt means that the
  // writer published kSlots - 1 times during the one before.
  T read() const {
    uint32_t words[kWords];
    uint32_t number = published_.load(std::memory_order_acquire);
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      for (uint32_t i = 0; i < kWords; ++i) words[i] = slots_[number % kSlots][i].load(std::memory_order_acquire);
      const uint32_t newest = published_.load(std::memory_order_acquire);
      if (newest - number < kSlots - 1) break;
      number = newest;
    }
    T value;
    memcpy(&value, words, sizeof value);
    return value;
  }

 private:
  static_assert(std::is_trivially_copyable<T>::value && sizeof(T) % sizeof(uint32_t) == 0);
  static constexpr uint32_t kWords = sizeof(T) / sizeof(uint32_t);
  static constexpr uint32_t kSlots = 4;  // a power of two, so that the counter may wrap
  static constexpr int kAttempts = 1000;

  std::atomic<uint32_t> published_{0};
  std::atomic<uint32_t> slots_[kSlots][kWords] = {};
};

}  // namespace linnet::base
