// base/event_word.hpp - a word that sleepers watch: a wake-up costs the waker nothing but the wake.
#ifndef PLUGRELOAD_BASE_EVENT_WORD_HPP_
#define PLUGRELOAD_BASE_EVENT_WORD_HPP_

#include <atomic>
#include <cstdint>

#include "plugreload/types.hpp"

namespace plugreload::internal {

// Read the word, look at what you wait for, and wait while the word is still the same: a wake-up in
// between is not lost. std::atomic::wait would do, had it a deadline.
class EventWord {
 public:
  std::uint32_t Read() const { return word_.load(std::memory_order_seq_cst); }
  void Wake() noexcept;
  // Returns at the latest at the deadline; may return without a reason.
  void Wait(std::uint32_t seen, Deadline deadline) const;

 private:
  std::atomic<std::uint32_t> word_{0};
  // Who sleeps or is about to. Counted before the kernel compares the word, looked at after the
  // word was changed: a wake-up that sees none is seen by that comparison.
  mutable std::atomic<std::uint32_t> sleepers_{0};
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_EVENT_WORD_HPP_
