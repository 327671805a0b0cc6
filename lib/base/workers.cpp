#include "base/workers.hpp"

#include <deque>
#include <map>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/thread.hpp"

namespace plugreload::internal {

// Shared with the threads, which may outlive the pool when their task does.
struct Workers::State {
  std::string name;
  Mutex mutex;
  CondVar changed;  // for the threads
  CondVar quieter;  // for Finish and Close: a thread became idle or ended
  std::deque<std::function<void()>> queue PLUGRELOAD_GUARDED_BY(mutex);
  std::map<std::thread::id, std::thread> threads PLUGRELOAD_GUARDED_BY(mutex);
  std::vector<std::thread> ended PLUGRELOAD_GUARDED_BY(mutex);
  std::size_t limit PLUGRELOAD_GUARDED_BY(mutex) = 0;
  std::size_t idle PLUGRELOAD_GUARDED_BY(mutex) = 0;
  bool closed PLUGRELOAD_GUARDED_BY(mutex) = false;

  bool Next(std::function<void()>& task) PLUGRELOAD_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    // A thread beyond the limit ends: the overdue task it stood in for has returned.
    while (queue.empty() && !closed && threads.size() <= limit) {
      ++idle;
      quieter.NotifyAll();
      changed.Wait(mutex);
      --idle;
    }
    if (queue.empty() || closed || threads.size() > limit) {
      auto self = threads.find(std::this_thread::get_id());
      if (self != threads.end()) {
        ended.push_back(std::move(self->second));
        threads.erase(self);
      }
      quieter.NotifyAll();
      return false;
    }
    task = std::move(queue.front());
    queue.pop_front();
    return true;
  }
};

struct Workers::Overdue::Share {
  std::shared_ptr<State> state;
  ~Share() {
    const MutexLock lock(state->mutex);
    --state->limit;
    state->changed.NotifyAll();
  }
};

namespace {

template <typename State>
void AddThread(const std::shared_ptr<State>& state) PLUGRELOAD_REQUIRES(state->mutex) {
  std::thread thread = StartThread(state->name, [state] {
    for (std::function<void()> task; state->Next(task); task = nullptr) task();
  });
  const std::thread::id id = thread.get_id();
  state->threads.emplace(id, std::move(thread));
}

template <typename State>
void AddThreadIfUseful(const std::shared_ptr<State>& state) PLUGRELOAD_REQUIRES(state->mutex) {
  if (state->closed || state->queue.size() <= state->idle) return;
  if (state->threads.size() >= state->limit) return;
  try {
    AddThread(state);
  } catch (const std::system_error&) {
    // A host at its limit of threads: one that is there takes the task.
  }
}

template <typename Threads>
void JoinAll(Threads threads) {
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

Workers::Workers(std::string name, std::size_t limit) : state_(std::make_shared<State>()) {
  state_->name = std::move(name);
  const MutexLock lock(state_->mutex);
  state_->limit = limit == 0 ? 1 : limit;
  AddThread(state_);
}

Workers::~Workers() {
  if (Close(Deadline::min())) return;
  std::vector<std::thread> ended;  // since Close looked
  {
    const MutexLock lock(state_->mutex);
    for (auto& [id, thread] : state_->threads) thread.detach();
    state_->threads.clear();
    ended.swap(state_->ended);
  }
  JoinAll(std::move(ended));
}

bool Workers::Post(std::function<void()> task) {
  std::vector<std::thread> ended;
  {
    const MutexLock lock(state_->mutex);
    if (state_->closed) return false;
    state_->queue.push_back(std::move(task));
    AddThreadIfUseful(state_);
    state_->changed.NotifyOne();
    ended.swap(state_->ended);
  }
  JoinAll(std::move(ended));
  return true;
}

Workers::Overdue::Overdue(Workers& workers) : share_(new Share{workers.state_}) {
  const MutexLock lock(share_->state->mutex);
  ++share_->state->limit;
  AddThreadIfUseful(share_->state);
}

Workers::Overdue::~Overdue() = default;

bool Workers::Finish(Deadline deadline) {
  {
    const MutexLock lock(state_->mutex);
    while (!state_->queue.empty() || state_->idle < state_->threads.size()) {
      if (!state_->quieter.WaitUntil(state_->mutex, deadline)) return false;
    }
  }
  return Close(deadline);
}

bool Workers::Close(Deadline deadline) {
  std::vector<std::thread> ended;
  std::deque<std::function<void()>> dropped;  // destroyed without the lock
  bool all = true;
  {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
    dropped.swap(state_->queue);
    state_->changed.NotifyAll();
    while (!state_->threads.empty()) {
      if (!state_->quieter.WaitUntil(state_->mutex, deadline)) break;
    }
    all = state_->threads.empty();
    ended.swap(state_->ended);
  }
  JoinAll(std::move(ended));
  return all;
}

}  // namespace plugreload::internal
