// reload/engine.hpp - what is behind ReloadCoordinator: the parts of the reload room, put together.
#ifndef PLUGRELOAD_RELOAD_ENGINE_HPP_
#define PLUGRELOAD_RELOAD_ENGINE_HPP_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/fork_guard.hpp"
#include "base/mutex.hpp"
#include "base/notifier.hpp"
#include "base/section.hpp"
#include "base/timers.hpp"
#include "base/workers.hpp"
#include "namespaces/tree.hpp"
#include "plugreload/runtime.hpp"
#include "registry/catalog.hpp"
#include "reload/drainer.hpp"
#include "reload/global.hpp"
#include "reload/jobs.hpp"
#include "reload/lease_log.hpp"
#include "reload/plan.hpp"
#include "reload/run.hpp"
#include "reload/slots.hpp"
#include "reload/starter.hpp"
#include "reload/supervisor.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// Thread safety: as ReloadCoordinator.
class Engine final : public MountObserver {
 public:
  // `options.launchers` and `options.host` are complete.
  Engine(const RuntimeOptions& options, std::shared_ptr<Catalog> catalog,
         std::shared_ptr<Notifier> notifier);
  ~Engine() override;

  SectionDomain* domain() { return &domain_; }
  // Once each, before anything below: the tree before it is loaded, the applier behind.
  void Observe(std::shared_ptr<Tree> tree) {
    tree_ = std::move(tree);
    routes_ = &tree_->routes();
  }
  void Bind(Applier* applier);
  // Without one a global reload is a local one. It must outlive every call below, and be there
  // before the first.
  void Bind(GlobalReloads* global) { global_ = global; }

  // ReloadCoordinator's methods.
  Result<PluginLease> Acquire(std::string_view ns, std::string_view path, Millis timeout);
  Status Acquire(std::string_view ns, std::string_view path, Millis timeout, PluginLease* lease);
  Result<MountEntry> Mount(MountEntry entry, Deadline deadline);
  Status Unmount(std::string_view ns, std::string_view path, Deadline deadline);
  Status Move(std::string_view from_ns, std::string_view from, std::string_view to_ns,
              std::string_view to, Deadline deadline);
  Status TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                   Deadline deadline);
  Result<std::string> Submit(const ReloadRequest& request);
  Result<ReloadReport> Reload(const ReloadRequest& request);
  Result<ReloadPlan> Plan(const ReloadRequest& request) const;
  Result<ReloadReport> Find(std::string_view reload_id) const;
  Result<ReloadReport> Wait(std::string_view reload_id, Deadline deadline,
                            ReloadCoordinator::Until until) const;
  Status Cancel(std::string_view reload_id);
  Result<std::string> Rollback(std::string_view reload_id, std::string_view new_reload_id);
  Result<std::vector<MemberState>> Running(Deadline deadline) const;
  // This runtime's part, whatever others do.
  Result<std::string> SubmitLocal(const ReloadRequest& request);
  // Mounts that are named, or a namespace, may have come from another node just now: looks into the
  // store for what is not known here, and waits until it is. True: the namespace is known.
  void AwaitNamed(std::string_view ns, const std::vector<std::string>& paths) const;
  bool AwaitNamespace(std::string_view ns) const;
  MemberState OwnState() const;
  Status CancelLocal(std::string_view reload_id);
  bool HasLocal(std::string_view reload_id) const;
  std::optional<ReloadReport> FindLocal(std::string_view reload_id) const;
  std::vector<MountStatus> State(std::string_view ns, Reach reach) const;
  std::vector<MountEntry> InUse(const PluginRef& ref) const;
  Result<PluginFacts> Inspect(const PluginSpec& spec, Deadline deadline);
  // Of the namespace itself, in the order of their paths, `most` of those behind `after`.
  std::vector<MountStatus> StatesAfter(std::string_view ns, std::string_view after,
                                       std::size_t most) const;
  std::optional<MountStatus> StateAt(std::string_view ns, std::string_view path) const;

  // As it is now, for the statistics.
  struct Usage {
    SectionDomain::Leases leases;
    Slots::Census census;
    std::size_t starting = 0, draining = 0;  // instances
    std::vector<Drainer::Blocker> blockers;
  };
  static constexpr std::size_t kMostBlockers = 100;
  Usage Use();

  // Runtime's.
  Status WaitReady(Deadline deadline);
  Status Close(Deadline deadline);
  // Stops the instances whose leases are still held. After a Close that was not OK.
  void StopLeased();

  // MountObserver.
  std::shared_ptr<MountAttachment> OnMounted(const SharedEntry& entry,
                                             std::uint64_t place) override;
  void OnMountChanged(const SharedEntry& entry, std::uint64_t place,
                      MountAttachment& attachment) override;
  void OnUnmounted(const MountEntry& entry,
                   const std::shared_ptr<MountAttachment>& attachment) override;

 private:
  MountStatus StateOf(const MountNode& node) const;
  Result<ReloadRequest> CheckRequest(const ReloadRequest& request);
  Result<MountEntry> StartAndAdd(const Resolution& chosen, std::string_view requested,
                                 MountEntry entry, Deadline deadline);
  // `attempt` is made once more, should it find something not to be there (kNotFound) that another
  // node has just made below these prefixes of the store.
  template <typename Attempt>
  std::invoke_result_t<Attempt> Surely(Attempt attempt, const std::vector<std::string>& prefixes,
                                       Deadline deadline) const {
    auto result = attempt();
    if (result.ok() || result.status().code() != Code::kNotFound) return result;
    if (Status status = applier_->CatchUp(prefixes, deadline); !status.ok()) return status;
    return attempt();
  }
  // `carry`: Jobs::Carry instead of Jobs::Submit.
  Result<std::string> Hand(const ReloadRequest& request, bool carry);
  Result<std::string> HandLocal(const ReloadRequest& request, bool carry);
  enum class Found { kLease, kNoNamespace, kNoMount, kNotServing, kNoMemory };
  // What a request waits for that found its mount not serving.
  struct Waiting {
    std::shared_ptr<Slot> slot;
    std::uint64_t place = 0;
  };
  // REQUIRES: `lease` holds nothing.
  static void Lease(Generation& generation, const Section& section, std::string_view rest,
                    PluginLease& lease);
  // What a request does when all is as usual. False: it is not, and `lease` is as it was.
  // REQUIRES: `lease` holds nothing.
  bool AcquireAtOnce(std::string_view ns, std::string_view path, PluginLease& lease);
  Result<PluginLease> AcquireSlowly(std::string_view ns, std::string_view path, Millis timeout);
  Found TryAcquire(std::string_view ns, std::string_view path, PluginLease& lease,
                   Waiting& waiting);
  void Track(PluginLease& lease);
  Result<PluginLease> WaitAndAcquire(std::string_view ns, std::string_view path, Millis timeout,
                                     Waiting waiting);
  LaunchSpec MakeSpec(const PluginSpec& spec, const MountEntry& entry) const;
  StartResult StartFor(const PluginSpec& spec, const MountEntry& entry, Deadline deadline);
  // Fork, callback and close: what every call that may wait is refused for.
  Status Admit(const char* what) const;

  const ForkGuard fork_guard_;
  const std::string node_;
  const std::unique_ptr<LeaseLog> lease_log_;  // null: leases are not tracked
  const std::string plugin_directory_;
  const Handshake handshake_;
  const std::shared_ptr<Catalog> catalog_;
  const std::shared_ptr<Notifier> notifier_;
  SectionDomain domain_;
  std::shared_ptr<Tree> tree_;
  Applier* applier_ = nullptr;
  const Publisher* routes_ = nullptr;  // the tree's
  GlobalReloads* global_ = nullptr;
  // In the order of their dependence: the last is destroyed first.
  Workers stops_;
  Timers timers_;
  Drainer drainer_;
  Slots slots_;
  std::shared_ptr<Starter> starter_;
  std::shared_ptr<Supervisor> supervisor_;
  std::unique_ptr<Planner> planner_;
  RunParts parts_;
  std::unique_ptr<Jobs> jobs_;

  Mutex mutex_;
  // Instances of mounts that are being committed, and what waits for drained removed ones.
  std::map<std::string, std::shared_ptr<Instance>> mounting_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::map<const MountAttachment*, std::function<void()>> unmounting_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_ENGINE_HPP_
