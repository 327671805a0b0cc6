#include "reload/jobs.hpp"

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/ids.hpp"
#include "base/unix_time.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kMostLeases = 10;

bool Equal(const ReloadRequest& a, const ReloadRequest& b) {
  if (a.target.index() != b.target.index()) return false;
  if (const auto* plugin = std::get_if<ByPlugin>(&a.target)) {
    const auto& other = std::get<ByPlugin>(b.target);
    if (plugin->type != other.type || plugin->name != other.name) return false;
  } else if (std::get<ByMounts>(a.target).paths != std::get<ByMounts>(b.target).paths) {
    return false;
  }
  return a.ns == b.ns && a.reach == b.reach && a.scope == b.scope && a.order == b.order &&
         a.policy == b.policy && a.start_timeout == b.start_timeout &&
         a.drain_timeout == b.drain_timeout && a.force == b.force;
}

bool Overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const auto& name) { return b.contains(name); });
}

// " (\"upload 7\" for 5021 ms, ...)".
std::string LeasesText(const std::vector<HeldLease>& leases) {
  constexpr std::size_t kMostNamed = 3;
  std::string text;
  for (std::size_t i = 0; i < leases.size(); ++i) {
    if (i == kMostNamed) {
      text += ", ...";
      break;
    }
    text += fmt::format("{}\"{}\" for {} ms", i == 0 ? " (" : ", ", leases[i].tag,
                        leases[i].age.count());
  }
  return text.empty() ? text : text + ")";
}

std::size_t Done(const ReloadReport& report) {
  return report.reloaded + report.failed + report.skipped;
}

}  // namespace

Status UnknownReload(std::string_view reload_id) {
  return Status(
      Code::kNotFound, "reload_not_found",
      fmt::format("no reload with the id \"{}\" is known; only the last ones are kept", reload_id));
}

Jobs::Jobs(JobLimits limits, Drainer* drainer, Notifier* notifier,
           std::function<std::uint64_t()> last_start,
           std::function<void(const std::shared_ptr<Job>&)> run)
    : limits_(limits),
      drainer_(drainer),
      notifier_(notifier),
      last_start_(std::move(last_start)),
      run_(std::move(run)),
      workers_("pr-reload", limits.running) {}

void Jobs::Tell(EventKind kind, const Job& job) {
  const ReloadReport& report = job.report;
  Event event;
  event.kind = kind;
  event.state = ReloadPhaseName(report.phase);
  event.total = job.rows.size();
  event.count = kind == EventKind::kReloadFinished ? report.failed : Done(report);
  event.message =
      kind == EventKind::kReloadDraining ? HeldText(job) : ReloadStateName(report.state);
  for (const std::string& id : job.ids) {
    event.reload_id = id;
    notifier_->Emit(event);
  }
}

// "kv/ is held by 3 leases, team/kv/ by 1", each with the oldest of them where they are known.
std::string Jobs::HeldText(const Job& job) const {
  constexpr std::size_t kMostNamed = 10;
  std::string text;
  std::size_t named = 0;
  for (MountRow row : job.rows) {
    CountDraining(row);
    if (row.held == 0) continue;
    if (++named > kMostNamed) return text + ", ...";
    text += fmt::format("{}{}{} by {}{}", text.empty() ? "" : ", ", row.node->entry.ns,
                        row.node->entry.path + (text.empty() ? " is held" : ""), row.held,
                        text.empty() ? (row.held == 1 ? " lease" : " leases") : "");
    text += LeasesText(row.leases);
  }
  return text;
}

Result<std::string> Jobs::Submit(const ReloadRequest& request, std::set<std::string> names,
                                 std::optional<PluginRef> pin_before) {
  return Enqueue(request, std::move(names), std::move(pin_before), nullptr);
}

Result<std::string> Jobs::Carry(const ReloadRequest& request, std::set<std::string> names,
                                std::optional<PluginRef> pin_before) {
  std::shared_ptr<Job> guest;
  Result<std::string> id = Enqueue(request, std::move(names), std::move(pin_before), &guest);
  if (guest == nullptr) return id;
  // Also when memory is short in it, which the caller is told: Close would wait for this one.
  const absl::Cleanup leave = [&] {
    const MutexLock lock(mutex_);
    Leave(guest);
    --guests_;
    changed_.NotifyAll();
  };
  run_(guest);
  return id;
}

Result<std::string> Jobs::Enqueue(const ReloadRequest& request, std::set<std::string> names,
                                  std::optional<PluginRef> pin_before,
                                  std::shared_ptr<Job>* guest) {
  const std::string id = request.reload_id.empty() ? NewUuid() : request.reload_id;
  const std::uint64_t last_start = last_start_();
  const MutexLock lock(mutex_);
  if (closed_) return Status(Code::kFailedPrecondition, "closed", "the runtime is closing");
  if (by_id_.contains(id)) {
    return Status(Code::kAlreadyExists, "reload_id_in_use",
                  fmt::format("a reload with the id \"{}\" exists already", id));
  }
  for (const auto& job : queue_) {
    if (!Equal(job->request, request)) continue;
    // What is started for the others in the meantime began before this request.
    job->not_before = std::max(job->not_before, last_start);
    job->ids.push_back(id);
    job->requested_at[id] = UnixMillis();
    if (pin_before) job->pin_before[id] = *std::move(pin_before);
    by_id_[id] = job;
    return id;
  }
  if (queue_.size() >= limits_.queued) {
    return Status(
        Code::kResourceExhausted, "too_many_reloads",
        fmt::format("{} reloads wait already; try again when some have ended", queue_.size()));
  }
  auto job = std::make_shared<Job>();
  job->request = request;
  job->names = std::move(names);
  job->not_before = last_start;
  job->ids.push_back(id);
  job->requested_at[id] = UnixMillis();
  if (pin_before) job->pin_before[id] = *std::move(pin_before);
  by_id_[id] = job;
  job->guest = guest != nullptr;
  Tell(EventKind::kReloadQueued, *job);
  queue_.push_back(job);
  StartWhatCan();
  if (job->guest && job->started) {
    ++guests_;
    *guest = std::move(job);
  } else {
    job->guest = false;
  }
  return id;
}

void Jobs::StartWhatCan() {
  std::set<std::string> busy;
  for (const auto& job : running_) busy.insert(job->names.begin(), job->names.end());
  for (auto next = queue_.begin(); next != queue_.end() && running_.size() < limits_.running;) {
    const std::shared_ptr<Job> job = *next;
    const bool blocked = Overlap(job->names, busy);
    // Those behind it that share a name must not overtake it.
    busy.insert(job->names.begin(), job->names.end());
    if (blocked) {
      ++next;
      continue;
    }
    next = queue_.erase(next);
    running_.insert(job);
    job->started = true;
    job->report.state = ReloadState::kRunning;
    Tell(EventKind::kReloadStarted, *job);
    if (job->guest) continue;
    workers_.Post([this, job] {
      run_(job);
      const MutexLock lock(mutex_);
      Leave(job);
    });
  }
}

// Others may run; its own thread may be on the way out still.
void Jobs::Leave(const std::shared_ptr<Job>& job) {
  if (running_.erase(job) > 0) StartWhatCan();
}

void Jobs::CountDraining(MountRow& row) const {
  if (row.hidden == nullptr || row.drained) return;
  row.leases.clear();
  row.held = drainer_->Held(row.hidden, kMostLeases, row.leases);
}

ReloadReport Jobs::HeadFor(const Job& job, std::string_view reload_id) const {
  ReloadReport report = job.report;
  report.reload_id = reload_id;
  if (job.ids.front() != reload_id) report.joined = job.ids.front();
  report.requested_at_ms = job.requested_at.find(report.reload_id)->second;
  const auto before = job.pin_before.find(report.reload_id);
  if (before != job.pin_before.end()) report.pin_before = before->second;
  return report;
}

void Jobs::AddMounts(const Job& job, ReloadReport& report) const {
  report.mounts.reserve(job.rows.size());
  for (const MountRow& row : job.rows) {
    MountReport& mount = report.mounts.emplace_back();
    mount.mount = row.node->entry;
    mount.outcome = row.outcome;
    if (row.before != nullptr) mount.previous_version = row.before->spec.plugin.ref.version;
    if (row.now != nullptr) {
      mount.running_version = row.now->spec.plugin.ref.version;
      if (!row.down) mount.instance = row.now->spec.instance;
      mount.sealed = row.outcome == MountOutcome::kReloaded && row.now->info.sealed;
    }
    mount.rule = row.rule;
    mount.previous_generation = row.previous_generation;
    mount.generation = row.generation;
    mount.status = row.status;
    mount.prepare = row.prepare;
    mount.drain = row.drain;
    mount.retire = row.retire;
    mount.commit_us = row.commit_us;
    if (row.hidden != nullptr && !row.drained) {
      MountRow counted = row;
      CountDraining(counted);
      mount.draining = counted.held;
      mount.leases = std::move(counted.leases);
    } else {
      mount.draining = row.held;
      mount.leases = row.leases;
    }
  }
}

bool Jobs::Has(std::string_view reload_id) const {
  const MutexLock lock(mutex_);
  return by_id_.find(reload_id) != by_id_.end();
}

std::optional<ReloadReport> Jobs::Find(std::string_view reload_id) const {
  std::shared_ptr<const Job> job;
  std::optional<ReloadReport> report;
  {
    const MutexLock lock(mutex_);
    const auto found = by_id_.find(reload_id);
    if (found == by_id_.end()) return std::nullopt;
    job = found->second;
    report = HeadFor(*job, reload_id);
    if (!job->ended) {
      AddMounts(*job, *report);
      return report;
    }
  }
  AddMounts(*job, *report);
  return report;
}

std::optional<ReloadRequest> Jobs::RequestOf(std::string_view reload_id) const {
  const MutexLock lock(mutex_);
  const auto job = by_id_.find(reload_id);
  if (job == by_id_.end()) return std::nullopt;
  return job->second->request;
}

Result<ReloadReport> Jobs::Wait(std::string_view reload_id, Deadline deadline,
                                ReloadCoordinator::Until until) const {
  {
    const MutexLock lock(mutex_);
    for (;;) {
      // Anew each time: a cancelled request leaves the run that it shared.
      const auto found = by_id_.find(reload_id);
      if (found == by_id_.end()) return UnknownReload(reload_id);
      const Job& job = *found->second;
      const bool there = until == ReloadCoordinator::Until::kAnswer ? job.answered : job.ended;
      if (there || std::chrono::steady_clock::now() >= deadline) break;
      changed_.WaitUntil(mutex_, deadline);
    }
  }
  auto report = Find(reload_id);
  if (!report) return UnknownReload(reload_id);
  return *std::move(report);
}

Status Jobs::Cancel(std::string_view reload_id) {
  std::shared_ptr<Job> job;
  {
    const MutexLock lock(mutex_);
    const auto found = by_id_.find(reload_id);
    if (found == by_id_.end()) return UnknownReload(reload_id);
    job = found->second;
    if (job->ended) {
      return Status(Code::kFailedPrecondition, "already_finished",
                    fmt::format("the reload {} has ended", reload_id));
    }
    if (job->committed) {
      return Status(Code::kFailedPrecondition, "already_committed",
                    fmt::format("the reload {} is past the point where it can be stopped; pin the "
                                "version before and reload to go back",
                                reload_id));
    }
    if (job->ids.size() > 1) {
      Split(*job, found->first);
      return {};
    }
    if (!job->started) {
      std::erase(queue_, job);
      job->report.state = ReloadState::kCancelled;
      job->answered = true;
      End(*job);
      StartWhatCan();
      return {};
    }
  }
  // Its callbacks wake the run: not under the lock.
  job->cancel.request_stop();
  return {};
}

// One of several that share a run wants it no more: it ends, the others go on.
void Jobs::Split(Job& job, const std::string& id) {
  auto left = std::make_shared<Job>();
  left->request = job.request;
  left->ids = {id};
  left->requested_at[id] = job.requested_at[id];
  left->report.state = ReloadState::kCancelled;
  left->answered = true;
  by_id_[id] = left;
  job.requested_at.erase(id);
  std::erase(job.ids, left->ids.front());
  End(*left);
}

void Jobs::Edit(Job& job, const std::function<void(Job&)>& edit) {
  const MutexLock lock(mutex_);
  const std::size_t before = Done(job.report);
  edit(job);
  // Of many mounts every hundredth part is told, so that nothing else falls out of the queue.
  const std::size_t now = Done(job.report), total = job.rows.size();
  const bool news = now != before && (now == total || now * 100 / total != before * 100 / total);
  if (news) Tell(EventKind::kReloadProgress, job);
}

void Jobs::Enter(Job& job, ReloadPhase phase) {
  const MutexLock lock(mutex_);
  if (job.ended || job.report.phase == phase) return;
  job.report.phase = phase;
  Tell(EventKind::kReloadProgress, job);
}

bool Jobs::Commit(Job& job) {
  const MutexLock lock(mutex_);
  if (job.cancel.stop_requested()) return false;
  job.committed = true;
  return true;
}

void Jobs::Count(const Job& job) {
  Meters& meters = notifier_->meters();
  Meters::Add(meters.reloads[static_cast<std::size_t>(job.report.state)]);
  for (const MountRow& mount : job.rows) {
    if (mount.outcome != MountOutcome::kReloaded) continue;
    const auto seconds = [](Millis time) { return static_cast<double>(time.count()) / 1e3; };
    meters.phases[0].Observe(seconds(mount.prepare));
    meters.phases[1].Observe(static_cast<double>(mount.commit_us) / 1e6);
    meters.phases[2].Observe(seconds(mount.drain));
    meters.phases[3].Observe(seconds(mount.retire));
  }
}

void Jobs::End(Job& job) {
  if (job.ended) return;
  job.ended = true;
  ReloadReport& report = job.report;
  report.finished_at_ms = UnixMillis();
  report.phase = ReloadPhase::kEnded;
  const bool cancelled = std::any_of(job.rows.begin(), job.rows.end(), [](const MountRow& mount) {
    return mount.outcome == MountOutcome::kCancelled;
  });
  if (cancelled) {
    report.state = ReloadState::kCancelled;
  } else if (report.state != ReloadState::kCancelled) {
    report.state = report.failed > 0 ? ReloadState::kFailed : ReloadState::kDone;
  }
  // By mount what is still held then, for good: generations are used again.
  for (MountRow& row : job.rows) {
    CountDraining(row);
    row.hidden = nullptr;
  }
  Count(job);
  Tell(EventKind::kReloadFinished, job);
  ended_.insert(ended_.end(), job.ids.begin(), job.ids.end());
  while (ended_.size() > limits_.history) {
    by_id_.erase(ended_.front());
    ended_.pop_front();
  }
  changed_.NotifyAll();
}

void Jobs::Drained(Job& job) {
  if (job.report.phase != ReloadPhase::kDrain) return;
  job.report.phase = ReloadPhase::kRetire;
  Tell(EventKind::kReloadProgress, job);
}

void Jobs::Settle(const std::shared_ptr<Job>& shared, const std::function<void(Job&)>& edit) {
  const MutexLock lock(mutex_);
  Job& job = *shared;
  edit(job);
  if (job.ended || job.draining > 0) return;
  if (job.waiting) Drained(job);
  if (job.retiring == 0 && (job.answered || job.waiting)) {
    // At once, without a detour by the thread of the run.
    job.answered = true;
    End(job);
    Leave(shared);
  }
  settled_.NotifyAll();
}

bool Jobs::AwaitDrained(Job& job, Deadline deadline) {
  const MutexLock lock(mutex_);
  job.waiting = true;
  while (job.draining > 0 && !closed_ && settled_.WaitUntil(mutex_, deadline)) {
  }
  job.waiting = job.draining == 0;
  if (job.waiting && !job.ended) Drained(job);
  return job.waiting;
}

bool Jobs::AwaitRetired(const Job& job, Deadline deadline) {
  const MutexLock lock(mutex_);
  while (job.retiring > 0 && !closed_ && settled_.WaitUntil(mutex_, deadline)) {
  }
  return job.retiring == 0;
}

void Jobs::Answer(Job& job, Rest rest) {
  const MutexLock lock(mutex_);
  job.answered = true;
  if (job.ended) return;
  if (job.draining + job.retiring == 0 || rest == Rest::kAbandon) {
    End(job);
  } else {
    job.report.state = ReloadState::kDraining;
    Tell(EventKind::kReloadDraining, job);
  }
  changed_.NotifyAll();
}

bool Jobs::Shutdown(Deadline deadline) {
  std::vector<std::shared_ptr<Job>> running;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
    settled_.NotifyAll();
    while (!queue_.empty()) {
      const std::shared_ptr<Job> job = queue_.front();
      queue_.pop_front();
      job->report.state = ReloadState::kCancelled;
      job->answered = true;
      End(*job);
    }
    running.assign(running_.begin(), running_.end());
  }
  for (const auto& job : running) job->cancel.request_stop();
  bool all = workers_.Close(deadline);
  const MutexLock lock(mutex_);
  while (guests_ > 0 && changed_.WaitUntil(mutex_, deadline)) {
  }
  all = all && guests_ == 0;
  // Those that had no thread yet.
  for (const auto& job : running) {
    if (job->answered || job->guest) continue;
    job->report.state = ReloadState::kCancelled;
    job->answered = true;
    End(*job);
  }
  return all;
}

}  // namespace plugreload::internal
