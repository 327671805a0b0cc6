// The stop_first half of ReloadRun: hold, drain, stop the old, start the new, serve.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "reload/latch.hpp"
#include "reload/run.hpp"

namespace plugreload::internal {
namespace {

Millis Since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
}

}  // namespace

// What is out of service meanwhile.
struct ReloadRun::Held {
  std::map<std::size_t, Generation*> hidden;  // by mount; only those that served
  std::set<std::size_t> gone;                 // unmounted meanwhile
  std::shared_ptr<Instance> old;              // null: nothing ran
  std::optional<LaunchSpec> previous;         // how to go back
  Millis drain{0}, retire{0};
};

// A process that is stopped takes every mount down that it serves.
Status ReloadRun::CheckAlone(const Group& group) const {
  std::set<const Slot*> inside;
  std::set<std::shared_ptr<Instance>> instances;
  for (const std::size_t index : group.mounts) inside.insert(plan_.mounts[index].slot.get());
  for (const std::size_t index : group.mounts) {
    const auto instance = parts_.slots->Serving(*plan_.mounts[index].slot);
    if (instance == nullptr) continue;
    instances.insert(instance);
    for (const auto& user : parts_.slots->UsersOf(*instance)) {
      if (inside.contains(user.slot.get())) continue;
      const MountEntry entry = parts_.slots->Entry(*user.slot);
      return Status(Code::kFailedPrecondition, "shared_outside",
                    fmt::format("{} cannot be stopped first: it also serves {} in namespace "
                                "\"{}\", which is not part of this step; reload that mount too, "
                                "or use start_first",
                                instance->name(), entry.path, entry.ns));
    }
  }
  if (instances.size() > 1) {
    return Status(Code::kFailedPrecondition, "several_instances",
                  "the mounts that will share one process run in several now, which cannot be "
                  "stopped first together; reload them one by one");
  }
  return {};
}

bool ReloadRun::HoldAll(Group& group, Held& held) {
  for (const std::size_t index : group.mounts) {
    const auto& slot = plan_.mounts[index].slot;
    if (const auto instance = parts_.slots->Serving(*slot)) {
      held.old = instance;
      held.previous = instance->spec();
    }
    const Result<Generation*> hidden = parts_.slots->Hold(slot);
    if (!hidden.ok()) {
      held.gone.insert(index);
      Fail(index, MountOutcome::kSkipped, hidden.status());
    } else if (*hidden != nullptr) {
      held.hidden[index] = *hidden;
    }
  }
  std::erase_if(group.mounts, [&](std::size_t index) { return held.gone.contains(index); });
  return !group.mounts.empty();
}

bool ReloadRun::Drain(const Group& group, Held& held) {
  const auto begin = Clock::now();
  const auto latch = std::make_shared<Latch>(held.hidden.size());
  for (const auto& [index, generation] : held.hidden) {
    parts_.drainer->Add(generation, [latch] { latch->Arrive(); });
  }
  Millis timeout{0};
  for (const std::size_t index : group.mounts) timeout = std::max(timeout, DrainTimeout(index));
  const bool drained = latch->Await(After(timeout));
  held.drain = Since(begin);
  return drained;
}

// The drain took too long: the old instance goes on.
void ReloadRun::Reopen(const Group& group, Held& held) {
  for (const std::size_t index : group.mounts) {
    const auto& slot = plan_.mounts[index].slot;
    const auto hidden = held.hidden.find(index);
    std::uint32_t leases = 0;
    if (hidden != held.hidden.end()) {
      leases = parts_.drainer->Held(hidden->second);
      // Drained in the meantime: it comes back as a new generation of the same instance.
      if (!parts_.drainer->Withdraw(hidden->second)) {
        (void)Serve(index, held.old);
      } else if (!parts_.slots->Reopen(slot, hidden->second)) {
        parts_.slots->FailHeld(slot, Status(Code::kUnavailable, "exited",
                                            "the instance ended while the mount was held"));
      }
    } else {
      parts_.slots->FailHeld(slot, Status(Code::kUnavailable, "not_started",
                                          "nothing served the mount when the reload began, and the "
                                          "reload has failed"));
    }
    Fail(index, MountOutcome::kFailed,
         Status(Code::kDeadlineExceeded, "drain_timeout",
                fmt::format("{} leases of {} were still held after {} ms, so {} goes on serving; "
                            "use force to stop it under them",
                            leases, plan_.mounts[index].entry.path, held.drain.count(),
                            held.old == nullptr ? "nothing" : held.old->name())));
    parts_.jobs->Edit(*job_, [&](Job& job) { job.report.mounts[index].draining = leases; });
  }
}

void ReloadRun::StopOld(Held& held) {
  if (held.old == nullptr) return;
  const auto begin = Clock::now();
  const Deadline deadline = After(StopBudget(held.old->spec().plugin.timeouts));
  const auto latch = std::make_shared<Latch>(1);
  held.old->OnRetired([latch](const Status&, Millis) { latch->Arrive(); });
  held.old.reset();
  // Without force this was the last use: its generations have drained.
  (void)latch->Await(deadline);
  held.retire = Since(begin);
}

StartResult ReloadRun::StartAndWait(const std::string& key, LaunchSpec spec) {
  const std::uint64_t not_before = parts_.starter->last_number();
  const auto ticket = parts_.starter->Start(key, std::move(spec), not_before,
                                            job_->request.start_timeout);
  const auto latch = std::make_shared<Latch>(1);
  const auto answer = std::make_shared<std::optional<StartResult>>();
  ticket->Then([latch, answer](const StartResult& result) {
    answer->emplace(result);
    latch->Arrive();
  });
  // The ticket ends by itself, with the deadlines of the start.
  while (!latch->Await(After(std::chrono::hours(1)))) {
  }
  return **answer;
}

bool ReloadRun::Serve(std::size_t index, const std::shared_ptr<Instance>& instance) {
  const auto installed =
      parts_.slots->Install(plan_.mounts[index].slot, instance, std::nullopt, nullptr);
  if (!installed.ok()) {
    parts_.slots->FailHeld(plan_.mounts[index].slot, installed.status());
    return false;
  }
  parts_.jobs->Edit(*job_, [&](Job& job) {
    MountReport& report = job.report.mounts[index];
    report.running_version = instance->spec().plugin.ref.version;
    report.generation = installed->number;
    report.instance = instance->name();
    report.sealed = instance->info().sealed;
  });
  return true;
}

void ReloadRun::StartNew(const Group& group, const Held& held) {
  const auto begin = Clock::now();
  StartResult started = StartAndWait(plan_.mounts[group.mounts.front()].key, SpecOf(group));
  Status error = started.status();
  StartResult serving = std::move(started);
  const bool back = !serving.ok() && held.previous;
  if (back) {
    // Once, as it ran before; a second failure is for a person.
    const PlannedMount& first = plan_.mounts[group.mounts.front()];
    serving = StartAndWait(ProcessKey(held.previous->plugin, first.entry), *held.previous);
  }
  for (const std::size_t index : group.mounts) {
    const auto& slot = plan_.mounts[index].slot;
    if (!serving.ok()) {
      const Status both = !back ? error
                                : error.WithContext(fmt::format(
                                      "nothing serves any more: the previous version did not start "
                                      "again either ({}); the new one",
                                      serving.status().message()));
      parts_.slots->FailHeld(slot, both);
      parts_.jobs->Edit(*job_, [&](Job& job) { job.report.mounts[index].instance.clear(); });
      Fail(index, MountOutcome::kFailed, both);
    } else if (Serve(index, *serving) && !back) {
      parts_.jobs->Edit(*job_, [&](Job& job) {
        MountReport& report = job.report.mounts[index];
        report.outcome = MountOutcome::kReloaded;
        report.prepare = Since(begin);
        report.drain = held.drain;
        report.retire = held.retire;
        ++job.report.reloaded;
      });
    } else {
      Fail(index, MountOutcome::kFailed,
           error.ok() ? Status(Code::kNotFound, "unmounted", "the mount was removed meanwhile")
                      : error.WithContext("the new version did not start, the previous one runs "
                                          "again"));
    }
  }
}

void ReloadRun::StopFirst(Group& group) {
  if (cancelled()) {
    FailGroup(group, MountOutcome::kCancelled,
              Status(Code::kCancelled, "cancelled", "the reload was cancelled before this step"));
    return;
  }
  if (const Status status = CheckAlone(group); !status.ok()) {
    FailGroup(group, MountOutcome::kFailed, status);
    return;
  }
  parts_.jobs->Commit(*job_);  // from here on the old instance is going
  Held held;
  if (!HoldAll(group, held)) return;
  if (!Drain(group, held)) {
    if (!job_->request.force) {
      Reopen(group, held);
      return;
    }
    // Asked for: the leases lose their instance. Their generations drain behind.
    if (held.old != nullptr) (void)held.old->StopNow();
    held.old.reset();
  }
  StopOld(held);
  StartNew(group, held);
}

}  // namespace plugreload::internal
