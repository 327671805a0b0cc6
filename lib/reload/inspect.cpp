// A plugin that is started for a moment, to say what it is.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "base/callback_scope.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

// A launcher that keeps its deadline gives the better message: it gets this long to do so.
constexpr Millis kPatience{1000};

// Shared with a launcher that may return after everybody has gone.
struct Inspection {
  explicit Inspection(LaunchSpec given) : spec(std::move(given)) {}

  const LaunchSpec spec;
  std::stop_source cancel;
  Mutex mutex;
  CondVar changed;
  std::optional<Result<PluginFacts>> facts PLUGRELOAD_GUARDED_BY(mutex);
  std::optional<Workers::Overdue> overdue PLUGRELOAD_GUARDED_BY(mutex);
};

Result<PluginFacts> Ask(Launcher& launcher, const Inspection& inspection, Deadline deadline) {
  StartContext context;
  context.deadline = deadline;
  context.cancel = inspection.cancel.get_token();
  const CallbackScope scope;
  try {
    return launcher.Inspect(inspection.spec, context);
  } catch (const std::exception& error) {
    return Status(Code::kInternal, "inspect_threw",
                  fmt::format("inspecting {} threw: {}", inspection.spec.instance, error.what()));
  }
}

}  // namespace

Result<PluginFacts> Starter::Inspect(LaunchSpec spec, Deadline deadline) {
  const auto found = options_.launchers.find(spec.plugin.launcher);
  if (found == options_.launchers.end()) {
    return Status(
        Code::kFailedPrecondition, "launcher_unbound",
        fmt::format("the launcher \"{}\" is not bound in this host", spec.plugin.launcher));
  }
  {
    const MutexLock lock(mutex_);
    spec.instance = fmt::format("{}-inspect-{}", spec.plugin.ref.name, ++inspections_);
  }
  deadline = std::min(deadline, After(spec.plugin.timeouts.start));
  const auto inspection = std::make_shared<Inspection>(std::move(spec));
  // A task that is dropped from the queue tells nobody.
  const std::stop_callback closing(closing_.get_token(), [&] {
    inspection->cancel.request_stop();
    const MutexLock lock(inspection->mutex);
    inspection->changed.NotifyAll();
  });
  const bool posted = workers_.Post([inspection, launcher = found->second, deadline] {
    Result<PluginFacts> facts = Ask(*launcher, *inspection, deadline);
    std::optional<Workers::Overdue> overdue;  // ends behind the lock
    const MutexLock lock(inspection->mutex);
    inspection->facts = std::move(facts);
    overdue.swap(inspection->overdue);
    inspection->changed.NotifyAll();
  });
  if (posted) {
    const Deadline patience =
        deadline < Deadline::max() - kPatience ? deadline + kPatience : deadline;
    const MutexLock lock(inspection->mutex);
    while (!inspection->facts && !closing_.stop_requested() &&
           inspection->changed.WaitUntil(inspection->mutex, patience)) {
    }
    if (inspection->facts) return *std::move(inspection->facts);
    inspection->cancel.request_stop();
    if (!closing_.stop_requested()) {
      inspection->overdue.emplace(workers_);
      return Status(Code::kDeadlineExceeded, "inspect_timeout",
                    fmt::format("{} was not asked in time", inspection->spec.instance));
    }
  }
  return Status(Code::kFailedPrecondition, "closed",
                fmt::format("cannot start {}: the runtime is closing", inspection->spec.instance));
}

Result<PluginFacts> Engine::Inspect(const PluginSpec& spec, Deadline deadline) {
  if (Status status = Admit("Inspect"); !status.ok()) return status;
  if (Status status = catalog_->Check(spec); !status.ok()) return status;
  return starter_->Inspect(MakeSpec(spec, MountEntry{}), deadline);
}

}  // namespace plugreload::internal
