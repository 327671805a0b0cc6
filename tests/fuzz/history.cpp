#include "fuzz/history.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plugreload::fuzz {
namespace {

constexpr Millis kPatience{30'000};

void Must(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "the history could not be made: %.*s\n", static_cast<int>(what.size()),
               what.data());
  std::abort();
}

ReloadRequest Named(std::string reload_id, PluginType type, std::string plugin) {
  ReloadRequest request;
  request.target = ByPlugin{type, std::move(plugin)};
  request.reach = Reach::kSubtree;
  request.reload_id = std::move(reload_id);
  return request;
}

void Ends(Runtime& runtime, const ReloadRequest& request, ReloadState state,
          ReloadCoordinator::Until until = ReloadCoordinator::Until::kEnd) {
  const auto report = runtime.reloads().Wait(request.reload_id, After(kPatience), until);
  Must(report.ok() && report->state == state, request.reload_id);
}

void Submit(Runtime& runtime, const ReloadRequest& request) {
  const auto submitted = runtime.reloads().Submit(request);
  Must(submitted.ok(), submitted.status().ToString());
}

}  // namespace

void Starter::Become(Mode mode) {
  const std::scoped_lock lock(mutex_);
  mode_ = mode;
  changed_.notify_all();
}

void Starter::WaitHanging() {
  std::unique_lock lock(mutex_);
  Must(changed_.wait_for(lock, kPatience, [&] { return hanging_ > 0; }), "no start hangs");
}

std::shared_ptr<Launcher> Starter::NewLauncher() {
  CallbackLauncherOptions callbacks;
  callbacks.start = [this](const LaunchSpec&, const StartContext& context) {
    return Start(context);
  };
  return NewCallbackLauncher(std::move(callbacks));
}

Result<std::shared_ptr<void>> Starter::Start(const StartContext& context) {
  std::unique_lock lock(mutex_);
  ++hanging_;
  changed_.notify_all();
  changed_.wait(lock, context.cancel, [&] { return mode_ != Mode::kHang; });
  --hanging_;
  if (mode_ == Mode::kHang) return Status(Code::kCancelled, "cancelled", "no longer wanted");
  if (mode_ == Mode::kRefuse) return Status(Code::kUnavailable, "refused", "told not to start");
  return std::shared_ptr<void>(std::make_shared<int>(0));
}

PluginLease MakeHistory(Runtime& runtime, Starter& starter) {
  const ReloadRequest done = Named("r1", PluginType::kSecret, "kv");
  Submit(runtime, done);
  Ends(runtime, done, ReloadState::kDone);

  starter.Become(Starter::Mode::kRefuse);
  const ReloadRequest failed = Named("r2", PluginType::kSecret, "kv");
  Submit(runtime, failed);
  Ends(runtime, failed, ReloadState::kFailed);

  starter.Become(Starter::Mode::kHang);
  const ReloadRequest cancelled = Named("r3", PluginType::kDatabase, "pg");
  Submit(runtime, cancelled);
  starter.WaitHanging();
  Must(runtime.reloads().Cancel("r3").ok(), "r3 is not cancelled");
  Ends(runtime, cancelled, ReloadState::kCancelled);
  starter.Become(Starter::Mode::kStart);

  auto lease = runtime.reloads().Acquire("team/a", "kv/x", kPatience);
  Must(lease.ok(), "no lease");
  lease->Tag("a long upload");
  ReloadRequest draining = Named("r4", PluginType::kSecret, "kv");
  draining.drain_timeout = Millis{1};
  Submit(runtime, draining);
  Ends(runtime, draining, ReloadState::kDraining, ReloadCoordinator::Until::kAnswer);

  starter.Become(Starter::Mode::kHang);
  ReloadRequest hanging = Named("r5", PluginType::kAuth, "ldap");
  Submit(runtime, hanging);
  starter.WaitHanging();
  hanging.reload_id = "r6";
  Submit(runtime, hanging);
  return *std::move(lease);
}

void MakeGlobalHistory(Runtime& runtime, Runtime& other, Starter& starter_of_other) {
  const auto global = [](std::string reload_id) {
    ReloadRequest request = Named(std::move(reload_id), PluginType::kSecret, "kv");
    request.scope = Scope::kGlobal;
    return request;
  };
  ReloadRequest done = global("g1");
  Submit(runtime, done);
  Ends(runtime, done, ReloadState::kDone);
  Ends(other, done, ReloadState::kDone);

  starter_of_other.Become(Starter::Mode::kRefuse);
  ReloadRequest failed = global("g2");
  failed.strategy = Strategy::kRolling;
  Submit(runtime, failed);
  Ends(runtime, failed, ReloadState::kFailed);

  starter_of_other.Become(Starter::Mode::kHang);
  Submit(runtime, global("g3"));
  starter_of_other.WaitHanging();
}

}  // namespace plugreload::fuzz
