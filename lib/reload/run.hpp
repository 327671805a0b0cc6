// reload/run.hpp - carries one reload out: plan, prepare, commit, drain, retire, report.
#ifndef PLUGRELOAD_RELOAD_RUN_HPP_
#define PLUGRELOAD_RELOAD_RUN_HPP_

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "reload/jobs.hpp"
#include "reload/plan.hpp"
#include "reload/slots.hpp"
#include "reload/starter.hpp"
#include "reload/supervisor.hpp"

namespace plugreload::internal {

struct RunParts {
  const Planner* planner = nullptr;
  Slots* slots = nullptr;
  Starter* starter = nullptr;
  Drainer* drainer = nullptr;
  Jobs* jobs = nullptr;
  Supervisor* supervisor = nullptr;
  Supervisor::MakeSpec make_spec;
};

// Used once, on one thread.
class ReloadRun {
 public:
  ReloadRun(const RunParts& parts, std::shared_ptr<Job> job)
      : parts_(parts), job_(std::move(job)) {}

  // Returns when the report has been given: everything is done, or the drain deadline has passed.
  void Execute();

 private:
  using Clock = std::chrono::steady_clock;

  // Mounts that one new instance will serve.
  struct Group {
    std::size_t number = 0;           // of Planned::keys
    std::vector<std::size_t> mounts;  // indices into plan_.mounts
    std::shared_ptr<StartTicket> ticket;
    std::shared_ptr<Instance> ready;
    Clock::time_point begin;
    bool arrived = false;
  };
  // Where tickets report to, from their threads.
  struct Arrivals {
    Mutex mutex;
    CondVar changed;
    std::deque<std::pair<std::size_t, StartResult>> results PLUGRELOAD_GUARDED_BY(mutex);
  };

  bool MakePlan();
  void MakeGroups();
  bool cancelled() const { return job_->cancel.stop_requested(); }

  // start_first: run.cpp
  void StartFirst();
  void BeginGroup(std::size_t index, const std::shared_ptr<Arrivals>& arrivals);
  void Arrived(Group& group, const StartResult& result, std::size_t left);
  void CommitGroup(Group& group, bool last);
  void Abandon(MountOutcome outcome, const Status& status);
  Status CheckStillCovered(const MountEntry& before, const MountEntry& now) const;
  void CommitMounts(const Group& group, const std::shared_ptr<Instance>& instance, Millis prepare);
  void Note(const Group& group, const std::vector<Slots::Swap>& swaps,
            const std::shared_ptr<Instance>& instance, Millis prepare,
            std::chrono::microseconds each);
  void WatchRetirement();
  void Finish();

  // stop_first: stop_first.cpp
  struct Held;
  void StopFirst(Group& group);
  Status CheckAlone(const Group& group) const;
  bool HoldAll(Group& group, Held& held);
  bool Drain(const Group& group, Held& held);
  void Reopen(const Group& group, Held& held, const Status& status);
  Status ReopenMount(std::size_t index, Held& held);
  bool StopOld(const Group& group, Held& held);
  void StartNew(const Group& group, const Held& held);
  void Lose(std::size_t index, const Held& held, const Status& error, const Status& served);
  StartResult StartAndWait(const std::string& key, LaunchSpec spec);
  Status Serve(std::size_t index, const std::shared_ptr<Instance>& instance);

  void Fail(std::size_t index, MountOutcome outcome, const Status& status);
  void FailGroup(const Group& group, MountOutcome outcome, const Status& status);
  LaunchSpec SpecOf(const Group& group) const;
  const std::string& KeyOf(const Group& group) const { return plan_.keys[group.number]; }
  Millis DrainTimeout(std::size_t index) const;

  const RunParts& parts_;
  const std::shared_ptr<Job> job_;
  Planned plan_;
  std::vector<Group> start_first_, stop_first_;
  // By replaced instance the mounts it served; kept alive until their retirement is watched.
  std::map<std::shared_ptr<Instance>, std::vector<std::size_t>> old_;
  Clock::time_point drain_deadline_ = Clock::now();
  Millis stop_budget_{0};
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_RUN_HPP_
