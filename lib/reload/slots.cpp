#include "reload/slots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plugreload::internal {
namespace {

std::string Where(const MountEntry& entry) {
  return fmt::format("{} in namespace \"{}\"", entry.path, entry.ns.empty() ? "root" : entry.ns);
}

Status Unmounted(const Slot& slot) {
  return Status(Code::kNotFound, "unmounted",
                fmt::format("the mount {} was removed meanwhile", Where(*slot.entry)));
}

Status Closed() {
  return Status(Code::kFailedPrecondition, "closed", "the runtime is closed or closing");
}

}  // namespace

CondVar& Slots::ConditionOf(const Slot& slot) {
  return conditions_[std::hash<const Slot*>()(&slot) / alignof(Slot) % conditions_.size()];
}

void Slots::Tell(EventKind kind, const Slot& slot, const Status& error) {
  Event event;
  event.kind = kind;
  event.ns = slot.entry->ns;
  event.mount = slot.entry->path;
  event.generation = slot.number;
  event.state = MountStateName(slot.state);
  event.message = error.ok() ? "" : error.ToString();
  if (slot.last) event.plugin = PluginTitle(slot.last->ref);
  if (const Generation* now = slot.current().load(std::memory_order_relaxed)) {
    event.instance = now->instance->name();
  }
  notifier_->Emit(std::move(event));
}

// The one place where a slot's state changes.
bool Slots::Enter(Slot& slot, MountState next) {
  const MountState before = slot.state;
  if (!slot.Enter(next)) return false;
  --CountOf(before);
  ++CountOf(next);
  if (Unsettled() == 0) settled_.NotifyAll();
  return true;
}

// The one place where a slot's generation changes. Returns the one it hid.
Generation* Slots::Publish(Slot& slot, Generation* generation) {
  auto& cell = *static_cast<SlotCell*>(slot.cell);
  if (generation != nullptr) cell.counter.store(generation->id, std::memory_order_relaxed);
  Generation* old = cell.current.exchange(generation, std::memory_order_seq_cst);
  if (old != nullptr) {
    auto users = users_.find(old->instance.get());
    users->second.erase(&slot);
    if (users->second.empty()) users_.erase(users);
  }
  if (generation != nullptr) users_[generation->instance.get()].insert(&slot);
  ConditionOf(slot).NotifyAll();
  return old;
}

void Slots::Drain(Generation* hidden, std::function<void()> drained) {
  if (hidden != nullptr) drainer_->Add(hidden, std::move(drained));
}

std::shared_ptr<Slot> Slots::Add(const SharedEntry& entry, std::uint64_t place,
                                 const std::shared_ptr<Instance>& instance, MountState state) {
  auto slot = std::make_shared<Slot>(cells_);
  slot->entry = entry;
  slot->place = place;
  slot->state = state;
  {
    const MutexLock lock(mutex_);
    slots_.insert(slot);
    ++CountOf(state);
    if (instance == nullptr) Tell(EventKind::kMountState, *slot, Status());
  }
  if (instance != nullptr) {
    // An instance that has died since its start: the slot begins with a restart, see Supervisor.
    (void)Install(slot, instance, std::nullopt, nullptr);
  }
  return slot;
}

Status Slots::Exchange(const std::shared_ptr<Slot>& slot, const std::shared_ptr<Instance>& instance,
                       Installed& installed) {
  if (closing_) return Closed();
  if (slot->state == MountState::kRemoved) return Unmounted(*slot);
  // Under the same lock as the search of an ended instance's slots: either that search finds this
  // slot, or this look finds the instance dead.
  if (instance->dead()) {
    return Status(
        Code::kUnavailable, "exited",
        fmt::format("{} ended before it could serve {}", instance->name(), Where(*slot->entry)));
  }
  Generation* generation = drainer_->slab().Take();
  if (generation == nullptr) {
    return Status(Code::kResourceExhausted, "too_many_generations",
                  "4194304 generations serve or drain; wait for leases to end");
  }
  if (const Generation* now = slot->current().load(std::memory_order_relaxed)) {
    installed.previous = now->number;
    installed.old = now->instance;
  }
  Fill(*generation, *slot, instance);
  installed.number = slot->number;
  Remember(*slot, instance->spec().plugin);
  Enter(*slot, MountState::kServing);
  installed.hidden = Publish(*slot, generation);
  return {};
}

Result<Installed> Slots::Install(const std::shared_ptr<Slot>& slot,
                                 const std::shared_ptr<Instance>& instance,
                                 std::optional<std::uint64_t> incident,
                                 std::function<void()> drained) {
  Installed installed;
  {
    const MutexLock lock(mutex_);
    if (incident && *incident != slot->incident && slot->state != MountState::kRemoved) {
      return Status(Code::kAborted, "superseded",
                    fmt::format("the mount {} has changed since", Where(*slot->entry)));
    }
    if (Status status = Exchange(slot, instance, installed); !status.ok()) return status;
    if (!incident) slot->restarts = 0;  // somebody asked for it: a new beginning
    Tell(EventKind::kMountServing, *slot, Status());
  }
  Drain(installed.hidden, std::move(drained));
  return installed;
}

void Slots::InstallAll(std::vector<Swap>& swaps, const std::shared_ptr<Instance>& instance,
                       const Covered& covered, Drainer::Drained drained) {
  constexpr std::size_t kAtOnce = 256;  // then whoever waits for the lock has its turn
  std::vector<Drainer::Waiting> hidden;
  hidden.reserve(swaps.size());
  for (std::size_t begin = 0; begin < swaps.size(); begin += kAtOnce) {
    const MutexLock lock(mutex_);
    if (begin == 0) users_[instance.get()].reserve(swaps.size());
    for (std::size_t i = begin; i < std::min(begin + kAtOnce, swaps.size()); ++i) {
      Swap& swap = swaps[i];
      if (swap.slot->place != swap.node->place) {
        swap.status = covered(swap.node->entry, *swap.slot->entry);
      }
      if (!swap.status.ok()) continue;
      swap.status = Exchange(swap.slot, instance, swap.installed);
      if (!swap.status.ok()) continue;
      swap.slot->restarts = 0;
      if (swap.installed.hidden != nullptr) hidden.push_back({swap.installed.hidden, i});
    }
  }
  {
    const MutexLock lock(mutex_);
    const auto users = users_.find(instance.get());
    if (users != users_.end() && users->second.empty()) users_.erase(users);
  }
  TellServing(swaps, *instance);
  drainer_->AddHere(hidden, std::move(drained));
}

void Slots::TellServing(const std::vector<Swap>& swaps, const Instance& instance) {
  struct Served {
    std::vector<std::pair<std::shared_ptr<const MountNode>, std::uint64_t>> mounts;
    std::shared_ptr<const InstanceFacts> facts;
  };
  const auto served = std::make_shared<Served>();
  served->facts = instance.facts();
  served->mounts.reserve(swaps.size());
  for (const Swap& swap : swaps) {
    if (swap.status.ok()) served->mounts.emplace_back(swap.node, swap.installed.number);
  }
  notifier_->EmitMany(EventKind::kMountServing, served->mounts.size(), [served](std::size_t i) {
    const auto& [node, number] = served->mounts[i];
    Event event;
    event.ns = node->entry.ns;
    event.mount = node->entry.path;
    event.generation = number;
    event.state = MountStateName(MountState::kServing);
    event.plugin = PluginTitle(served->facts->spec.plugin.ref);
    event.instance = served->facts->spec.instance;
    return event;
  });
}

Result<Generation*> Slots::Hold(const std::shared_ptr<Slot>& slot) {
  const MutexLock lock(mutex_);
  if (closing_) return Closed();
  if (!Enter(*slot, MountState::kHeld)) return Unmounted(*slot);
  Generation* hidden = Publish(*slot, nullptr);
  Tell(EventKind::kMountState, *slot, Status());
  return hidden;
}

Status Slots::Reopen(const std::shared_ptr<Slot>& slot, Generation* generation) {
  Status status;
  Generation* hidden = generation;  // drains unless it is published
  {
    const MutexLock lock(mutex_);
    if (closing_) {
      status = Closed();
    } else if (slot->state != MountState::kHeld) {
      status = Unmounted(*slot);
    } else if (generation->instance->dead()) {
      status = Status(Code::kUnavailable, "exited",
                      fmt::format("{} ended while {} was held", generation->instance->name(),
                                  Where(*slot->entry)));
    } else {
      Generation* next = generation;
      // Moved meanwhile: leases must tell where the mount is now.
      if (generation->place != slot->place) next = Renew(*slot, *generation);
      Enter(*slot, MountState::kServing);
      Publish(*slot, next);
      Tell(EventKind::kMountServing, *slot, Status());
      if (next == generation) hidden = nullptr;
    }
  }
  Drain(hidden, nullptr);
  return status;
}

void Slots::Remember(Slot& slot, const PluginSpec& spec) {
  if (slot.last != nullptr && *slot.last == spec) return;
  if (last_spec_ == nullptr || *last_spec_ != spec) {
    last_spec_ = std::make_shared<const PluginSpec>(spec);
  }
  slot.last = last_spec_;
}

void Slots::Fill(Generation& generation, Slot& slot, const std::shared_ptr<Instance>& instance) {
  generation.number = ++slot.number;
  generation.mount = slot.entry;
  generation.place = slot.place;
  generation.instance = instance;
}

// The same instance in a new generation; when there is none to be had the old one again, whose
// leases go on telling the old path.
Generation* Slots::Renew(Slot& slot, Generation& now) {
  Generation* generation = drainer_->slab().Take();
  if (generation == nullptr) {
    now.place = slot.place;
    return &now;
  }
  Fill(*generation, slot, now.instance);
  return generation;
}

void Slots::Remove(const std::shared_ptr<Slot>& slot, std::function<void()> drained) {
  Generation* hidden = nullptr;
  {
    const MutexLock lock(mutex_);
    if (!Enter(*slot, MountState::kRemoved)) return;
    hidden = Publish(*slot, nullptr);
    Tell(EventKind::kMountState, *slot, Status());
    slots_.erase(slot);
    --CountOf(MountState::kRemoved);
  }
  if (hidden != nullptr) {
    Drain(hidden, std::move(drained));
  } else if (drained) {
    drained();
  }
}

void Slots::Update(const std::shared_ptr<Slot>& slot, const SharedEntry& entry,
                   std::uint64_t place) {
  Generation* hidden = nullptr;
  {
    const MutexLock lock(mutex_);
    slot->entry = entry;
    slot->place = place;
    Generation* now = slot->current().load(std::memory_order_relaxed);
    if (now == nullptr || now->place == place) return;
    Generation* generation = Renew(*slot, *now);
    hidden = Publish(*slot, generation);
    if (hidden == generation) return;
    Tell(EventKind::kMountServing, *slot, Status());
  }
  Drain(hidden, nullptr);
}

std::optional<Slots::Setback> Slots::Fail(const std::shared_ptr<Slot>& slot, std::uint64_t incident,
                                          const Status& error, const RestartPolicy& policy) {
  Generation* hidden = nullptr;
  Setback setback{};
  {
    const MutexLock lock(mutex_);
    if (closing_ || incident != slot->incident) return std::nullopt;
    const bool served = slot->state == MountState::kServing;
    if (served && std::chrono::steady_clock::now() - slot->serving_since >= policy.stable) {
      slot->restarts = 0;
    }
    setback.restarts = slot->restarts + 1;
    setback.state = setback.restarts > policy.limit ? MountState::kFailed : MountState::kRestarting;
    if (!Enter(*slot, setback.state)) return std::nullopt;
    if (setback.state == MountState::kRestarting) Meters::Add(notifier_->meters().restarts);
    slot->restarts = setback.restarts;
    slot->error = error;
    setback.incident = slot->incident;
    hidden = Publish(*slot, nullptr);
    const bool failed = setback.state == MountState::kFailed;
    Tell(failed ? EventKind::kMountFailed : EventKind::kMountState, *slot, error);
  }
  Drain(hidden, nullptr);
  return setback;
}

void Slots::FailHeld(const std::shared_ptr<Slot>& slot, const Status& error) {
  const MutexLock lock(mutex_);
  if (slot->state != MountState::kHeld || !Enter(*slot, MountState::kFailed)) return;
  slot->error = error;
  Tell(EventKind::kMountFailed, *slot, error);
  ConditionOf(*slot).NotifyAll();
}

std::optional<std::uint64_t> Slots::BeginStart(const std::shared_ptr<Slot>& slot) {
  const MutexLock lock(mutex_);
  if (closing_ || slot->state != MountState::kIdle) return std::nullopt;
  Enter(*slot, MountState::kStarting);
  Tell(EventKind::kMountState, *slot, Status());
  return slot->incident;
}

bool Slots::Current(const Slot& slot, std::uint64_t incident) const {
  const MutexLock lock(mutex_);
  return !closing_ && slot.incident == incident;
}

Status Slots::Await(const std::shared_ptr<Slot>& slot, std::uint64_t place, Deadline deadline) {
  const MutexLock lock(mutex_);
  for (;;) {
    if (closing_) return Closed();
    if (slot->state == MountState::kRemoved) return Unmounted(*slot);
    const Generation* now = slot->current().load(std::memory_order_relaxed);
    if (now != nullptr && now->place >= place) return {};
    if (slot->state == MountState::kFailed) {
      return Status(Code::kUnavailable, "mount_failed",
                    fmt::format("the plugin {} of the mount {} has failed and is not restarted any "
                                "more; reload or remount it. Last error: {}",
                                slot->entry->plugin, Where(*slot->entry), slot->error.ToString()));
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status(Code::kDeadlineExceeded, "not_ready",
                    fmt::format("the plugin {} of the mount {} is {}{}{}", slot->entry->plugin,
                                Where(*slot->entry), MountStateName(slot->state),
                                slot->error.ok() ? "" : "; last error: ",
                                slot->error.ok() ? "" : slot->error.ToString()));
    }
    ConditionOf(*slot).WaitUntil(mutex_, deadline);
  }
}

std::vector<std::string> Slots::AwaitSettled(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (Unsettled() > 0 && !closing_ && settled_.WaitUntil(mutex_, deadline)) {
  }
  std::vector<std::string> waiting;
  if (Unsettled() == 0) return waiting;
  for (const auto& slot : slots_) {
    if (slot->state == MountState::kStarting || slot->state == MountState::kRestarting) {
      waiting.push_back(Where(*slot->entry));
    }
  }
  return waiting;
}

}  // namespace plugreload::internal
