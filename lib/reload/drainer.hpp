// reload/drainer.hpp - waits for the leases of hidden generations.
#ifndef PLUGRELOAD_RELOAD_DRAINER_HPP_
#define PLUGRELOAD_RELOAD_DRAINER_HPP_

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/event_word.hpp"
#include "base/mutex.hpp"
#include "base/section.hpp"
#include "reload/generation.hpp"
#include "reload/lease_log.hpp"

namespace plugreload::internal {

// One thread that is woken by releases of draining generations. One grace period serves every
// generation that was added since the last one.
//
// Thread safety: safe for concurrent use.
class Drainer {
 public:
  // `log` tells who holds what; null: nobody asks.
  Drainer(SectionDomain* domain, const LeaseLog* log);
  // REQUIRES: Close has returned 0, or the process is going to keep the memory of leases.
  ~Drainer();
  Drainer(const Drainer&) = delete;
  Drainer& operator=(const Drainer&) = delete;

  GenerationSlab& slab() { return slab_; }

  // REQUIRES: the generation was published by a slot and is not any more. When its last lease has
  // ended it goes back to the slab, its use of the instance ends, and `done` runs on the drainer's
  // thread: short, and without adding or withdrawing.
  void Add(Generation* generation, std::function<void()> done);
  // The same for many, which share a grace period; `drained` gets the numbers of those that have,
  // in as many calls as it takes.
  struct Waiting {
    Generation* generation;
    std::size_t number;
  };
  using Drained = std::function<void(const std::vector<std::size_t>&)>;
  void Add(const std::vector<Waiting>& generations, Drained drained);
  // The same, but the calling thread waits for the grace period itself, and finishes what has no
  // lease: `drained` may run on it. Without a lock, and not where a moment's wait matters.
  void AddHere(const std::vector<Waiting>& generations, Drained drained);
  // Takes it back, to be published again. False: it has drained already.
  bool Withdraw(Generation* generation);

  // Leases that it still waits for; 0 when it does not wait for this generation.
  std::uint32_t Held(const Generation* generation);
  // The same, and the oldest of them, `most` at most.
  std::uint32_t Held(const Generation* generation, std::size_t most,
                     std::vector<HeldLease>& leases);

  // The instances whose leases it waits for.
  std::vector<std::shared_ptr<Instance>> Instances();

  // The mounts whose hidden generations still have leases, and how many.
  struct Blocker {
    MountEntry mount;
    std::uint32_t held = 0;
  };
  std::vector<Blocker> Blockers(std::size_t most);

  // Waits until nothing drains any more; returns how many leases are held at the deadline.
  std::size_t WaitIdle(Deadline deadline);

 private:
  // What was added at once.
  struct Batch {
    Drained drained;
    bool fenced = false;    // a Grace has passed since they were hidden: their counts are exact
    std::size_t place = 0;  // TakeDrained's: where in its result it is, counted from 1
  };
  struct Entry {
    std::shared_ptr<Batch> batch;
    std::size_t number;
  };
  struct Done {
    std::shared_ptr<Batch> batch;
    std::vector<Generation*> generations;
    std::vector<std::size_t> numbers;
  };
  enum class Fence { kDrainer, kCaller };  // who waits for the grace period
  std::shared_ptr<Batch> Enter(const std::vector<Waiting>& generations, Drained drained,
                               Fence fence) PLUGRELOAD_EXCLUDES(mutex_);
  void Run();
  std::vector<Done> TakeDrained() PLUGRELOAD_EXCLUDES(mutex_);
  void Finish(const std::vector<Done>& drained) PLUGRELOAD_EXCLUDES(mutex_);

  SectionDomain* const domain_;
  const LeaseLog* const log_;
  EventWord event_;
  GenerationSlab slab_;
  Mutex mutex_;
  CondVar idle_;
  absl::flat_hash_map<Generation*, Entry> entries_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Batch>> unfenced_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::size_t finishing_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;  // given to Finish
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_DRAINER_HPP_
