// reload/starter.hpp - starts instances: each process key once at a time, few at once, never late.
#ifndef PLUGRELOAD_RELOAD_STARTER_HPP_
#define PLUGRELOAD_RELOAD_STARTER_HPP_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/notifier.hpp"
#include "base/timers.hpp"
#include "base/workers.hpp"
#include "plugreload/host.hpp"
#include "plugreload/launcher.hpp"
#include "reload/instance.hpp"

namespace plugreload::internal {

using StartResult = Result<std::shared_ptr<Instance>>;

// One start, shared by everybody who waits for it. It ends when the launcher and the host have
// answered, or at the deadline of the phase it is in, whatever they do: what arrives later is
// stopped and dropped.
//
// Thread safety: safe for concurrent use.
class StartTicket {
 public:
  explicit StartTicket(std::uint64_t number) : number_(number) {}

  std::uint64_t number() const { return number_; }
  // Runs on the thread that ends the start, or at once when it has ended.
  void Then(std::function<void(const StartResult&)> callback);
  // One of its users does not want it any more; the last one cancels the start.
  void Leave();

 private:
  friend class Starter;
  bool Join();
  bool End(StartResult result);
  bool ended();

  const std::uint64_t number_;
  std::stop_source cancel_;
  Mutex mutex_;
  int users_ PLUGRELOAD_GUARDED_BY(mutex_) = 1;
  std::uint64_t phase_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const StartResult> result_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::vector<std::function<void(const StartResult&)>> callbacks_ PLUGRELOAD_GUARDED_BY(mutex_);
};

struct StarterOptions {
  std::map<std::string, std::shared_ptr<Launcher>> launchers;
  std::shared_ptr<Host> host;
  std::size_t max_concurrent = 4;
  // An instance ended by itself; from any thread.
  std::function<void(const std::shared_ptr<Instance>&, const InstanceExit&)> on_exit;
};

// Thread safety: safe for concurrent use.
class Starter : public std::enable_shared_from_this<Starter> {
 public:
  Starter(StarterOptions options, Timers* timers, Notifier* notifier, Retirer retirer);

  // An instance of `key`: one that is running or starting whose start began after `not_before`, or
  // a new one made from what `make` gives, which is only called then; its `instance` is filled in
  // here. The caller is one of the ticket's users.
  using MakeLaunch = std::function<LaunchSpec()>;
  std::shared_ptr<StartTicket> Start(const std::string& key, const MakeLaunch& make,
                                     std::uint64_t not_before, std::optional<Millis> timeout);
  // Runs a plugin once, apart from all mounts, and asks what it is; among the starts.
  Result<PluginFacts> Inspect(LaunchSpec spec, Deadline deadline);
  // The number of the last start that has begun: what begins from now on has a higher one.
  std::uint64_t last_number();

  // Starts that have begun and not ended.
  std::size_t running();

  // Nobody joins it any more.
  void Forget(const Instance& instance);

  // Cancels every start and refuses new ones; waits for the launchers to return. False: some had
  // not at the deadline.
  bool Close(Deadline deadline);

 private:
  struct Task;
  struct Known {
    std::weak_ptr<StartTicket> starting;
    std::weak_ptr<Instance> newest;
    std::uint64_t number = 0;
  };
  void Run(const std::shared_ptr<Task>& task);
  StartResult Launch(const std::shared_ptr<Task>& shared);
  Result<std::shared_ptr<void>> Attach(const Task& task, const InstanceInfo& info);
  // While the result lives the phase must end in time.
  [[nodiscard]] Timers::Alarm Watch(const std::shared_ptr<Task>& watched, Millis timeout,
                                    const char* phase);
  void Finish(const std::shared_ptr<Task>& task, StartResult result);

  StarterOptions options_;
  Timers* const timers_;
  Notifier* const notifier_;
  const Retirer retirer_;
  Mutex mutex_;
  std::map<std::string, Known> known_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::weak_ptr<StartTicket>> tickets_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::uint64_t inspections_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_number_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  std::stop_source closing_;
  Workers workers_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_STARTER_HPP_
