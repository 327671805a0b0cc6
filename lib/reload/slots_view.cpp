// The reading half of Slots.
#include "reload/slots.hpp"

namespace plugreload::internal {

std::vector<Slots::User> Slots::UsersOf(const Instance& instance) const {
  std::vector<User> found;
  const MutexLock lock(mutex_);
  const auto users = users_.find(&instance);
  if (users == users_.end()) return found;
  for (Slot* slot : users->second) found.push_back({slot->shared_from_this(), slot->incident});
  return found;
}

std::vector<std::shared_ptr<Slot>> Slots::All() const {
  const MutexLock lock(mutex_);
  return {slots_.begin(), slots_.end()};
}

std::shared_ptr<Instance> Slots::Serving(const Slot& slot) const {
  const MutexLock lock(mutex_);
  const Generation* now = slot.current.load(std::memory_order_relaxed);
  return now == nullptr ? nullptr : now->instance;
}

MountStatus Slots::Describe(const Slot& slot) const {
  MountStatus status;
  const MutexLock lock(mutex_);
  status.mount = slot.entry;
  status.state = slot.state;
  status.restarts = slot.restarts;
  status.error = slot.error;
  if (const Generation* now = slot.current.load(std::memory_order_relaxed)) {
    const Instance& instance = *now->instance;
    status.running_version = instance.spec().plugin.ref.version;
    status.running_sha256 = instance.spec().plugin.sha256;
    status.generation = now->number;
    status.instance = instance.name();
    status.pid = instance.info().pid;
  }
  return status;
}

MountEntry Slots::Entry(const Slot& slot) const {
  const MutexLock lock(mutex_);
  return slot.entry;
}

std::optional<PluginSpec> Slots::LastSpec(const Slot& slot) const {
  const MutexLock lock(mutex_);
  return slot.last;
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
