#include "reload/engine.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/callback_scope.hpp"

namespace plugreload::internal {
namespace {

// Stopping is waiting, mostly: many at once cost little.
constexpr std::size_t kConcurrentStops = 16;

}  // namespace

Engine::Engine(const RuntimeOptions& options, std::shared_ptr<Catalog> catalog,
               std::shared_ptr<Notifier> notifier)
    : node_(options.node),
      lease_log_(options.track_leases ? std::make_unique<LeaseLog>() : nullptr),
      plugin_directory_(options.plugin_directory),
      handshake_(options.handshake),
      catalog_(std::move(catalog)),
      notifier_(std::move(notifier)),
      stops_("pr-stop", kConcurrentStops),
      drainer_(&domain_, lease_log_.get()),
      slots_(&drainer_, notifier_.get()) {
  StarterOptions starting;
  starting.launchers = options.launchers;
  starting.host = options.host;
  starting.max_concurrent = options.max_concurrent_starts;
  starting.on_exit = [this](const std::shared_ptr<Instance>& instance, const InstanceExit& exit) {
    supervisor_->Exited(instance, exit);
  };
  starter_ = std::make_shared<Starter>(std::move(starting), &timers_, notifier_.get(),
                                       Retirer{&stops_, notifier_.get()});
  const auto make_spec = [this](const PluginSpec& spec, const MountEntry& entry) {
    return MakeSpec(spec, entry);
  };
  supervisor_ = std::make_shared<Supervisor>(catalog_.get(), &slots_, starter_.get(), &timers_,
                                             notifier_.get(), options.restart, make_spec);
  JobLimits limits;
  limits.running = options.max_concurrent_reloads;
  limits.queued = options.max_queued_reloads;
  limits.history = options.history;
  jobs_ = std::make_unique<Jobs>(
      limits, &drainer_, notifier_.get(), [this] { return starter_->last_number(); },
      [this](const std::shared_ptr<Job>& job) {
        ReloadRun(parts_, job).Execute();
        if (global_ != nullptr) global_->LocalAnswered();
      });
  parts_ = RunParts{nullptr,     &slots_,           starter_.get(), &drainer_,
                    jobs_.get(), supervisor_.get(), make_spec};
}

Engine::~Engine() = default;

void Engine::Bind(Applier* applier) {
  applier_ = applier;
  planner_ = std::make_unique<Planner>(catalog_.get(), tree_.get(), &slots_, applier);
  parts_.planner = planner_.get();
}

Status Engine::Admit(const char* what) const {
  if (Status status = fork_guard_.Check(what); !status.ok()) return status;
  if (Status status = RefuseInCallback(what); !status.ok()) return status;
  if (slots_.closing()) {
    return Status(Code::kFailedPrecondition, "closed",
                  fmt::format("{} was called on a runtime that is closed or closing", what));
  }
  return {};
}

LaunchSpec Engine::MakeSpec(const PluginSpec& spec, const MountEntry& entry) const {
  LaunchSpec launch;
  launch.plugin = spec;
  launch.command = spec.command.empty() || spec.command.starts_with('/')
                       ? spec.command
                       : plugin_directory_ + "/" + spec.command;
  launch.handshake = spec.handshake.value_or(handshake_);
  launch.mount = entry;
  return launch;
}

Status Engine::WaitReady(Deadline deadline) {
  if (Status status = Admit("WaitReady"); !status.ok()) return status;
  const std::vector<std::string> waiting = slots_.AwaitSettled(deadline);
  if (waiting.empty()) return {};
  return Status(
      Code::kDeadlineExceeded, "not_ready",
      fmt::format("{} mounts do not serve yet; the first is {}", waiting.size(), waiting.front()));
}

Status Engine::Close(Deadline deadline) {
  if (Status status = fork_guard_.Check("Close"); !status.ok()) return status;
  if (Status status = RefuseInCallback("Close"); !status.ok()) return status;
  slots_.BeginClose();
  bool ended = jobs_->Shutdown(deadline);
  ended = starter_->Close(deadline) && ended;
  timers_.Close();
  for (const auto& slot : slots_.All()) slots_.Remove(slot, nullptr);
  const std::size_t held = drainer_.WaitIdle(deadline);
  // Whoever looked a mount up, or has just ended the last lease, may still be on the way out.
  domain_.Grace();
  domain_.AwaitReleases();
  if (held > 0) {
    return Status(Code::kDeadlineExceeded, "leases_held",
                  fmt::format("{} leases are still held; release them, then close again", held));
  }
  ended = stops_.Finish(deadline) && ended;
  if (ended) return {};
  return Status(Code::kDeadlineExceeded, "callback_running",
                "a launcher or a callback of the host has not returned, or an instance is still "
                "being stopped");
}

void Engine::StopLeased() {
  for (const auto& instance : drainer_.Instances()) (void)instance->StopNow();
}

}  // namespace plugreload::internal
