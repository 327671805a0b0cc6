// session.hpp - what an engine has besides its runtime: its life and the events to be taken.
#ifndef PLUGRELOAD_CAPI_SESSION_HPP_
#define PLUGRELOAD_CAPI_SESSION_HPP_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "plugreload/host.hpp"
#include "plugreload/status.hpp"

namespace plugreload::capi {

enum class Life : int { kForked = 0, kOpen = 1, kClosed = 2 };

// One word that tells whether the engine may be used, on a page that the kernel wipes in a forked
// child: 0 is what a child reads.
//
// Thread safety: safe for concurrent use.
class LifeWord {
 public:
  LifeWord();  // throws std::bad_alloc
  ~LifeWord();
  LifeWord(const LifeWord&) = delete;
  LifeWord& operator=(const LifeWord&) = delete;

  Life load() const { return word_->load(std::memory_order_acquire); }
  void Close() { word_->store(Life::kClosed, std::memory_order_release); }

 private:
  std::atomic<Life>* word_;
};

// The events that wait for the host, and a descriptor that is readable while some do.
//
// Thread safety: safe for concurrent use.
class EventQueue {
 public:
  explicit EventQueue(std::size_t limit);
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  int descriptor() const { return descriptor_; }  // -errno when it could not be made
  void Push(const Event& event);
  // The oldest one; before it, how many were dropped.
  std::optional<Event> Take();

 private:
  void Wake() const;
  void Clear() const;

  int descriptor_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::deque<Event> events_;  // guarded by mutex_
  std::uint64_t lost_ = 0;    // guarded by mutex_
};

// Shared by the engine and by what its runtime calls.
class Session {
 public:
  static Result<std::shared_ptr<Session>> Create(std::size_t max_events);
  explicit Session(std::size_t max_events) : events_(max_events) {}

  Life life() const { return life_.load(); }
  void Close() { life_.Close(); }
  EventQueue& events() { return events_; }

 private:
  EventQueue events_;
  LifeWord life_;
};

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_SESSION_HPP_
