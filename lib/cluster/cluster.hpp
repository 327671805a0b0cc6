// cluster/cluster.hpp - this runtime as a member of its store: carries out the reloads of several.
#ifndef PLUGRELOAD_CLUSTER_CLUSTER_HPP_
#define PLUGRELOAD_CLUSTER_CLUSTER_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "cluster/bell.hpp"
#include "cluster/documents.hpp"
#include "plugreload/runtime.hpp"
#include "registry/catalog.hpp"
#include "reload/engine.hpp"
#include "reload/global.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// Takes the requests as an image of the store, behind catalog and tree, so that a request is seen
// after what it applies to; one thread carries them out in that order.
//
// Thread safety: safe for concurrent use.
class Cluster final : public StateImage, public GlobalReloads {
 public:
  Cluster(const RuntimeOptions& options, Engine* engine, Catalog* catalog);
  ~Cluster() override { Stop(); }

  // Joins the store's members. A store out of reach is no error: it joins when it can.
  Status Start(Applier* applier);
  // Leaves. A request that has not begun stays pending for this node's next start. Idempotent.
  void Stop();

  void Reset(const Snapshot& snapshot) override;
  void Apply(const WatchBatch& batch) override;

  void LocalAnswered() override;
  bool HasSiblings() const override;
  Result<std::string> Submit(const ReloadRequest& request) override;
  Result<bool> Knows(std::string_view reload_id) const override;
  std::optional<ReloadRequest> RequestOf(std::string_view reload_id) const override;
  Status Wait(std::string_view reload_id, Deadline deadline, ReloadCoordinator::Until until,
              std::optional<ReloadReport>& seen) override;
  Status Describe(std::string_view reload_id, std::optional<ReloadReport>& report) const override;
  Status Cancel(std::string_view reload_id) override;
  Result<std::vector<MemberState>> Running(Deadline deadline) const override;

 private:
  using Keeper = std::unique_ptr<StateStore::Keeper>;
  struct Entry {
    GlobalRequest global;
    Deadline taken;         // when this runtime saw it first
    bool by_start = false;  // it was there when this runtime loaded the store
    bool answered = false;  // this runtime's part is done
    bool trimmed = false;   // the store has dropped it before that; nobody asks for a result
  };

  // The store has dropped it. Carried out here it must be nevertheless.
  void Drop(std::string_view key) PLUGRELOAD_REQUIRES(mutex_);
  void Take(const std::string& text, Revision revision, bool by_start) PLUGRELOAD_REQUIRES(mutex_);
  std::optional<GlobalRequest> Find(std::string_view reload_id) const;
  void Run();
  void Execute(const std::string& id);
  void Reload(const GlobalRequest& global, MemberReport& result);
  void AcknowledgeByStart(const GlobalRequest& global);
  Status Join(Deadline deadline);
  void Record(const std::string& id, const MemberReport& result);
  // Null: stopping, cancelled or stopped by a failure elsewhere, as `result` says.
  Keeper AwaitPermit(const std::string& id, const GlobalRequest& global, MemberReport& result);
  bool MayRoll(const std::string& id, MemberReport& result);
  bool Trimmed(const std::string& id) const;
  void Trim();
  // Tells the others what runs here, when that has changed.
  void Publish();
  // What members that are gone have told.
  void SweepRunning();
  bool Pause(Millis shortest);  // up to twice as long; false: stopping

  std::uint64_t News() const;
  // Until there are others; false: stopping.
  bool AwaitNews(std::uint64_t heard, Deadline until) const;

  Result<std::vector<MemberReport>> Present(Deadline deadline) const;
  // False when the store did not answer: what is known without it is told.
  bool Tell(std::string_view reload_id, std::optional<ReloadReport>& report) const;
  bool Members(const GlobalRequest& global, std::vector<MemberReport>& members) const;

  const std::shared_ptr<StateStore> store_;
  const std::string node_;
  const std::string member_;
  const Millis ttl_;
  const std::size_t history_;
  const Millis history_ttl_;
  Engine* const engine_;
  Catalog* const catalog_;
  Applier* applier_ = nullptr;
  std::optional<Bell> results_, permits_;  // since Start
  Keeper keeper_;                          // the thread's, once that runs
  MemberState told_;                       // the thread's; what it has published
  Deadline next_look_;                     // the thread's; at what runs here
  // The thread's; when what a member told that died just before is to be swept.
  std::optional<Deadline> next_sweep_;
  std::thread thread_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::map<std::string, Entry, std::less<>> entries_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::deque<std::string> queue_ PLUGRELOAD_GUARDED_BY(mutex_);
  // Requests that came, changed or went, and local reloads that were answered.
  std::uint64_t news_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  bool loaded_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool stopping_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_CLUSTER_CLUSTER_HPP_
