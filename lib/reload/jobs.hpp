// reload/jobs.hpp - the reloads of a runtime: queued, running, and the last ones that ended.
#ifndef PLUGRELOAD_RELOAD_JOBS_HPP_
#define PLUGRELOAD_RELOAD_JOBS_HPP_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/notifier.hpp"
#include "base/workers.hpp"
#include "namespaces/tree.hpp"
#include "plugreload/reload.hpp"
#include "reload/drainer.hpp"
#include "reload/instance.hpp"

namespace plugreload::internal {

// One mount of a report, kept small: reports of very many mounts stay for a while, and few are
// read.
struct MountRow {
  std::shared_ptr<const MountNode> node;
  std::shared_ptr<const InstanceFacts> before, now;  // what ran, what runs; null: nothing
  std::uint64_t previous_generation = 0, generation = 0;
  Generation* hidden = nullptr;  // the old one, until the report is final
  Status status;
  std::vector<HeldLease> leases;
  Millis prepare{0}, drain{0}, retire{0};
  std::int64_t commit_us = 0;
  std::uint32_t held = 0;  // leases of the old one, for good
  std::optional<VersionRule> rule;
  MountOutcome outcome = MountOutcome::kPending;
  bool drained = false;  // before or after `hidden` was noted
  bool down = false;     // `now` ran, and nothing does any more
};

// One run of a reload, for one request or for several equal ones. Guarded by Jobs::mutex_ but for
// the constant members and the stop source.
struct Job {
  ReloadRequest request;
  std::set<std::string> names;   // jobs that share a plugin's name do not overlap
  std::uint64_t not_before = 0;  // starts up to this number began before its last request
  std::stop_source cancel;

  std::vector<std::string> ids;  // the first one is the job's own
  std::map<std::string, std::int64_t> requested_at;
  std::map<std::string, PluginRef> pin_before;  // by id; of the requests that set the pin
  ReloadReport report;                          // without `mounts`
  std::vector<MountRow> rows;                   // these
  std::size_t draining = 0;                     // old generations that are still leased
  std::size_t retiring = 0;                     // old instances that are not stopped yet
  bool started = false;
  bool guest = false;      // whoever asked lends the thread
  bool waiting = false;    // the run has nothing left to do but to wait for these two
  bool committed = false;  // too late to cancel
  bool answered = false;   // the blocking caller has been given the report
  bool ended = false;
};

struct JobLimits {
  std::size_t running = 4;
  std::size_t queued = 256;
  std::size_t history = 256;
};

// kNotFound "reload_not_found".
Status UnknownReload(std::string_view reload_id);

// Thread safety: safe for concurrent use.
class Jobs {
 public:
  // `last_start` tells the number of the newest start; `run` carries a job out on a worker thread
  // and answers it.
  Jobs(JobLimits limits, Drainer* drainer, Notifier* notifier,
       std::function<std::uint64_t()> last_start,
       std::function<void(const std::shared_ptr<Job>&)> run);

  // Queues the request, or joins an equal one that waits. The reload_id.
  Result<std::string> Submit(const ReloadRequest& request, std::set<std::string> names,
                             std::optional<PluginRef> pin_before = std::nullopt);
  // The same for a caller that is going to wait for the answer: when nothing is in the way the
  // reload is carried out on this thread, before the call returns.
  Result<std::string> Carry(const ReloadRequest& request, std::set<std::string> names,
                            std::optional<PluginRef> pin_before = std::nullopt);
  std::optional<ReloadRequest> RequestOf(std::string_view reload_id) const;
  bool Has(std::string_view reload_id) const;
  std::optional<ReloadReport> Find(std::string_view reload_id) const;
  Result<ReloadReport> Wait(std::string_view reload_id, Deadline deadline,
                            ReloadCoordinator::Until until) const;
  Status Cancel(std::string_view reload_id);

  // For the run of a job. `edit` works on the report under the lock: short.
  void Edit(Job& job, const std::function<void(Job&)>& edit);
  void Enter(Job& job, ReloadPhase phase);
  // From now on Cancel is refused. False: it has been cancelled before.
  bool Commit(Job& job);
  // Drains or retirements have ended, as `edit` notes; the last one answers and ends a job whose
  // run waits for nothing else.
  void Settle(const std::shared_ptr<Job>& job, const std::function<void(Job&)>& edit);
  // Waits until no old generation is leased, or no old instance runs. False at the deadline.
  bool AwaitDrained(Job& job, Deadline deadline);
  bool AwaitRetired(const Job& job, Deadline deadline);
  // Gives the report to who waits, and ends the job unless something drains or retires behind it.
  enum class Rest { kAwait, kAbandon };
  void Answer(Job& job, Rest rest);

  // Cancels what is queued or not committed, refuses new requests, waits for runs to end. False:
  // some had not at the deadline.
  bool Shutdown(Deadline deadline);

 private:
  // `guest`: null when the job was joined, or has to wait for a worker.
  Result<std::string> Enqueue(const ReloadRequest& request, std::set<std::string> names,
                              std::optional<PluginRef> pin_before, std::shared_ptr<Job>* guest);
  void StartWhatCan() PLUGRELOAD_REQUIRES(mutex_);
  void Leave(const std::shared_ptr<Job>& job) PLUGRELOAD_REQUIRES(mutex_);
  void Drained(Job& job) PLUGRELOAD_REQUIRES(mutex_);
  void Split(Job& job, const std::string& id) PLUGRELOAD_REQUIRES(mutex_);
  void End(Job& job) PLUGRELOAD_REQUIRES(mutex_);
  void Count(const Job& job) PLUGRELOAD_REQUIRES(mutex_);
  // All but the mounts.
  ReloadReport HeadFor(const Job& job, std::string_view reload_id) const
      PLUGRELOAD_REQUIRES(mutex_);
  // The mounts, under the lock unless it has ended, since when nothing changes any more.
  void AddMounts(const Job& job, ReloadReport& report) const;
  void CountDraining(MountRow& row) const;
  void Tell(EventKind kind, const Job& job) PLUGRELOAD_REQUIRES(mutex_);
  std::string HeldText(const Job& job) const PLUGRELOAD_REQUIRES(mutex_);

  const JobLimits limits_;
  Drainer* const drainer_;
  Notifier* const notifier_;
  const std::function<std::uint64_t()> last_start_;
  const std::function<void(const std::shared_ptr<Job>&)> run_;
  mutable Mutex mutex_;
  mutable CondVar changed_;  // for callers: something was answered or has ended
  CondVar settled_;          // for runs: all has drained, or has been retired
  std::deque<std::shared_ptr<Job>> queue_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Job>> running_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Job>, std::less<>> by_id_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::deque<std::string> ended_ PLUGRELOAD_GUARDED_BY(mutex_);  // oldest first
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::size_t guests_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;  // callers that carry a job out
  Workers workers_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_JOBS_HPP_
