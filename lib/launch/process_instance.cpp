#include "launch/process_instance.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "launch/environment.hpp"
#include "os/procfs.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kNotifyPatience{5'000};
constexpr Millis kLongest = std::chrono::hours(24 * 365);

Millis Bounded(Millis time) { return std::clamp(time, Millis{0}, kLongest); }

Deadline Now() { return std::chrono::steady_clock::now(); }

}  // namespace

ProcessInstance::ProcessInstance(std::shared_ptr<LauncherCore> core,
                                 std::shared_ptr<const Image> image, InstanceDirectory directory,
                                 std::shared_ptr<Process> process, const PluginTimeouts& timeouts)
    : core_(std::move(core)),
      image_(std::move(image)),
      process_(std::move(process)),
      timeouts_(timeouts),
      directory_(std::move(directory)) {}

ProcessInstance::~ProcessInstance() {
  process_->Disarm(After(kNotifyPatience));
  [[maybe_unused]] const Status status = Stop(
      After(Bounded(timeouts_.graceful) + Bounded(timeouts_.terminate) + Bounded(timeouts_.kill)));
}

Status ProcessInstance::Stop(Deadline deadline) {
  process_->Disarm(Now());
  const Deadline start = Now();
  const auto left = std::max(deadline - start, Deadline::duration::zero());
  const Deadline last = deadline - std::min<Deadline::duration>(Bounded(timeouts_.kill), left / 4);
  process_->CloseLiveness();
  if (timeouts_.graceful > Millis{0}) {
    process_->WaitEnded(std::min(After(Bounded(timeouts_.graceful)), last));
  }
  if (!process_->ended()) {
    process_->Signal(SIGTERM);
    process_->Signal(SIGCONT);  // a stopped process takes no SIGTERM
    process_->WaitEnded(std::min(After(Bounded(timeouts_.terminate)), last));
  }
  process_->Signal(SIGKILL);
  const Deadline killed = std::min(After(Bounded(timeouts_.kill)), deadline);
  if (!process_->WaitFinished(killed)) {
    return Status(
        Code::kDeadlineExceeded, "unkillable",
        fmt::format(
            "process {} has not ended, {} after SIGTERM and SIGKILL to its group", process_->pid(),
            fmt::format("{} ms", std::chrono::duration_cast<Millis>(Now() - start).count())));
  }
  return RemoveRest(std::max(deadline, killed));
}

void ProcessInstance::Kill() {
  process_->CloseLiveness();
  process_->Signal(SIGKILL);
  if (process_->WaitFinished(After(std::max(Bounded(timeouts_.kill), Millis{2'000})))) {
    [[maybe_unused]] const Status status = RemoveRest(After(timeouts_.kill));
  }
}

// One of several callers does it, without a lock; the others wait for that one.
Status ProcessInstance::RemoveRest(Deadline deadline) {
  {
    const MutexLock lock(rest_mutex_);
    while (rest_ == Rest::kGoing) {
      if (!rest_changed_.WaitUntil(rest_mutex_, deadline)) {
        return Status(Code::kDeadlineExceeded, "unkillable",
                      "the deadline passed while its directory was removed");
      }
    }
    if (rest_ == Rest::kGone) return {};
    rest_ = Rest::kGoing;
  }
  // Reading all of /proc is dear, and asks processes that may be stuck: only when something tells
  // that a process left the group.
  if (process_->may_have_escaped()) {
    // With the NUL that ends it: directory 1 must not be taken for 10.
    KillByEnvironment(kSocketDirectoryEntry + directory_.path() + '\0');
  }
  directory_.Remove(info_.endpoint);
  const MutexLock lock(rest_mutex_);
  rest_ = Rest::kGone;
  rest_changed_.NotifyAll();
  return {};
}

}  // namespace plugreload::internal
