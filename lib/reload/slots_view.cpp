// The reading half of Slots.
#include <fmt/format.h>

#include <algorithm>

#include "reload/slots.hpp"

namespace plugreload::internal {

Status SharedOutside(const Instance& instance, const MountEntry& entry) {
  return Status(Code::kFailedPrecondition, "shared_outside",
                fmt::format("{} cannot be stopped first: it also serves {} in namespace \"{}\", "
                            "which is not part of this step; reload that mount too, or use "
                            "start_first",
                            instance.name(), entry.path, entry.ns.empty() ? "root" : entry.ns));
}

std::vector<Slots::User> Slots::UsersOf(const Instance& instance) const {
  std::vector<User> found;
  const MutexLock lock(mutex_);
  const auto users = users_.find(&instance);
  if (users == users_.end()) return found;
  for (Slot* slot : users->second) found.push_back({slot->shared_from_this(), slot->incident});
  return found;
}

bool Slots::HasUsers(const Instance& instance) const {
  const MutexLock lock(mutex_);
  const auto users = users_.find(&instance);
  return users != users_.end() && !users->second.empty();
}

std::vector<Slots::Seen> Slots::See(const std::vector<const Slot*>& slots) const {
  constexpr std::size_t kAtOnce = 256;  // then whoever waits for the lock has its turn
  std::vector<Seen> all(slots.size());
  for (std::size_t begin = 0; begin < slots.size(); begin += kAtOnce) {
    const MutexLock lock(mutex_);
    for (std::size_t i = begin; i < std::min(begin + kAtOnce, slots.size()); ++i) {
      if (slots[i] == nullptr) continue;
      all[i].state = slots[i]->state;
      const Generation* now = slots[i]->current().load(std::memory_order_relaxed);
      if (now == nullptr) continue;
      all[i].generation = now->number;
      all[i].facts = now->instance->facts();
    }
  }
  return all;
}

std::vector<std::shared_ptr<Slot>> Slots::All() const {
  const MutexLock lock(mutex_);
  return {slots_.begin(), slots_.end()};
}

std::shared_ptr<Instance> Slots::Serving(const Slot& slot) const {
  const MutexLock lock(mutex_);
  const Generation* now = slot.current().load(std::memory_order_relaxed);
  return now == nullptr ? nullptr : now->instance;
}

MountStatus Slots::Describe(const Slot& slot) const {
  MountStatus status;
  const MutexLock lock(mutex_);
  status.mount = *slot.entry;
  status.state = slot.state;
  status.restarts = slot.restarts;
  status.error = slot.error;
  if (const Generation* now = slot.current().load(std::memory_order_relaxed)) {
    const Instance& instance = *now->instance;
    status.running_version = instance.spec().plugin.ref.version;
    status.running_sha256 = instance.spec().plugin.sha256;
    status.generation = now->number;
    status.instance = instance.name();
    status.pid = instance.info().pid;
  }
  return status;
}

std::uint64_t Slots::Incident(const Slot& slot) const {
  const MutexLock lock(mutex_);
  return slot.incident;
}

Status Slots::CheckAlone(const std::vector<std::shared_ptr<Slot>>& group) const {
  absl::flat_hash_set<const Slot*> inside;
  for (const auto& slot : group) inside.insert(slot.get());
  const Instance* shared = nullptr;
  const MutexLock lock(mutex_);
  for (const auto& slot : group) {
    const Generation* now = slot->current().load(std::memory_order_relaxed);
    if (now == nullptr) continue;
    if (shared != nullptr && shared != now->instance.get()) {
      return Status(Code::kFailedPrecondition, "several_instances",
                    "the mounts that will share one process run in several now, which cannot be "
                    "stopped first together; reload them one by one");
    }
    shared = now->instance.get();
  }
  const auto users = users_.find(shared);
  if (users == users_.end()) return {};
  for (const Slot* user : users->second) {
    if (inside.contains(user)) continue;
    return SharedOutside(*shared, *user->entry);
  }
  return {};
}

Slots::Census Slots::Count() const {
  Census census;
  const MutexLock lock(mutex_);
  census.mounts = counts_;
  census.instances = users_.size();
  return census;
}

MountEntry Slots::Entry(const Slot& slot) const {
  const MutexLock lock(mutex_);
  return *slot.entry;
}

std::optional<PluginSpec> Slots::LastSpec(const Slot& slot) const {
  const MutexLock lock(mutex_);
  return slot.last == nullptr ? std::nullopt : std::optional(*slot.last);
}

void Slots::BeginClose() {
  const MutexLock lock(mutex_);
  closing_ = true;
  for (CondVar& condition : conditions_) condition.NotifyAll();
  settled_.NotifyAll();
}

bool Slots::closing() const {
  const MutexLock lock(mutex_);
  return closing_;
}

}  // namespace plugreload::internal
