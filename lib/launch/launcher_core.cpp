#include "launch/launcher_core.hpp"

#include <utility>

#include "launch/environment.hpp"

namespace plugreload::internal {
namespace {
// For a child that no signal ends; its thread's end is the last signal it gets.
constexpr Millis kLastWait{2'000};
}  // namespace

LauncherCore::LauncherCore(ProcessLauncherOptions options)
    : options_(std::move(options)),
      base_env_(InheritedEnvironment(options_.inherit_env)),
      courier_(options_.log) {
  base_env_.insert(base_env_.end(), options_.env.begin(), options_.env.end());
}

Result<std::shared_ptr<LauncherCore>> LauncherCore::Create(ProcessLauncherOptions options) {
  const std::shared_ptr<LauncherCore> core(new LauncherCore(std::move(options)));
  Result<std::unique_ptr<Poller>> poller = Poller::Create();
  if (!poller.ok()) return poller.status();
  core->poller_ = *std::move(poller);
  Result<std::unique_ptr<RunDirectory>> run =
      RunDirectory::Create(core->options_.run_directory, [&core](std::string message) {
        core->courier_.Log(LogLevel::kWarn, nullptr, std::move(message));
      });
  if (!run.ok()) return run.status();
  core->run_ = *std::move(run);
  return core;
}

LauncherCore::~LauncherCore() {
  const Deadline deadline = After(kLastWait);
  const MutexLock lock(mutex_);
  while (children_ > 0) {
    if (!none_left_.WaitUntil(mutex_, deadline)) break;
  }
}

void LauncherCore::CountChild() {
  const MutexLock lock(mutex_);
  ++children_;
}

void LauncherCore::ForgetChild() {
  const MutexLock lock(mutex_);
  --children_;
  none_left_.NotifyAll();
}

}  // namespace plugreload::internal
