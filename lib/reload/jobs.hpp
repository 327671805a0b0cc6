// reload/jobs.hpp - the reloads of a runtime: queued, running, and the last ones that ended.
#ifndef PLUGRELOAD_RELOAD_JOBS_HPP_
#define PLUGRELOAD_RELOAD_JOBS_HPP_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/notifier.hpp"
#include "base/workers.hpp"
#include "plugreload/reload.hpp"
#include "reload/drainer.hpp"

namespace plugreload::internal {

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
  ReloadReport report;
  struct Hidden {
    Generation* generation = nullptr;
    bool drained = false;  // before or after it was noted here
  };
  std::vector<Hidden> hidden;  // by mount
  std::size_t draining = 0;    // old generations that are still leased
  std::size_t retiring = 0;    // old instances that are not stopped yet
  bool started = false;
  bool committed = false;  // too late to cancel
  bool answered = false;   // the blocking caller has been given the report
  bool ended = false;
};

struct JobLimits {
  std::size_t running = 4;
  std::size_t queued = 256;
  std::size_t history = 256;
};

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
  std::optional<ReloadRequest> RequestOf(std::string_view reload_id) const;
  std::optional<ReloadReport> Find(std::string_view reload_id) const;
  Result<ReloadReport> Wait(std::string_view reload_id, Deadline deadline,
                            ReloadCoordinator::Until until) const;
  Status Cancel(std::string_view reload_id);

  // For the run of a job. `edit` works on the report under the lock: short.
  void Edit(Job& job, const std::function<void(Job&)>& edit);
  void Enter(Job& job, ReloadPhase phase);
  // From now on Cancel is refused. False: it has been cancelled before.
  bool Commit(Job& job);
  // A drain or a retirement has ended, as `edit` notes; the last one ends an answered job.
  void Settle(Job& job, const std::function<void(Job&)>& edit);
  // Waits until no old generation is leased, or no old instance runs. False at the deadline.
  bool AwaitDrained(const Job& job, Deadline deadline);
  bool AwaitRetired(const Job& job, Deadline deadline);
  // Gives the report to who waits, and ends the job unless something drains or retires behind it.
  enum class Rest { kAwait, kAbandon };
  void Answer(Job& job, Rest rest);

  // Cancels what is queued or not committed, refuses new requests, waits for runs to end. False:
  // some had not at the deadline.
  bool Shutdown(Deadline deadline);

 private:
  void StartWhatCan() PLUGRELOAD_REQUIRES(mutex_);
  void Split(Job& job, const std::string& id) PLUGRELOAD_REQUIRES(mutex_);
  void End(Job& job) PLUGRELOAD_REQUIRES(mutex_);
  void Count(const ReloadReport& report);
  ReloadReport ReportFor(const Job& job, std::string_view reload_id) const
      PLUGRELOAD_REQUIRES(mutex_);
  void CountDraining(const Job& job, ReloadReport& report) const PLUGRELOAD_REQUIRES(mutex_);
  void Tell(EventKind kind, const Job& job) PLUGRELOAD_REQUIRES(mutex_);
  std::string HeldText(const Job& job) const PLUGRELOAD_REQUIRES(mutex_);

  const JobLimits limits_;
  Drainer* const drainer_;
  Notifier* const notifier_;
  const std::function<std::uint64_t()> last_start_;
  const std::function<void(const std::shared_ptr<Job>&)> run_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::deque<std::shared_ptr<Job>> queue_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Job>> running_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Job>, std::less<>> by_id_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::deque<std::string> ended_ PLUGRELOAD_GUARDED_BY(mutex_);  // oldest first
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  Workers workers_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_JOBS_HPP_
