#include "reload/starter.hpp"

#include <fmt/format.h>

#include <exception>
#include <optional>
#include <utility>

#include "base/callback_scope.hpp"

namespace plugreload::internal {
namespace {

// A launcher that keeps its deadline gives the better message: it gets this long to do so.
constexpr Millis kPatience{1000};

Status Closed(const LaunchSpec& spec) {
  return Status(Code::kFailedPrecondition, "closed",
                fmt::format("cannot start {}: the runtime is closing", spec.instance));
}

// Connects on_exit, which may come at any moment, with the instance, which exists a little later.
struct ExitLatch {
  Mutex mutex;
  std::weak_ptr<Instance> instance PLUGRELOAD_GUARDED_BY(mutex);
  bool open PLUGRELOAD_GUARDED_BY(mutex) = false;
  std::optional<InstanceExit> early PLUGRELOAD_GUARDED_BY(mutex);
};

}  // namespace

bool StartTicket::Join() {
  const MutexLock lock(mutex_);
  if (users_ == 0 || result_ != nullptr) return false;
  ++users_;
  return true;
}

void StartTicket::Leave() {
  {
    const MutexLock lock(mutex_);
    if (--users_ > 0) return;
  }
  cancel_.request_stop();
}

bool StartTicket::ended() {
  const MutexLock lock(mutex_);
  return result_ != nullptr;
}

bool StartTicket::End(StartResult result) {
  const auto shared = std::make_shared<const StartResult>(std::move(result));
  std::vector<std::function<void(const StartResult&)>> callbacks;
  {
    const MutexLock lock(mutex_);
    if (result_ != nullptr) return false;
    result_ = shared;
    callbacks.swap(callbacks_);
  }
  for (const auto& callback : callbacks) callback(*shared);
  return true;
}

void StartTicket::Then(std::function<void(const StartResult&)> callback) {
  std::shared_ptr<const StartResult> result;
  {
    const MutexLock lock(mutex_);
    if (result_ == nullptr) {
      callbacks_.push_back(std::move(callback));
      return;
    }
    result = result_;
  }
  callback(*result);
}

struct Starter::Task {
  std::shared_ptr<StartTicket> ticket;
  std::string key;
  LaunchSpec spec;
  Millis start_timeout{0};
  std::shared_ptr<ExitLatch> exit = std::make_shared<ExitLatch>();
  Mutex mutex;
  bool returned PLUGRELOAD_GUARDED_BY(mutex) = false;
  std::optional<Workers::Overdue> overdue PLUGRELOAD_GUARDED_BY(mutex);
};

Starter::Starter(StarterOptions options, Timers* timers, Notifier* notifier, Retirer retirer)
    : options_(std::move(options)),
      timers_(timers),
      notifier_(notifier),
      retirer_(retirer),
      workers_("pr-start", options_.max_concurrent) {}

std::uint64_t Starter::last_number() {
  const MutexLock lock(mutex_);
  return last_number_;
}

std::size_t Starter::running() {
  const MutexLock lock(mutex_);
  return tickets_.size();
}

std::shared_ptr<StartTicket> Starter::Start(const std::string& key, const MakeLaunch& make,
                                            std::uint64_t not_before,
                                            std::optional<Millis> timeout) {
  std::shared_ptr<StartTicket> fresh;
  std::shared_ptr<Instance> running;
  {
    const MutexLock lock(mutex_);
    Known& known = known_[key];
    running = known.newest.lock();
    if (running != nullptr && (running->dead() || running->start_number() <= not_before)) {
      running = nullptr;
    }
    if (running == nullptr && known.number > not_before) {
      if (auto ticket = known.starting.lock(); ticket != nullptr && ticket->Join()) return ticket;
    }
    const std::uint64_t number = running != nullptr ? running->start_number() : ++last_number_;
    fresh = std::make_shared<StartTicket>(number);
    if (running == nullptr) {
      known.number = number;
      known.starting = fresh;
      tickets_[number] = fresh;
    }
  }
  if (running != nullptr) {
    fresh->End(std::move(running));
    return fresh;
  }
  auto task = std::make_shared<Task>();
  task->ticket = std::move(fresh);
  LaunchSpec spec = make();
  const PluginRef& ref = spec.plugin.ref;
  spec.instance = fmt::format("{}{}{}-{}", ref.name, ref.version.empty() ? "" : "-", ref.version,
                              task->ticket->number());
  task->key = key;
  task->start_timeout = timeout.value_or(spec.plugin.timeouts.start);
  task->spec = std::move(spec);
  auto run = [self = shared_from_this(), task] { self->Run(task); };
  if (!workers_.Post(run)) Finish(task, Closed(task->spec));
  return task->ticket;
}

// Ends the ticket when the phase is overdue. The thread inside the launcher or the host cannot be
// stopped; another one may stand in for it until it returns.
Timers::Alarm Starter::Watch(const std::shared_ptr<Task>& watched, Millis timeout,
                             const char* phase) {
  std::uint64_t number = 0;
  {
    const MutexLock lock(watched->ticket->mutex_);
    number = ++watched->ticket->phase_;
  }
  // Weakly: the task knows the result, and a timer must not keep an instance running.
  const auto late = [weak = weak_from_this(), weak_task = std::weak_ptr<Task>(watched), number,
                     timeout, phase] {
    const auto self = weak.lock();
    const auto task = weak_task.lock();
    if (self == nullptr || task == nullptr) return;
    {
      const MutexLock lock(task->ticket->mutex_);
      if (task->ticket->phase_ != number || task->ticket->result_ != nullptr) return;
    }
    {
      const MutexLock lock(task->mutex);
      if (task->returned) return;
      task->overdue.emplace(self->workers_);
    }
    task->ticket->cancel_.request_stop();
    self->Finish(task, Status(Code::kDeadlineExceeded, fmt::format("{}_timeout", phase),
                              fmt::format("{} of {} did not return within {} ms; what it returns "
                                          "late is stopped",
                                          phase, task->spec.instance, timeout.count())));
  };
  return timers_->AlarmAt(After(timeout), late);
}

void Starter::Run(const std::shared_ptr<Task>& task) {
  StartResult result =
      task->ticket->cancel_.stop_requested()
          ? Status(Code::kCancelled, "cancelled",
                   fmt::format("the start of {} was cancelled", task->spec.instance))
          : Launch(task);
  std::optional<Workers::Overdue> overdue;
  {
    const MutexLock lock(task->mutex);
    task->returned = true;
    overdue.swap(task->overdue);
  }
  Finish(task, std::move(result));
}

Result<std::shared_ptr<void>> Starter::Attach(const Task& task, const InstanceInfo& info) {
  const CallbackScope scope;
  try {
    return options_.host->Attach(task.spec, info);
  } catch (const std::exception& error) {
    return Status(
        Code::kInternal, "attach_threw",
        fmt::format("the host's Attach of {} threw: {}", task.spec.instance, error.what()));
  } catch (...) {
    return Status(Code::kInternal, "attach_threw",
                  fmt::format("the host's Attach of {} threw", task.spec.instance));
  }
}

StartResult Starter::Launch(const std::shared_ptr<Task>& shared) {
  Task& task = *shared;
  const auto launcher = options_.launchers.find(task.spec.plugin.launcher);
  if (launcher == options_.launchers.end()) {
    return Status(Code::kFailedPrecondition, "launcher_unbound",
                  fmt::format("{} names the launcher \"{}\", which this host has not bound",
                              task.spec.instance, task.spec.plugin.launcher));
  }
  StartContext context;
  context.deadline = After(task.start_timeout);
  context.cancel = task.ticket->cancel_.get_token();
  context.on_exit = [latch = task.exit, weak = weak_from_this()](const InstanceExit& exit) {
    std::shared_ptr<Instance> instance;
    {
      const MutexLock lock(latch->mutex);
      if (!latch->open) latch->early = exit;
      instance = latch->instance.lock();
    }
    if (instance == nullptr) return;
    instance->MarkDead();
    if (const auto self = weak.lock()) self->options_.on_exit(instance, exit);
  };
  auto instance = std::make_shared<Instance>(task.spec, task.key, task.ticket->number(), retirer_);
  Result<std::unique_ptr<PluginInstance>> running = [&]() -> decltype(running) {
    const Timers::Alarm alarm = Watch(shared, task.start_timeout + kPatience, "start");
    const CallbackScope scope;
    try {
      return launcher->second->Start(task.spec, context);
    } catch (const std::exception& error) {
      return Status(Code::kInternal, "start_threw",
                    fmt::format("starting {} threw: {}", task.spec.instance, error.what()));
    }
  }();
  if (!running.ok()) return running.status();
  if (*running == nullptr) {
    return Status(Code::kInternal, "no_instance",
                  fmt::format("the launcher \"{}\" returned no instance for {}",
                              task.spec.plugin.launcher, task.spec.instance));
  }
  const InstanceInfo info = (*running)->info();
  instance->SetRunning(*std::move(running));
  const Timers::Alarm alarm = Watch(shared, task.spec.plugin.timeouts.attach, "attach");
  Result<std::shared_ptr<void>> attached = Attach(task, info);
  if (!attached.ok()) {
    return attached.status().WithContext(fmt::format("the host refused {}", task.spec.instance));
  }
  instance->SetAttached(*std::move(attached));
  const MutexLock lock(task.exit->mutex);
  if (task.exit->early) {
    return Status(Code::kUnavailable, "exited",
                  fmt::format("{} ended right after its start: {}", task.spec.instance,
                              task.exit->early->detail));
  }
  task.exit->open = true;
  task.exit->instance = instance;
  return instance;
}

void Starter::Finish(const std::shared_ptr<Task>& task, StartResult result) {
  if (task->ticket->ended()) return;  // too late; an instance in `result` is stopped as it goes
  const MountEntry& mount = task->spec.mount;
  if (!result.ok()) {
    result = result.status().WithContext(fmt::format("starting {} for {} in namespace \"{}\"",
                                                     PluginTitle(task->spec.plugin.ref), mount.path,
                                                     mount.ns.empty() ? "root" : mount.ns));
  }
  Event event;
  event.kind = result.ok() ? EventKind::kInstanceStarted : EventKind::kInstanceFailed;
  event.instance = task->spec.instance;
  event.plugin = PluginTitle(task->spec.plugin.ref);
  event.ns = mount.ns;
  event.mount = mount.path;
  event.message = result.ok() ? "" : result.status().ToString();
  {
    const MutexLock lock(mutex_);
    tickets_.erase(task->ticket->number());
    auto known = known_.find(task->key);
    if (known != known_.end() && known->second.number == task->ticket->number()) {
      if (result.ok()) {
        known->second.newest = *result;
      } else if (known->second.newest.expired()) {
        known_.erase(known);
      }
    }
  }
  if (!result.ok()) notifier_->Log(LogLevel::kError, task->spec.instance, event.message);
  if (task->ticket->End(std::move(result))) notifier_->Emit(std::move(event));
}

void Starter::Forget(const Instance& instance) {
  const MutexLock lock(mutex_);
  auto known = known_.find(instance.key());
  if (known != known_.end() && known->second.number == instance.start_number()) known_.erase(known);
}

bool Starter::Close(Deadline deadline) {
  std::map<std::uint64_t, std::weak_ptr<StartTicket>> tickets;
  {
    const MutexLock lock(mutex_);
    tickets = tickets_;
  }
  closing_.request_stop();
  for (const auto& [number, weak] : tickets) {
    const auto ticket = weak.lock();
    if (ticket == nullptr) continue;
    ticket->cancel_.request_stop();
  }
  const bool all = workers_.Close(deadline);
  // Starts that never got a thread.
  for (const auto& [number, weak] : tickets) {
    if (const auto ticket = weak.lock()) {
      ticket->End(Status(Code::kCancelled, "closed", "the runtime is closing"));
    }
  }
  return all;
}

}  // namespace plugreload::internal
