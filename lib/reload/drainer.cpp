#include "reload/drainer.hpp"

#include <iterator>
#include <utility>

#include "base/thread.hpp"

namespace plugreload::internal {

Drainer::Drainer(SectionDomain* domain, const LeaseLog* log)
    : domain_(domain), log_(log), slab_(domain, &event_) {
  thread_ = StartThread("pr-drain", [this] { Run(); });
}

Drainer::~Drainer() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  event_.Wake();
  thread_.join();
}

void Drainer::Add(Generation* generation, std::function<void()> done) {
  // Before the fence of the drainer's Grace: see ReleaseLease.
  generation->draining.store(true, kSectionRelaxed);
  {
    const MutexLock lock(mutex_);
    entries_.push_back(Entry{++last_added_, generation, std::move(done)});
  }
  event_.Wake();
}

bool Drainer::Withdraw(Generation* generation) {
  const MutexLock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->generation != generation) continue;
    generation->draining.store(false, kSectionRelaxed);
    entries_.erase(entry);
    idle_.NotifyAll();
    return true;
  }
  return false;
}

std::uint32_t Drainer::Held(const Generation* generation) {
  std::vector<HeldLease> leases;
  return Held(generation, 0, leases);
}

std::uint32_t Drainer::Held(const Generation* generation, std::size_t most,
                            std::vector<HeldLease>& leases) {
  // Under the lock: it may be drained any moment, and then be another mount's.
  const MutexLock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.generation != generation) continue;
    if (log_ != nullptr && most > 0) leases = log_->Of(generation, most);
    return generation->Held();
  }
  return 0;
}

std::list<Drainer::Entry> Drainer::TakeDrained() {
  std::list<Entry> drained;
  const MutexLock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->fenced && entry->generation->Held() == 0) {
      drained.splice(drained.end(), entries_, entry);
      ++finishing_;
    }
    entry = next;
  }
  return drained;
}

void Drainer::Run() {
  for (;;) {
    const std::uint32_t seen = event_.Read();
    std::uint64_t newest = 0;
    bool fresh = false;
    {
      const MutexLock lock(mutex_);
      if (closed_) return;
      newest = last_added_;
      for (const Entry& entry : entries_) fresh = fresh || !entry.fenced;
    }
    if (fresh) {
      domain_->Grace();
      const MutexLock lock(mutex_);
      for (Entry& entry : entries_) entry.fenced = entry.fenced || entry.added <= newest;
    }
    std::list<Entry> drained = TakeDrained();
    for (Entry& entry : drained) {
      slab_.GiveBack(entry.generation);
      if (entry.done) entry.done();
    }
    if (!drained.empty()) {
      const MutexLock lock(mutex_);
      finishing_ -= drained.size();
      idle_.NotifyAll();
    }
    if (drained.empty() && !fresh) event_.Wait(seen, After(std::chrono::hours(24)));
  }
}

std::vector<std::shared_ptr<Instance>> Drainer::Waiting() {
  std::vector<std::shared_ptr<Instance>> instances;
  const MutexLock lock(mutex_);
  for (const Entry& entry : entries_) instances.push_back(entry.generation->instance);
  return instances;
}

std::vector<Drainer::Blocker> Drainer::Blockers(std::size_t most) {
  std::vector<Blocker> blockers;
  const MutexLock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (blockers.size() == most) break;
    if (!entry.fenced) continue;
    const std::uint32_t held = entry.generation->Held();
    if (held != 0) blockers.push_back({entry.generation->mount, held});
  }
  return blockers;
}

std::size_t Drainer::WaitIdle(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (!entries_.empty() || finishing_ > 0) {
    if (!idle_.WaitUntil(mutex_, deadline)) break;
  }
  std::size_t held = 0;
  for (const Entry& entry : entries_) held += entry.generation->Held();
  return held;
}

}  // namespace plugreload::internal
