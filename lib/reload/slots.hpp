// reload/slots.hpp - all slots of a runtime: installing, hiding and waiting for generations.
#ifndef PLUGRELOAD_RELOAD_SLOTS_HPP_
#define PLUGRELOAD_RELOAD_SLOTS_HPP_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "base/notifier.hpp"
#include "plugreload/runtime.hpp"
#include "reload/drainer.hpp"
#include "reload/instance.hpp"
#include "reload/slot.hpp"

namespace plugreload::internal {

// What a swap replaced.
struct Installed {
  std::uint64_t previous = 0;  // generation; 0: none served
  std::uint64_t number = 0;
  std::shared_ptr<Instance> old;  // that served; null: none did
  Generation* hidden = nullptr;   // for Drainer::Held; may be another one once it has drained
};

// kFailedPrecondition: stop_first would take `entry` down too.
Status SharedOutside(const Instance& instance, const MountEntry& entry);

// Thread safety: safe for concurrent use. Nothing here blocks except Await.
class Slots {
 public:
  Slots(Drainer* drainer, Notifier* notifier) : drainer_(drainer), notifier_(notifier) {}

  // A new mount's slot: serving `instance`, or without one in `state`.
  std::shared_ptr<Slot> Add(const SharedEntry& entry, std::uint64_t place,
                            const std::shared_ptr<Instance>& instance, MountState state);

  // Makes `instance` serve the mount; the old generation drains, `drained` runs when it has (not at
  // all when there was none). With `incident`, only if nothing has happened to the slot since.
  // kNotFound "unmounted"; kUnavailable "exited" when the instance has ended meanwhile; kAborted
  // "superseded"; kResourceExhausted.
  Result<Installed> Install(const std::shared_ptr<Slot>& slot,
                            const std::shared_ptr<Instance>& instance,
                            std::optional<std::uint64_t> incident, std::function<void()> drained);

  // The same for very many mounts: under the lock a few hundred at a time, with one grace period
  // and one notification for all. `covered` tells, from where a mount is now that has moved since
  // its node was taken, why it is not to be touched any more. `drained` gets the places in `swaps`
  // of the old generations that have, in as many calls as it takes.
  struct Swap {
    std::shared_ptr<Slot> slot;
    std::shared_ptr<const MountNode> node;
    Status status;  // OK: `installed`
    Installed installed;
  };
  using Covered = std::function<Status(const MountEntry& before, const MountEntry& now)>;
  void InstallAll(std::vector<Swap>& swaps, const std::shared_ptr<Instance>& instance,
                  const Covered& covered, Drainer::Drained drained);

  // Takes the mount out of service until Install, Reopen or Fail: requests wait. Returns the hidden
  // generation, not draining yet; null when none served.
  Result<Generation*> Hold(const std::shared_ptr<Slot>& slot);
  // Puts a held generation back, under the path that the mount has now. kNotFound "unmounted";
  // kUnavailable "exited": the instance has ended meanwhile.
  Status Reopen(const std::shared_ptr<Slot>& slot, Generation* generation);

  // The mount is gone.
  void Remove(const std::shared_ptr<Slot>& slot, std::function<void()> drained);
  // Its path, namespace or stored fields changed; a new path is a new generation of the instance.
  void Update(const std::shared_ptr<Slot>& slot, const SharedEntry& entry, std::uint64_t place);

  // A failed start or an end: the state that follows from the count of failures, and the incident
  // for the restart. nullopt when the slot no longer waits for that (`incident` is stale).
  struct Setback {
    MountState state;
    std::uint32_t restarts;
    std::uint64_t incident;
  };
  std::optional<Setback> Fail(const std::shared_ptr<Slot>& slot, std::uint64_t incident,
                              const Status& error, const RestartPolicy& policy);
  // A stop_first reload could bring back neither version: a person must look.
  void FailHeld(const std::shared_ptr<Slot>& slot, const Status& error);
  // Claims an idle slot for its start. nullopt: somebody else has, or it needs none.
  std::optional<std::uint64_t> BeginStart(const std::shared_ptr<Slot>& slot);
  std::uint64_t Incident(const Slot& slot) const;
  // Whether nothing has happened to the slot since.
  bool Current(const Slot& slot, std::uint64_t incident) const;

  // Waits until the mount serves at `place` or a later one, or can no longer be expected to.
  Status Await(const std::shared_ptr<Slot>& slot, std::uint64_t place, Deadline deadline);
  // Waits until no slot is starting or restarting. The names of those that still are.
  std::vector<std::string> AwaitSettled(Deadline deadline);

  // The slots that an instance serves now, with their incidents.
  struct User {
    std::shared_ptr<Slot> slot;
    std::uint64_t incident;
  };
  std::vector<User> UsersOf(const Instance& instance) const;
  bool HasUsers(const Instance& instance) const;
  std::vector<std::shared_ptr<Slot>> All() const;
  std::shared_ptr<Instance> Serving(const Slot& slot) const;  // null: nothing does
  MountStatus Describe(const Slot& slot) const;
  // The same in short, for many; a null slot gives an idle one.
  struct Seen {
    MountState state = MountState::kIdle;
    std::uint64_t generation = 0;                // 0: none serves
    std::shared_ptr<const InstanceFacts> facts;  // of what serves
  };
  std::vector<Seen> See(const std::vector<const Slot*>& slots) const;
  using StateCounts = std::array<std::size_t, 7>;  // by MountState
  // How many there are by state, and how many instances serve them.
  struct Census {
    StateCounts mounts{};
    std::size_t instances = 0;
  };
  Census Count() const;
  // Why these mounts cannot be stopped first together: their instance serves others too, or they
  // have several.
  Status CheckAlone(const std::vector<std::shared_ptr<Slot>>& group) const;
  MountEntry Entry(const Slot& slot) const;
  std::optional<PluginSpec> LastSpec(const Slot& slot) const;

  // From now on nothing is installed and every wait ends with "closed".
  void BeginClose();
  bool closing() const;

 private:
  CondVar& ConditionOf(const Slot& slot);
  std::size_t& CountOf(MountState state) PLUGRELOAD_REQUIRES(mutex_) {
    return counts_[static_cast<std::size_t>(state)];
  }
  // Slots that are starting or restarting.
  std::size_t Unsettled() PLUGRELOAD_REQUIRES(mutex_) {
    return CountOf(MountState::kStarting) + CountOf(MountState::kRestarting);
  }
  bool Enter(Slot& slot, MountState next) PLUGRELOAD_REQUIRES(mutex_);
  Generation* Publish(Slot& slot, Generation* generation) PLUGRELOAD_REQUIRES(mutex_);
  Status Exchange(const std::shared_ptr<Slot>& slot, const std::shared_ptr<Instance>& instance,
                  Installed& installed) PLUGRELOAD_REQUIRES(mutex_);
  void TellServing(const std::vector<Swap>& swaps, const Instance& instance);
  static void Fill(Generation& generation, Slot& slot, const std::shared_ptr<Instance>& instance);
  Generation* Renew(Slot& slot, Generation& now) PLUGRELOAD_REQUIRES(mutex_);
  // A million mounts of one version share one copy of how it runs.
  void Remember(Slot& slot, const PluginSpec& spec) PLUGRELOAD_REQUIRES(mutex_);
  void Tell(EventKind kind, const Slot& slot, const Status& error) PLUGRELOAD_REQUIRES(mutex_);
  void Drain(Generation* hidden, std::function<void()> drained);

  const std::shared_ptr<SlotCells> cells_ = std::make_shared<SlotCells>();
  Drainer* const drainer_;
  Notifier* const notifier_;
  mutable Mutex mutex_;
  bool closing_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const PluginSpec> last_spec_ PLUGRELOAD_GUARDED_BY(mutex_);  // remembered last
  absl::flat_hash_set<std::shared_ptr<Slot>> slots_ PLUGRELOAD_GUARDED_BY(mutex_);
  StateCounts counts_ PLUGRELOAD_GUARDED_BY(mutex_){};  // of `slots_`
  absl::flat_hash_map<const Instance*, absl::flat_hash_set<Slot*>> users_
      PLUGRELOAD_GUARDED_BY(mutex_);
  // Shared by the slots that hash there: a condition each would be 48 bytes a mount.
  std::array<CondVar, 64> conditions_;
  CondVar settled_;  // nothing starts or restarts any more, or closing
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_SLOTS_HPP_
