// The hot path: a lease on what serves the mount that a path leads to.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "namespaces/publisher.hpp"
#include "plugreload/reload.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

Status ForkedStatus() {
  return Status(Code::kFailedPrecondition, "forked",
                "Acquire was called in a forked copy of the process; create the runtime after the "
                "fork");
}

Millis Left(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(Millis(0), std::chrono::duration_cast<Millis>(left));
}

// What serves the mount; null while nothing does, and when the mount has just moved: then the
// generation is of another place, and about to be replaced.
[[gnu::always_inline]] inline Generation* ServingAt(const Tree::Lookup& found,
                                                    const SectionRecord& record) {
  const SlotCell& cell = *static_cast<SlotCell*>(found.cell);
  Generation* generation = cell.current.load(kSectionAcquire);
  if (generation == nullptr) return nullptr;
  record.Prefetch(cell.counter.load(std::memory_order_relaxed));
  return generation->place.load(std::memory_order_relaxed) == found.place ? generation : nullptr;
}

}  // namespace

// Inside the section: a swap that hides the generation waits for its end before it counts.
[[gnu::always_inline]] inline void Engine::Lease(Generation& generation, const Section& section,
                                                 std::string_view rest, PluginLease& lease) {
  const LeaseCount count = CountLease(generation, section);
  lease.generation_ = &generation;
  lease.counter_ = count.counter;
  lease.record_ = count.record;
  lease.rest_ = rest;
}

// In one piece; whatever is not as usual begins anew behind it.
[[gnu::always_inline]] inline bool Engine::AcquireAtOnce(std::string_view ns, std::string_view path,
                                                         PluginLease& lease) {
  SectionRecord* record = domain_.Record();
  if (record != nullptr && lease_log_ == nullptr && !fork_guard_.forked()) [[likely]] {
    const Section section(domain_, *record);
    const Tree::Lookup found = routes_->Resolve(ns, path);
    if (found.node != nullptr) [[likely]] {
      if (Generation* generation = ServingAt(found, *record)) [[likely]] {
        Lease(*generation, section, found.rest, lease);
        return true;
      }
    }
  }
  return false;
}

[[gnu::always_inline]] inline Result<PluginLease> Engine::Acquire(std::string_view ns,
                                                                  std::string_view path,
                                                                  Millis timeout) {
  // Made where the caller has it, for a copy waits until all of it is written.
  Result<PluginLease> taken{PluginLease()};
  if (!AcquireAtOnce(ns, path, *taken)) [[unlikely]]
    taken = AcquireSlowly(ns, path, timeout);
  return taken;
}

[[gnu::always_inline]] inline Status Engine::Acquire(std::string_view ns, std::string_view path,
                                                     Millis timeout, PluginLease* lease) {
  if (lease->held()) lease->Release();
  if (AcquireAtOnce(ns, path, *lease)) [[likely]]
    return {};
  Result<PluginLease> taken = AcquireSlowly(ns, path, timeout);
  if (!taken.ok()) return taken.status();
  *lease = *std::move(taken);
  return {};
}

Engine::Found Engine::TryAcquire(std::string_view ns, std::string_view path, PluginLease& lease,
                                 Waiting& waiting) {
  SectionRecord* record = domain_.Record();
  if (record == nullptr) return Found::kNoMemory;
  const Section section(domain_, *record);
  const Tree::Lookup found = tree_->Resolve(ns, path);
  if (found.node == nullptr) {
    return found.namespace_found ? Found::kNoMount : Found::kNoNamespace;
  }
  Generation* generation = ServingAt(found, *record);
  if (generation == nullptr) {
    waiting = {std::static_pointer_cast<Slot>(found.node->attachment), found.place};
    return Found::kNotServing;
  }
  Lease(*generation, section, found.rest, lease);
  return Found::kLease;
}

void Engine::Track(PluginLease& lease) {
  lease.counter_ = lease_log_->Note(lease.generation_, lease.counter_, lease.record_);
  lease.record_ = NobodysRecord();  // its end is more than a count
}

Result<PluginLease> Engine::AcquireSlowly(std::string_view ns, std::string_view path,
                                          Millis timeout) {
  if (fork_guard_.forked()) return ForkedStatus();
  PluginLease lease;
  Waiting waiting;
  switch (TryAcquire(ns, path, lease, waiting)) {
    case Found::kLease:
      if (lease_log_ != nullptr) Track(lease);
      return lease;
    case Found::kNotServing:
      return WaitAndAcquire(ns, path, timeout, std::move(waiting));
    case Found::kNoMemory:
      return Status(Code::kResourceExhausted, "no_memory", "no memory for this thread's record");
    case Found::kNoNamespace:
      return Status(Code::kNotFound, "namespace_not_found",
                    fmt::format("there is no namespace \"{}\"", ns));
    case Found::kNoMount:
      break;
  }
  return Status(Code::kNotFound, "mount_not_found",
                fmt::format("nothing is mounted at \"{}\" in namespace \"{}\"", path,
                            ns.empty() ? "root" : ns));
}

Result<PluginLease> Engine::WaitAndAcquire(std::string_view ns, std::string_view path,
                                           Millis timeout, Waiting waiting) {
  const Deadline deadline = After(timeout);
  for (;;) {
    supervisor_->Begin(waiting.slot);
    const Status status = slots_.Await(waiting.slot, waiting.place, deadline);
    const bool unmounted = status.code() == Code::kNotFound;
    if (!status.ok() && !unmounted) return status;
    PluginLease lease;
    switch (TryAcquire(ns, path, lease, waiting)) {
      case Found::kLease:
        if (lease_log_ != nullptr) Track(lease);
        return lease;
      case Found::kNotServing:
        continue;
      default:
        // Gone: the first attempt finds the words, or what has come there since.
        return AcquireSlowly(ns, path, Left(deadline));
    }
  }
}

}  // namespace plugreload::internal

namespace plugreload {

Result<PluginLease> ReloadCoordinator::Acquire(std::string_view ns, std::string_view path,
                                               Millis timeout) {
  return engine_->Acquire(ns, path, timeout);
}

Status ReloadCoordinator::Acquire(std::string_view ns, std::string_view path, Millis timeout,
                                  PluginLease* lease) {
  return engine_->Acquire(ns, path, timeout, lease);
}

}  // namespace plugreload
