// plugreload/reload.hpp - leases on running plugins, and the call that replaces them.
#ifndef PLUGRELOAD_RELOAD_HPP_
#define PLUGRELOAD_RELOAD_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/launcher.hpp"
#include "plugreload/registry.hpp"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

namespace internal {
class Engine;
struct Generation;
struct LeaseCounter;
struct SectionRecord;
}  // namespace internal

// What a request holds while it uses the generation that serves its mount. An instance is not
// stopped while a lease on it is held (unless a reload is forced or the instance dies by itself).
// Movable, 40 bytes, no allocation. Release it soon: a held lease delays the retirement of what it
// uses, never the swap to the new instance.
//
// Thread safety: one thread at a time; it may be released on another thread than it was taken on.
class PLUGRELOAD_EXPORT PluginLease {
 public:
  PluginLease() = default;
  PluginLease(PluginLease&& other) noexcept
      : counter_(other.counter_),
        record_(other.record_),
        rest_(other.rest_),
        generation_(std::exchange(other.generation_, nullptr)) {}
  PluginLease& operator=(PluginLease&& other) noexcept;
  ~PluginLease() {
    if (held()) Release();
  }

  // Ends the lease; idempotent; wait-free, unless leases are tracked.
  void Release() noexcept;
  // With RuntimeOptions::track_leases: says what holds it ("upload 7"), for whoever asks why an old
  // instance does not go away. 64 bytes are kept. Otherwise, and when not held, nothing.
  void Tag(std::string_view tag) noexcept;
  bool held() const { return generation_ != nullptr; }

  // REQUIRES for all below: held(). References and views are valid until Release, rest() as long
  // as the path given to Acquire.
  const MountEntry& mount() const;
  std::string_view rest() const { return rest_; }  // of the path, behind the mount's
  std::string_view version() const;                // running; "" = unversioned; terminated
  std::uint64_t generation() const;                // grows by one per swap of this mount
  const InstanceInfo& instance() const;
  std::string_view instance_name() const;  // terminated
  void* attached() const;                  // what Host::Attach made; may be null

 private:
  friend class internal::Engine;
  internal::LeaseCounter* counter_ = nullptr;
  internal::SectionRecord* record_ = nullptr;
  std::string_view rest_;
  // Last, so that compilers move it by itself: one load of two words that were stored apart waits
  // for both stores to reach the cache, and this is what the caller looks at next.
  internal::Generation* generation_ = nullptr;
};

// Every mount of this plugin. kUnknown is all three types.
struct ByPlugin {
  PluginType type = PluginType::kUnknown;
  std::string name;
};
// These mounts of the namespace, by path ("kv/", "auth/ldap", "sys/auth/ldap").
struct ByMounts {
  std::vector<std::string> paths;
};

// How far below ReloadRequest::ns a ByPlugin request reaches.
enum class Reach : std::int32_t { kNamespace = 0, kSubtree = 1 };
// kLocal: this node, that is every runtime of the store with its name. kGlobal: every runtime.
enum class Scope : std::int32_t { kLocal = 0, kGlobal = 1 };
// best_effort: each mount on its own. all_or_nothing: every new instance is ready, or none serves.
// "best_effort", "all_or_nothing".
enum class Policy : std::int32_t { kBestEffort = 0, kAllOrNothing = 1 };
PLUGRELOAD_EXPORT std::string_view PolicyName(Policy policy);
// Of a global reload. all: every member at once. rolling: at most `max_unavailable` members at a
// time; a member that fails stops the roll.
enum class Strategy : std::int32_t { kAll = 0, kRolling = 1 };

struct ReloadRequest {
  std::variant<ByPlugin, ByMounts> target;
  std::string ns;
  Reach reach = Reach::kNamespace;
  Scope scope = Scope::kLocal;
  std::optional<Order> order;  // instead of each plugin's own
  Policy policy = Policy::kBestEffort;
  std::optional<Millis> start_timeout;  // instead of each plugin's own
  std::optional<Millis> drain_timeout;  // instead of each plugin's own
  bool force = false;     // at the drain deadline stop the old instance under its leases
  std::string reload_id;  // chosen by the caller, unique; empty: one is made
  Strategy strategy = Strategy::kAll;  // this and the next: only of Scope::kGlobal
  std::uint32_t max_unavailable = 1;   // of kRolling; above 0
  // Set in the same commit as the request, or right before a reload that no other runtime takes
  // part in. With an empty version: removed.
  std::optional<PluginRef> pin;
};

enum class MountOutcome : std::int32_t {
  kPending = 0,
  kReloaded = 1,  // a new generation serves
  kFailed = 2,    // the old one serves, unless `status` says otherwise
  kSkipped = 3,   // removed meanwhile, not started yet (lazy), or not in the namespace
  kCancelled = 4,
};
PLUGRELOAD_EXPORT std::string_view MountOutcomeName(MountOutcome outcome);

// A lease that keeps an old instance from being stopped.
struct HeldLease {
  std::string tag;  // as PluginLease::Tag gave it
  Millis age{0};    // since Acquire
};

// What a reload did to one mount.
struct MountReport {
  MountEntry mount;
  MountOutcome outcome = MountOutcome::kPending;
  std::string previous_version;     // what ran before; meaningless with previous_generation 0
  std::string running_version;      // what runs now
  std::optional<VersionRule> rule;  // that chose the new version
  std::uint64_t previous_generation = 0;
  std::uint64_t generation = 0;
  std::string instance;       // that serves now
  bool sealed = false;        // see Image
  std::int64_t draining = 0;  // leases still held on the old generation
  // Of these the ten oldest, with RuntimeOptions::track_leases.
  std::vector<HeldLease> leases;
  Status status;  // why not, when it failed or was skipped
  // How long each phase took. Mounts that share a process share its prepare time.
  Millis prepare{0}, drain{0}, retire{0};
  std::int64_t commit_us = 0;
};

enum class ReloadState : std::int32_t {
  kQueued = 0,  // behind another reload of the same plugin
  kRunning = 1,
  kDraining = 2,  // the new generations serve; old leases are still held
  kDone = 3,      // every mount reloaded or skipped
  kFailed = 4,    // at least one mount failed
  kCancelled = 5,
};
PLUGRELOAD_EXPORT std::string_view ReloadStateName(ReloadState state);

// What a running reload is doing; of several mounts, the first thing that is not done for all.
enum class ReloadPhase : std::int32_t {
  kWaiting = 0,  // for its turn
  kPlan = 1,
  kPrepare = 2,  // starting new instances; each mount commits as its own is ready
  kDrain = 3,
  kRetire = 4,
  kEnded = 5,
};
PLUGRELOAD_EXPORT std::string_view ReloadPhaseName(ReloadPhase phase);

enum class NodeState : std::int32_t {
  kPending = 0,  // has not begun, or is down: it starts fresh with what was asked for
  kRunning = 1,  // told of what takes longer than 20 ms
  kDone = 2,
  kFailed = 3,
  kCancelled = 4,  // the reload was cancelled, or stopped because another member failed
};
PLUGRELOAD_EXPORT std::string_view NodeStateName(NodeState state);

// What a reload did to one mount of another member, in short.
struct MemberMount {
  std::string ns, path;
  MountOutcome outcome = MountOutcome::kPending;
  std::string previous_version, running_version;
  std::string error;  // empty: none
};

// How a reload goes on one of several members; several runtimes of one node are members of it.
struct MemberReport {
  std::string node;
  std::string member;
  bool self = false;  // this runtime
  NodeState state = NodeState::kPending;
  bool by_start = false;  // nothing was reloaded: it started after the request
  std::int64_t finished_at_ms = 0;
  std::size_t reloaded = 0, failed = 0, skipped = 0;
  std::string error;                // of the first failed mount, or of the whole
  std::vector<MemberMount> mounts;  // 50 at most, those that failed first; the counts are of all
  std::vector<PluginRef> previous;  // what the reloaded mounts ran before, each once, 8 at most
};

struct ReloadReport {
  std::string reload_id;
  std::string joined;  // the reload_id whose work this request shared; empty: its own
  ReloadState state = ReloadState::kQueued;
  ReloadPhase phase = ReloadPhase::kWaiting;
  Revision revision = 0;             // of the store when it was planned
  std::int64_t requested_at_ms = 0;  // Unix time
  std::int64_t finished_at_ms = 0;   // 0: not yet
  std::vector<MountReport> mounts;   // by namespace, then path; duplicates in a request once
  std::size_t reloaded = 0, failed = 0, skipped = 0;
  // The pin before the one that the request set; with an empty version: there was none.
  std::optional<PluginRef> pin_before;
  // Of a reload that other members take part in: every expected one, by node. `state` is then that
  // of all together, `mounts` and the counts are this runtime's. Empty otherwise.
  std::vector<MemberReport> members;
};

// What a reload would do: nothing is started or stopped.
struct ReloadPlan {
  struct Item {
    MountEntry mount;
    std::string running_version;
    std::string target_version;
    std::optional<VersionRule> rule;
    std::size_t process = 0;  // items with the same number would share one new instance
    Order order = Order::kStartFirst;
    bool would_skip = false;  // lazy and not started
    Status status;            // why it would fail before anything is started
  };
  Revision revision = 0;
  std::vector<Item> items;
  std::size_t processes = 0;  // new instances that would be started
  // Mounts outside the request that share an instance with one inside; they keep theirs.
  std::vector<MountEntry> neighbours;
};

enum class MountState : std::int32_t {
  kIdle = 0,  // lazy, not started yet
  kStarting = 1,
  kServing = 2,
  kHeld = 3,        // a stop_first reload: requests wait
  kRestarting = 4,  // its instance ended; waiting for the back-off or for the new one
  kFailed = 5,      // no restart any more: reload or remount it
  kRemoved = 6,
};
PLUGRELOAD_EXPORT std::string_view MountStateName(MountState state);

struct MountStatus {
  MountEntry mount;
  MountState state = MountState::kIdle;
  std::string running_version;  // meaningful while `generation` serves
  std::string running_sha256;
  std::uint64_t generation = 0;  // 0: none yet
  std::string instance;
  std::int64_t pid = 0;
  std::uint32_t restarts = 0;  // in a row, since it last served for a while
  Status error;                // of the last failed start or exit
  // What a reload would run, and whether that is something else: another version, or the same one
  // registered with another SHA-256. False when nothing runs or it is not in the catalog.
  std::string wanted_version;
  bool reload_needed = false;
};

// What one member runs.
struct MemberState {
  struct Plugin {
    PluginRef ref;
    std::size_t mounts = 0;
    bool operator==(const Plugin&) const = default;
  };
  // A mount that runs something else than it would after a reload.
  struct Stale {
    std::string ns, path;
    PluginRef running;
    std::string wanted_version;
    bool operator==(const Stale&) const = default;
  };
  std::string node;
  std::string member;
  std::int64_t told_at_ms = 0;  // Unix time
  std::vector<Plugin> plugins;
  std::size_t reload_needed = 0;  // mounts
  std::vector<Stale> stale;       // 50 of them at most
};

// Mounts and unmounts plugins, gives leases on what runs, and replaces it. One per runtime, owned
// by it. See DESIGN's invariants: no request fails because of a reload, a failed start changes
// nothing, only what was asked for is touched.
//
// Thread safety: safe for concurrent use. No method may be called from Host's methods or from a
// launcher except Acquire with a timeout of 0, Find and State; Close is refused there.
class PLUGRELOAD_EXPORT ReloadCoordinator {
 public:
  explicit ReloadCoordinator(std::shared_ptr<internal::Engine> engine);
  ~ReloadCoordinator();
  ReloadCoordinator(const ReloadCoordinator&) = delete;
  ReloadCoordinator& operator=(const ReloadCoordinator&) = delete;

  // The hot path: the mount that `path` in `ns` leads to (through child namespaces, longest prefix
  // first), and a lease on the generation that serves it. Both are request text as it came, without
  // leading slash; `ns` as Vault's header gives it. Takes no lock and does not allocate while the
  // mount serves, except once per thread and 4096 generations.
  //
  // When nothing serves (starting, held by a stop_first reload, restarting, moved just now) it
  // waits up to `timeout`: kDeadlineExceeded "not_ready". kUnavailable "mount_failed" at once when
  // the mount has failed for good, with the reason. kNotFound "namespace_not_found",
  // "mount_not_found". kFailedPrecondition "closed". A lazy mount is started by its first Acquire.
  Result<PluginLease> Acquire(std::string_view ns, std::string_view path, Millis timeout);
  // The same into a lease that is there: what it held is released first; on a failure it holds
  // nothing.
  Status Acquire(std::string_view ns, std::string_view path, Millis timeout, PluginLease* lease);

  // Resolves the version (PluginRegistry::ResolveForMount; entry.version is the requested one),
  // starts or joins an instance, then commits the mount: a failed start means not mounted. A lazy
  // mount is committed at once. Returns the mount as stored. kAlreadyExists "path_in_use" when
  // another mount or a namespace has this path or one above or below it; kNotFound;
  // kInvalidArgument; the launcher's errors. Blocks at most until the deadline.
  Result<MountEntry> Mount(MountEntry entry, Deadline deadline);
  // Removes the mount, drains its leases and stops its instance if nobody else uses it.
  // kDeadlineExceeded "draining": it is unmounted, the rest happens behind. kNotFound.
  Status Unmount(std::string_view ns, std::string_view path, Deadline deadline);
  // Gives a mount another path, namespace or both in one step; its instance goes on, its generation
  // grows by one. kNotFound, kAlreadyExists "path_in_use", kInvalidArgument (auth mounts stay below
  // auth/).
  Status Move(std::string_view from_ns, std::string_view from, std::string_view to_ns,
              std::string_view to, Deadline deadline = After(kDefaultMutationTimeout));
  // Changes what is stored on a mount; takes effect at its next start or reload. A version must be
  // registered (kNotFound) and not pinned otherwise (kFailedPrecondition "pinned_version").
  Status TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                   Deadline deadline = After(kDefaultMutationTimeout));

  // Replaces what runs, and returns when all is done, or at the drain deadline with the state
  // `draining`. A mount that failed is data in the report, not an error. Errors: kInvalidArgument
  // (an empty target, "order_conflict": stop_first with all_or_nothing), kNotFound
  // "namespace_not_found", kAlreadyExists "reload_id_in_use", kResourceExhausted
  // "too_many_reloads", kFailedPrecondition "closed". In a ByMounts request a path that is no mount
  // is a failed entry of the report, kNotFound "mount_not_found". A request that arrives while the
  // same plugin is being reloaded runs next; equal ones that wait share one run. What a reload does
  // may be done on the calling thread.
  Result<ReloadReport> Reload(const ReloadRequest& request);
  // The same without waiting: the reload_id at once. EventKind::kReloadFinished tells the end.
  Result<std::string> Submit(const ReloadRequest& request);
  // What Reload would do now.
  Result<ReloadPlan> Plan(const ReloadRequest& request) const;
  // The last RuntimeOptions::history reports, running ones included; with a shared store also what
  // other members asked for, as the store keeps it. kNotFound "reload_not_found": there is none, or
  // no more; as of Wait, Cancel and Rollback. kUnavailable: it is not known here and the store,
  // which may know it, could not be asked within 2 s. Blocks for 4 s at most with a shared store,
  // which is asked how the others go, and not without.
  Result<ReloadReport> Find(std::string_view reload_id) const;
  // Waits until the reload has ended (kEnd: not draining any more), or has been answered as Reload
  // would (kAnswer: ended, or draining past its drain deadline); at the deadline returns the report
  // as it is then. kNotFound when the id is unknown.
  enum class Until : std::int32_t { kEnd = 0, kAnswer = 1 };
  Result<ReloadReport> Wait(std::string_view reload_id, Deadline deadline,
                            Until until = Until::kEnd) const;
  // Stops a reload that has not committed: its new instances are discarded. With several members
  // those that have not begun do not begin. kNotFound; kFailedPrecondition "already_committed" or
  // "already_finished".
  Status Cancel(std::string_view reload_id);
  // Undoes a reload that has ended: a new one of the same target, scope and strategy, which pins
  // what was pinned before if that one set the pin, else the version that its mounts ran before.
  // Returns the new reload_id. kNotFound; kFailedPrecondition "not_finished",
  // "nothing_to_roll_back", or "several_versions" ran before, which are named: no pin is all of
  // them. Otherwise as Submit.
  Result<std::string> Rollback(std::string_view reload_id, std::string_view new_reload_id = {});

  // State of the mounts of a namespace, or of it and everything below.
  std::vector<MountStatus> State(std::string_view ns, Reach reach) const;
  // What the members of the store run, by node; this runtime alone when the store is its own. Each
  // tells within RuntimeOptions::member_ttl of a change (of very many mounts within fifty times
  // what a look at them takes). Codes of StateStore::Load.
  Result<std::vector<MemberState>> Running(Deadline deadline) const;
  // The mounts that run this version now, or would at their next start.
  std::vector<MountEntry> InUse(const PluginRef& ref) const;
  // Starts a plugin that need not be registered, of no mount, asks what it is, and stops it. The
  // spec is checked as PluginRegistry::Register would, but may lack type and version. At most the
  // spec's start timeout. kUnimplemented "no_inspection" when its launcher cannot; what
  // Register refuses, and what a start answers.
  Result<PluginFacts> Inspect(const PluginSpec& spec, Deadline deadline);

 private:
  std::shared_ptr<internal::Engine> engine_;
};

}  // namespace plugreload

#endif  // PLUGRELOAD_RELOAD_HPP_
