#include "reload/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace plugreload::internal {
namespace {

Millis Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
}

Status CancelledStatus() {
  return Status(Code::kCancelled, "cancelled", "the reload was cancelled before it committed");
}

}  // namespace

void ReloadRun::Execute() {
  parts_.jobs->Enter(*job_, ReloadPhase::kPlan);
  if (MakePlan()) {
    MakeGroups();
    parts_.jobs->Enter(*job_, ReloadPhase::kPrepare);
    StartFirst();
    for (Group& group : stop_first_) StopFirst(group);
  }
  // For a cancel that comes now there is nothing left to stop.
  parts_.jobs->Commit(*job_);
  WatchRetirement();
  Finish();
}

bool ReloadRun::MakePlan() {
  Result<Planned> planned = parts_.planner->Plan(job_->request);
  if (!planned.ok()) return false;  // the namespace went while the request waited
  plan_ = *std::move(planned);
  parts_.jobs->Edit(*job_, [&](Job& job) {
    job.report.revision = plan_.revision;
    job.rows.reserve(plan_.mounts.size());
    for (const PlannedMount& mount : plan_.mounts) {
      MountRow& row = job.rows.emplace_back();
      row.node = mount.node;
      row.previous_generation = row.generation = mount.now.generation;
      row.before = row.now = mount.now.facts;
      if (mount.resolution) row.rule = mount.resolution->rule;
    }
  });
  return true;
}

void ReloadRun::MakeGroups() {
  bool refused = false;
  // By Planned::keys and order.
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<std::array<std::size_t, 2>> groups(plan_.keys.size(), {kNone, kNone});
  for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
    const PlannedMount& mount = plan_.mounts[i];
    if (!mount.status.ok()) {
      Fail(i, mount.skip ? MountOutcome::kSkipped : MountOutcome::kFailed, mount.status);
      refused = refused || !mount.skip;
      continue;
    }
    auto& list = mount.order == Order::kStopFirst ? stop_first_ : start_first_;
    std::size_t& known = groups[mount.group][mount.order == Order::kStopFirst ? 1 : 0];
    if (known == kNone) {
      known = list.size();
      list.emplace_back().number = mount.group;
    }
    list[known].mounts.push_back(i);
  }
  if (refused && job_->request.policy == Policy::kAllOrNothing) {
    Abandon(MountOutcome::kFailed, Status(Code::kAborted, "all_or_nothing",
                                          "another mount of the reload cannot be "
                                          "reloaded, and all_or_nothing was asked for"));
    start_first_.clear();
  }
}

LaunchSpec ReloadRun::SpecOf(const Group& group) const {
  const PlannedMount& first = plan_.mounts[group.mounts.front()];
  return parts_.make_spec(first.resolution->spec, first.entry());
}

Millis ReloadRun::DrainTimeout(std::size_t index) const {
  return job_->request.drain_timeout.value_or(plan_.mounts[index].resolution->spec.timeouts.drain);
}

void ReloadRun::Fail(std::size_t index, MountOutcome outcome, const Status& status) {
  parts_.jobs->Edit(*job_, [&](Job& job) {
    job.rows[index].outcome = outcome;
    job.rows[index].status = status;
    if (outcome == MountOutcome::kFailed) ++job.report.failed;
    if (outcome == MountOutcome::kSkipped) ++job.report.skipped;
    if (outcome == MountOutcome::kCancelled) job.report.state = ReloadState::kCancelled;
  });
}

void ReloadRun::FailGroup(const Group& group, MountOutcome outcome, const Status& status) {
  for (const std::size_t index : group.mounts) Fail(index, outcome, status);
}

// Gives up every start_first group that has not committed.
void ReloadRun::Abandon(MountOutcome outcome, const Status& status) {
  for (Group& group : start_first_) {
    if (group.arrived && group.ready == nullptr) continue;  // committed, or failed by itself
    if (group.ticket != nullptr) group.ticket->Leave();
    group.ticket = nullptr;
    group.ready = nullptr;
    group.arrived = true;
    FailGroup(group, outcome, status);
  }
}

void ReloadRun::BeginGroup(std::size_t index, const std::shared_ptr<Arrivals>& arrivals) {
  Group& group = start_first_[index];
  group.begin = Clock::now();
  group.ticket = parts_.starter->Start(
      KeyOf(group), [&] { return SpecOf(group); }, job_->not_before, job_->request.start_timeout);
  group.ticket->Then([arrivals, index](const StartResult& result) {
    const MutexLock lock(arrivals->mutex);
    arrivals->results.emplace_back(index, result);
    arrivals->changed.NotifyAll();
  });
}

void ReloadRun::StartFirst() {
  if (start_first_.empty()) return;
  const auto arrivals = std::make_shared<Arrivals>();
  for (std::size_t i = 0; i < start_first_.size(); ++i) BeginGroup(i, arrivals);
  const std::stop_callback wake(job_->cancel.get_token(), [arrivals] {
    const MutexLock lock(arrivals->mutex);
    arrivals->changed.NotifyAll();
  });
  std::size_t left = start_first_.size();
  while (left > 0) {
    std::optional<std::pair<std::size_t, StartResult>> arrival;
    {
      const MutexLock lock(arrivals->mutex);
      // Bounded by the deadlines of the tickets.
      while (arrivals->results.empty() && !cancelled()) {
        arrivals->changed.WaitUntil(arrivals->mutex, After(std::chrono::hours(1)));
      }
      if (!cancelled()) {
        arrival = std::move(arrivals->results.front());
        arrivals->results.pop_front();
      }
    }
    if (!arrival) {
      Abandon(MountOutcome::kCancelled, CancelledStatus());
      return;
    }
    Group& group = start_first_[arrival->first];
    if (group.arrived) return;  // all_or_nothing has been abandoned
    Arrived(group, arrival->second, --left);
  }
}

void ReloadRun::Arrived(Group& group, const StartResult& result, std::size_t left) {
  const bool together = job_->request.policy == Policy::kAllOrNothing;
  group.arrived = true;
  group.ticket = nullptr;
  if (!result.ok()) {
    FailGroup(group, MountOutcome::kFailed, result.status());
    if (together) {
      Abandon(MountOutcome::kFailed,
              Status(Code::kAborted, "all_or_nothing",
                     fmt::format("nothing was reloaded, because all_or_nothing was asked for and "
                                 "the start for {} failed",
                                 plan_.mounts[group.mounts.front()].entry().path)));
    }
    return;
  }
  group.ready = *result;
  if (!together) {
    CommitGroup(group, left == 0 && stop_first_.empty());
    return;
  }
  if (left > 0) return;
  for (const Group& ready : start_first_) {
    if (!ready.ready->dead()) continue;
    Abandon(MountOutcome::kFailed,
            Status(Code::kAborted, "all_or_nothing",
                   fmt::format("nothing was reloaded, because all_or_nothing was asked for and {} "
                               "ended before the others were ready",
                               ready.ready->name())));
    return;
  }
  if (!parts_.jobs->Commit(*job_)) {
    Abandon(MountOutcome::kCancelled, CancelledStatus());
    return;
  }
  for (Group& ready : start_first_) CommitGroup(ready, false);
}

void ReloadRun::CommitGroup(Group& group, bool last) {
  const std::shared_ptr<Instance> instance = std::move(group.ready);
  group.ready = nullptr;
  if (last && !parts_.jobs->Commit(*job_)) {
    FailGroup(group, MountOutcome::kCancelled, CancelledStatus());
    return;
  }
  const Millis prepare = Since(group.begin);
  CommitMounts(group, instance, prepare);
}

// A mount that has moved out of the namespace that was asked for is not to be touched.
Status ReloadRun::CheckStillCovered(const MountEntry& before, const MountEntry& now) const {
  const std::string& ns = job_->request.ns;
  const bool below = std::holds_alternative<ByPlugin>(job_->request.target) &&
                     job_->request.reach == Reach::kSubtree;
  if (below ? now.ns.starts_with(ns) : now.ns == ns) return {};
  return Status(Code::kNotFound, "moved",
                fmt::format("the mount {} has moved to {} in namespace \"{}\" meanwhile",
                            before.path, now.path, now.ns));
}

void ReloadRun::CommitMounts(const Group& group, const std::shared_ptr<Instance>& instance,
                             Millis prepare) {
  Jobs* const jobs = parts_.jobs;
  std::vector<Slots::Swap> swaps(group.mounts.size());
  for (std::size_t i = 0; i < swaps.size(); ++i) {
    swaps[i].slot = plan_.mounts[group.mounts[i]].slot;
    swaps[i].node = plan_.mounts[group.mounts[i]].node;
  }
  jobs->Edit(*job_, [&](Job& job) { job.draining += swaps.size(); });
  const auto begin = Clock::now();
  const auto drained = [jobs, job = job_, mounts = group.mounts,
                        begin](const std::vector<std::size_t>& places) {
    jobs->Settle(job, [&](Job& done) {
      done.draining -= places.size();
      if (done.ended) return;  // a forced reload did not wait for the leases it broke
      const Millis took = Since(begin);
      for (const std::size_t place : places) {
        done.rows[mounts[place]].drained = true;
        done.rows[mounts[place]].drain = took;
      }
    });
  };
  parts_.slots->InstallAll(
      swaps, instance,
      [this](const auto& before, const auto& now) { return CheckStillCovered(before, now); },
      drained);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  Note(group, swaps, instance, prepare, took / static_cast<std::int64_t>(swaps.size()));
}

void ReloadRun::Note(const Group& group, const std::vector<Slots::Swap>& swaps,
                     const std::shared_ptr<Instance>& instance, Millis prepare,
                     std::chrono::microseconds each) {
  std::size_t nothing_drains = 0;
  std::vector<std::size_t>* covered = nullptr;
  const Instance* last = nullptr;
  parts_.jobs->Edit(*job_, [&](Job& job) {
    for (std::size_t i = 0; i < swaps.size(); ++i) {
      const Slots::Swap& swap = swaps[i];
      const Installed& installed = swap.installed;
      if (installed.hidden == nullptr) ++nothing_drains;
      if (!swap.status.ok()) continue;
      MountRow& row = job.rows[group.mounts[i]];
      row.outcome = MountOutcome::kReloaded;
      row.previous_generation = installed.previous;
      if (installed.old != nullptr) row.before = installed.old->facts();
      row.now = instance->facts();
      row.generation = installed.number;
      row.prepare = prepare;
      row.commit_us = each.count();
      row.hidden = installed.hidden;
      ++job.report.reloaded;
      if (installed.old == nullptr) continue;
      if (installed.old.get() != last) {
        last = installed.old.get();
        covered = &old_[installed.old];
      }
      covered->push_back(group.mounts[i]);
    }
  });
  Millis patience{0};
  for (std::size_t i = 0; i < swaps.size(); ++i) {
    const Status& status = swaps[i].status;
    const std::size_t index = group.mounts[i];
    patience = std::max(patience, DrainTimeout(index));
    if (status.ok()) continue;
    const bool gone = status.code() == Code::kNotFound;
    Fail(index, gone ? MountOutcome::kSkipped : MountOutcome::kFailed, status);
  }
  drain_deadline_ = std::max(drain_deadline_, After(patience));
  if (nothing_drains > 0) {
    parts_.jobs->Settle(job_, [&](Job& job) { job.draining -= nothing_drains; });
  }
}

// The instances that nobody uses any more once their leases have ended: the report waits for them.
void ReloadRun::WatchRetirement() {
  Jobs* const jobs = parts_.jobs;
  for (const auto& [instance, mounts] : old_) {
    if (parts_.slots->HasUsers(*instance)) continue;  // neighbours keep it
    stop_budget_ = std::max(stop_budget_, StopBudget(instance->spec().plugin.timeouts));
    jobs->Edit(*job_, [](Job& job) { ++job.retiring; });
    instance->OnRetired([jobs, job = job_, covered = mounts](const Status&, Millis took) {
      jobs->Settle(job, [&](Job& done) {
        --done.retiring;
        if (done.ended) return;  // as above
        for (const std::size_t index : covered) done.rows[index].retire = took;
      });
    });
  }
}

void ReloadRun::Finish() {
  std::vector<std::weak_ptr<Instance>> old;
  for (const auto& [instance, mounts] : old_) old.push_back(instance);
  old_.clear();
  parts_.jobs->Enter(*job_, ReloadPhase::kDrain);
  if (!parts_.jobs->AwaitDrained(*job_, drain_deadline_)) {
    if (!job_->request.force) {
      parts_.jobs->Answer(*job_, Jobs::Rest::kAwait);
      return;
    }
    for (const auto& weak : old) {
      const auto instance = weak.lock();
      if (instance == nullptr || parts_.slots->HasUsers(*instance)) continue;
      (void)instance->StopNow();  // its retirement logs why it could not be stopped
    }
    parts_.jobs->Answer(*job_, Jobs::Rest::kAbandon);
    return;
  }
  parts_.jobs->AwaitRetired(*job_, After(stop_budget_));
  parts_.jobs->Answer(*job_, Jobs::Rest::kAwait);
}

}  // namespace plugreload::internal
