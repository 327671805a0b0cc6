#include "base/notifier.hpp"

#include <utility>

#include "base/callback_scope.hpp"
#include "base/thread.hpp"

namespace plugreload::internal {

Notifier::Notifier(std::shared_ptr<Host> host, std::size_t limit)
    : state_(std::make_shared<State>()) {
  state_->host = std::move(host);
  state_->limit = limit == 0 ? 1 : limit;
  if (state_->host == nullptr) return;
  thread_ = StartThread("pr-notify", [state = state_] { Run(*state); });
}

void Notifier::Log(LogLevel level, std::string_view instance, std::string_view message) {
  if (state_->host == nullptr) return;
  Push(Line{level, std::string(instance), std::string(message)});
}

void Notifier::Emit(Event event) {
  Meters::Add(meters_.events.at(static_cast<std::size_t>(event.kind)));
  Push(std::move(event));
}

void Notifier::EmitMany(EventKind kind, std::size_t count, MakeEvent make) {
  if (count == 0) return;
  meters_.events.at(static_cast<std::size_t>(kind)).fetch_add(count, std::memory_order_relaxed);
  if (state_->host == nullptr) return;
  Push(Many{kind, 0, count, std::make_shared<const MakeEvent>(std::move(make))});
}

std::size_t Notifier::SizeOf(const Entry& entry) {
  const Many* many = std::get_if<Many>(&entry);
  return many == nullptr ? 1 : many->count - many->next;
}

// The oldest ones.
void Notifier::Drop(State& state, std::size_t count) {
  state.lost += count;
  state.waiting -= count;
  while (count > 0) {
    const std::size_t size = SizeOf(state.queue.front());
    if (size > count) {
      std::get<Many>(state.queue.front()).next += count;
      return;
    }
    state.queue.pop_front();
    count -= size;
  }
}

void Notifier::Push(Entry entry) {
  if (state_->host == nullptr) return;
  const MutexLock lock(state_->mutex);
  if (state_->closing) return;
  const bool idle = state_->queue.empty();
  state_->waiting += SizeOf(entry);
  state_->queue.push_back(std::move(entry));
  if (state_->waiting > state_->limit) {
    const std::size_t surplus = state_->waiting - state_->limit;
    meters_.notifications_lost.fetch_add(surplus, std::memory_order_relaxed);
    Drop(*state_, surplus);
  }
  if (idle) state_->changed.NotifyAll();  // otherwise its thread is not asleep
}

void Notifier::Deliver(Host& host, const Entry& entry) {
  const CallbackScope scope;
  if (const Line* line = std::get_if<Line>(&entry)) {
    host.Log(LogRecord{line->level, line->instance, line->message});
  } else if (const Many* many = std::get_if<Many>(&entry)) {
    Event event = (*many->make)(many->next);
    event.kind = many->kind;
    host.OnEvent(event);
  } else {
    host.OnEvent(std::get<Event>(entry));
  }
}

// The oldest one; of many the next.
Notifier::Entry Notifier::Take(State& state) {
  --state.waiting;
  Entry& front = state.queue.front();
  if (SizeOf(front) > 1) {
    Entry next = front;
    ++std::get<Many>(front).next;
    return next;
  }
  Entry last = std::move(front);
  state.queue.pop_front();
  return last;
}

void Notifier::Run(State& state) {
  for (;;) {
    Entry entry;
    std::uint64_t lost = 0;
    {
      const MutexLock lock(state.mutex);
      while (state.queue.empty() && !state.closing) state.changed.Wait(state.mutex);
      if (state.queue.empty()) {
        state.ended = true;
        state.changed.NotifyAll();
        return;
      }
      entry = Take(state);
      lost = std::exchange(state.lost, 0);
    }
    if (lost > 0) {
      Event event;
      event.kind = EventKind::kEventsLost;
      event.count = lost;
      Deliver(*state.host, event);
    }
    Deliver(*state.host, entry);
  }
}

void Notifier::Close(Deadline deadline) {
  if (!thread_.joinable()) return;
  bool ended = false;
  {
    const MutexLock lock(state_->mutex);
    state_->closing = true;
    state_->changed.NotifyAll();
    while (!state_->ended && state_->changed.WaitUntil(state_->mutex, deadline)) {
    }
    ended = state_->ended;
    if (!ended) state_->queue.clear();
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace plugreload::internal
