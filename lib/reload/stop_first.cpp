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
  bool draining = false;  // the drainer has the hidden ones
};

// A process that is stopped takes every mount down that it serves.
Status ReloadRun::CheckAlone(const Group& group) const {
  return parts_.slots->CheckAlone(SlotsOf(plan_, group.number));
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
  if (held.old == nullptr) return !group.mounts.empty();
  // Nobody new may join what is going; who joined since the first look makes it stay.
  parts_.starter->Forget(*held.old);
  const auto users = parts_.slots->UsersOf(*held.old);
  if (users.empty()) return !group.mounts.empty();
  Reopen(group, held, SharedOutside(*held.old, parts_.slots->Entry(*users.front().slot)));
  return false;
}

bool ReloadRun::Drain(const Group& group, Held& held) {
  const auto begin = Clock::now();
  held.draining = true;
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

Status ReloadRun::ReopenMount(std::size_t index, Held& held) {
  const auto hidden = held.hidden.find(index);
  if (hidden == held.hidden.end()) {
    return Status(Code::kUnavailable, "not_serving",
                  "nothing served the mount when the reload began");
  }
  // Drained in the meantime: it comes back as a new generation of the same instance.
  if (held.draining && !parts_.drainer->Withdraw(hidden->second)) return Serve(index, held.old);
  return parts_.slots->Reopen(plan_.mounts[index].slot, hidden->second);
}

// The old instance goes on, and `status` says why.
void ReloadRun::Reopen(const Group& group, Held& held, const Status& status) {
  for (const std::size_t index : group.mounts) {
    std::uint32_t leases = 0;
    if (const auto hidden = held.hidden.find(index); hidden != held.hidden.end()) {
      leases = parts_.drainer->Held(hidden->second);
    }
    const Status reopened = ReopenMount(index, held);
    if (reopened.code() == Code::kNotFound) {
      Fail(index, MountOutcome::kSkipped, reopened);
      continue;
    }
    if (!reopened.ok()) parts_.supervisor->Restart(plan_.mounts[index].slot, reopened);
    Fail(index, MountOutcome::kFailed,
         leases == 0 ? status
                     : status.WithContext(fmt::format("{} leases of {} are held", leases,
                                                      plan_.mounts[index].entry().path)));
    parts_.jobs->Edit(*job_, [&](Job& job) { job.rows[index].held = leases; });
  }
}

// False: somebody else uses the old instance still, and it serves again.
bool ReloadRun::StopOld(const Group& group, Held& held) {
  if (held.old == nullptr) return true;
  const auto begin = Clock::now();
  const Deadline deadline = After(StopBudget(held.old->spec().plugin.timeouts));
  const auto latch = std::make_shared<Latch>(1);
  held.old->OnRetired([latch](const Status&, Millis) { latch->Arrive(); });
  const std::weak_ptr<Instance> last = held.old;
  held.old.reset();
  const bool retired = latch->Await(deadline);
  held.retire = Since(begin);
  // A mount that was being made joined it before it was forgotten. Under force its leases keep it,
  // but it is stopped.
  const auto old = retired || job_->request.force ? nullptr : last.lock();
  if (old == nullptr) return true;
  for (const std::size_t index : group.mounts) {
    const Status served = Serve(index, old);
    const bool gone = served.code() == Code::kNotFound;
    if (!served.ok() && !gone) parts_.supervisor->Restart(plan_.mounts[index].slot, served);
    Fail(index, gone ? MountOutcome::kSkipped : MountOutcome::kFailed,
         gone ? served
              : Status(Code::kFailedPrecondition, "shared_outside",
                       fmt::format("{} serves a mount that was made meanwhile, so it goes on; "
                                   "reload that mount too, or use start_first",
                                   old->name())));
  }
  return false;
}

StartResult ReloadRun::StartAndWait(const std::string& key, LaunchSpec spec) {
  const std::uint64_t not_before = parts_.starter->last_number();
  const auto ticket = parts_.starter->Start(
      key, [&] { return std::move(spec); }, not_before, job_->request.start_timeout);
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

Status ReloadRun::Serve(std::size_t index, const std::shared_ptr<Instance>& instance) {
  const auto installed =
      parts_.slots->Install(plan_.mounts[index].slot, instance, std::nullopt, nullptr);
  if (!installed.ok()) return installed.status();
  parts_.jobs->Edit(*job_, [&](Job& job) {
    job.rows[index].now = instance->facts();
    job.rows[index].generation = installed->number;
  });
  return {};
}

void ReloadRun::StartNew(const Group& group, const Held& held) {
  const auto begin = Clock::now();
  StartResult serving = StartAndWait(KeyOf(group), SpecOf(group));
  const Status error = serving.status();
  const bool back = !serving.ok() && held.previous;
  if (back) {
    // Once, as it ran before; a second failure is for a person.
    const PlannedMount& first = plan_.mounts[group.mounts.front()];
    serving = StartAndWait(ProcessKey(held.previous->plugin, first.entry()), *held.previous);
  }
  for (const std::size_t index : group.mounts) {
    const Status served = serving.ok() ? Serve(index, *serving) : serving.status();
    if (served.ok() && !back) {
      parts_.jobs->Edit(*job_, [&](Job& job) {
        MountRow& row = job.rows[index];
        row.outcome = MountOutcome::kReloaded;
        row.prepare = Since(begin);
        row.drain = held.drain;
        row.retire = held.retire;
        ++job.report.reloaded;
      });
    } else if (served.ok()) {
      Fail(index, MountOutcome::kFailed,
           error.WithContext("the new version did not start, the previous one runs again"));
    } else {
      Lose(index, held, error, served);
    }
  }
}

// Nothing could be made to serve the mount.
void ReloadRun::Lose(std::size_t index, const Held& held, const Status& error,
                     const Status& served) {
  if (served.code() == Code::kNotFound) {
    Fail(index, MountOutcome::kSkipped, served);
    return;
  }
  const auto& slot = plan_.mounts[index].slot;
  parts_.jobs->Edit(*job_, [&](Job& job) { job.rows[index].down = true; });
  if (error.ok() || !held.previous) {
    // It ended right after its start, or nothing ran before either: the supervisor goes on trying.
    parts_.supervisor->Restart(slot, served);
    Fail(index, MountOutcome::kFailed, served);
    return;
  }
  const Status both = error.WithContext(
      fmt::format("nothing serves any more: the previous version did not start again either ({}); "
                  "the new one",
                  served.message()));
  parts_.slots->FailHeld(slot, both);
  Fail(index, MountOutcome::kFailed, both);
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
      Reopen(group, held,
             Status(Code::kDeadlineExceeded, "drain_timeout",
                    fmt::format("requests did not end within {} ms, so {} goes on serving; use "
                                "force to stop it under them",
                                held.drain.count(),
                                held.old == nullptr ? "nothing" : held.old->name())));
      return;
    }
    // Asked for: the leases lose their instance. Their generations drain behind.
    if (held.old != nullptr) (void)held.old->StopNow();
    held.old.reset();
  }
  if (StopOld(group, held)) StartNew(group, held);
}

}  // namespace plugreload::internal
