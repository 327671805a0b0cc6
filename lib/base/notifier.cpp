#include "base/notifier.hpp"

#include <utility>

#include "base/callback_scope.hpp"
#include "base/thread.hpp"

namespace plugreload::internal {

Notifier::Notifier(std::shared_ptr<Host> host, std::size_t limit)
    : state_(std::make_shared<State>()) {
  state_->host = std::move(host);
  state_->limit = limit == 0 ? 1 : limit;
  thread_ = StartThread("pr-notify", [state = state_] { Run(*state); });
}

void Notifier::Log(LogLevel level, std::string_view instance, std::string_view message) {
  Push(Line{level, std::string(instance), std::string(message)});
}

void Notifier::Emit(Event event) {
  Meters::Add(meters_.events.at(static_cast<std::size_t>(event.kind)));
  Push(std::move(event));
}

void Notifier::Push(Entry entry) {
  const MutexLock lock(state_->mutex);
  if (state_->closing) return;
  if (state_->queue.size() >= state_->limit) {
    state_->queue.pop_front();
    ++state_->lost;
    Meters::Add(meters_.notifications_lost);
  }
  state_->queue.push_back(std::move(entry));
  state_->changed.NotifyAll();
}

void Notifier::Deliver(Host& host, const Entry& entry) {
  const CallbackScope scope;
  if (const Line* line = std::get_if<Line>(&entry)) {
    host.Log(LogRecord{line->level, line->instance, line->message});
  } else {
    host.OnEvent(std::get<Event>(entry));
  }
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
      entry = std::move(state.queue.front());
      state.queue.pop_front();
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
