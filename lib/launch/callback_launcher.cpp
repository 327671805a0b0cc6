#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload {
namespace {

using internal::CondVar;
using internal::Mutex;
using internal::MutexLock;

// Keeps the host's object to the contract of on_exit: at most once, not before the instance is
// made, not after it is stopped.
class ExitGate {
 public:
  explicit ExitGate(std::function<void(const InstanceExit&)> on_exit)
      : on_exit_(std::move(on_exit)) {}

  void Report(const InstanceExit& exit) PLUGRELOAD_EXCLUDES(mutex_) {
    std::function<void(const InstanceExit&)> call;
    {
      const MutexLock lock(mutex_);
      if (!exit_) exit_ = exit;
      if (!open_) return;
      call = std::exchange(on_exit_, nullptr);
    }
    if (call) call(exit);
  }
  // How it ended already, if it did.
  std::optional<InstanceExit> Open() {
    const MutexLock lock(mutex_);
    open_ = !exit_.has_value();
    return exit_;
  }
  void Close() {
    std::function<void(const InstanceExit&)> dropped;  // goes behind the lock
    const MutexLock lock(mutex_);
    open_ = false;
    dropped = std::exchange(on_exit_, nullptr);
  }

 private:
  Mutex mutex_;
  bool open_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::optional<InstanceExit> exit_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::function<void(const InstanceExit&)> on_exit_ PLUGRELOAD_GUARDED_BY(mutex_);
};

Status Threw(std::string_view callback, std::string_view what) {
  return Status(Code::kInternal, "callback_threw",
                "the host's " + std::string(callback) + " callback threw: " + std::string(what));
}

Millis StopTime(const PluginTimeouts& timeouts) { return timeouts.graceful + timeouts.terminate; }

class CallbackInstance : public PluginInstance {
 public:
  CallbackInstance(std::shared_ptr<const CallbackLauncherOptions> options,
                   std::shared_ptr<void> object, std::shared_ptr<ExitGate> gate, Millis stop_time)
      : options_(std::move(options)),
        gate_(std::move(gate)),
        stop_time_(stop_time),
        object_(std::move(object)) {
    info_.object = object_.get();
  }
  ~CallbackInstance() override { [[maybe_unused]] const Status status = Stop(After(stop_time_)); }

  const InstanceInfo& info() const override { return info_; }

  Status Stop(Deadline deadline) override {
    gate_->Close();
    {
      const MutexLock lock(mutex_);
      while (phase_ == Phase::kStopping) {
        if (!changed_.WaitUntil(mutex_, deadline)) {
          return Status(Code::kDeadlineExceeded, "unkillable",
                        "another call still waits for the host's stop callback");
        }
      }
      if (phase_ == Phase::kStopped) return stopped_;
      phase_ = Phase::kStopping;
    }
    Status status = CallStop(deadline);
    object_.reset();
    const MutexLock lock(mutex_);
    phase_ = Phase::kStopped;
    stopped_ = status;
    changed_.NotifyAll();
    return status;
  }

 private:
  enum class Phase { kRunning, kStopping, kStopped };

  Status CallStop(Deadline deadline) {
    if (!options_->stop) return {};
    try {
      return options_->stop(object_, deadline);
    } catch (const std::exception& error) {
      return Threw("stop", error.what());
    } catch (...) {
      return Threw("stop", "something");
    }
  }

  const std::shared_ptr<const CallbackLauncherOptions> options_;
  const std::shared_ptr<ExitGate> gate_;
  const Millis stop_time_;
  InstanceInfo info_;
  std::shared_ptr<void> object_;  // of whoever moved the phase to stopping

  Mutex mutex_;
  CondVar changed_;
  Phase phase_ PLUGRELOAD_GUARDED_BY(mutex_) = Phase::kRunning;
  Status stopped_ PLUGRELOAD_GUARDED_BY(mutex_);
};

class CallbackLauncher : public Launcher {
 public:
  explicit CallbackLauncher(CallbackLauncherOptions options)
      : options_(std::make_shared<const CallbackLauncherOptions>(std::move(options))) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override {
    if (!options_->start) {
      return Status(Code::kFailedPrecondition, "no_callback", "the host gave no start callback");
    }
    if (context.cancel.stop_requested()) return Cancelled();
    const auto gate = std::make_shared<ExitGate>(context.on_exit);
    StartContext guarded = context;
    guarded.on_exit = [gate](const InstanceExit& exit) { gate->Report(exit); };
    Result<std::shared_ptr<void>> object = CallStart(spec, guarded);
    if (!object.ok()) return object.status();
    if (*object == nullptr) {
      return Status(Code::kInternal, "no_object", "the host's start callback gave no object");
    }
    // From here on the object is stopped however this ends.
    auto instance = std::make_unique<CallbackInstance>(options_, *std::move(object), gate,
                                                       StopTime(spec.plugin.timeouts));
    if (context.cancel.stop_requested()) return Cancelled();
    if (const auto exit = gate->Open()) {
      return Status(Code::kUnavailable, "exited",
                    "the host's object ended while it started: " + exit->detail);
    }
    return std::unique_ptr<PluginInstance>(std::move(instance));
  }

  Result<PluginFacts> Inspect(const LaunchSpec& spec, const StartContext& context) override {
    if (!options_->inspect) return Launcher::Inspect(spec, context);
    try {
      return options_->inspect(spec, context);
    } catch (const std::exception& error) {
      return Threw("inspect", error.what());
    } catch (...) {
      return Threw("inspect", "something");
    }
  }

 private:
  static Status Cancelled() {
    return Status(Code::kCancelled, "cancelled", "the start is no longer wanted");
  }
  Result<std::shared_ptr<void>> CallStart(const LaunchSpec& spec, const StartContext& context) {
    try {
      return options_->start(spec, context);
    } catch (const std::exception& error) {
      return Threw("start", error.what());
    } catch (...) {
      return Threw("start", "something");
    }
  }

  const std::shared_ptr<const CallbackLauncherOptions> options_;
};

}  // namespace

std::shared_ptr<Launcher> NewCallbackLauncher(CallbackLauncherOptions options) {
  return std::make_shared<CallbackLauncher>(std::move(options));
}

}  // namespace plugreload
