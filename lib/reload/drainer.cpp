#include "reload/drainer.hpp"

#include <absl/container/flat_hash_set.h>

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
  Add({{generation, 0}}, [done = std::move(done)](const std::vector<std::size_t>&) {
    if (done) done();
  });
}

std::shared_ptr<Drainer::Batch> Drainer::Enter(const std::vector<Waiting>& generations,
                                               Drained drained, Fence fence) {
  // Before the fence of the Grace behind it: see ReleaseLease.
  for (const Waiting& one : generations) one.generation->draining.store(true, kSectionRelaxed);
  auto batch = std::make_shared<Batch>();
  batch->drained = std::move(drained);
  const MutexLock lock(mutex_);
  entries_.reserve(entries_.size() + generations.size());
  for (const Waiting& one : generations) entries_[one.generation] = {batch, one.number};
  if (fence == Fence::kDrainer) unfenced_.push_back(batch);
  return batch;
}

void Drainer::Add(const std::vector<Waiting>& generations, Drained drained) {
  if (generations.empty()) return;
  Enter(generations, std::move(drained), Fence::kDrainer);
  event_.Wake();
}

void Drainer::AddHere(const std::vector<Waiting>& generations, Drained drained) {
  if (generations.empty()) return;
  const auto batch = Enter(generations, std::move(drained), Fence::kCaller);
  domain_->Grace();
  std::vector<Done> drained_here(1);
  Done& done = drained_here.front();
  done.batch = batch;
  {
    const MutexLock lock(mutex_);
    // A release that woke the drainer before this line, in vain, is one that these sums see.
    batch->fenced = true;
    for (const Waiting& one : generations) {
      const auto entry = entries_.find(one.generation);
      if (entry == entries_.end() || entry->second.batch != batch) continue;
      if (one.generation->Held() != 0) continue;
      done.generations.push_back(one.generation);
      done.numbers.push_back(one.number);
      entries_.erase(entry);
    }
    if (done.numbers.empty()) return;
    ++finishing_;
  }
  Finish(drained_here);
}

void Drainer::Finish(const std::vector<Done>& drained) {
  for (const Done& done : drained) {
    slab_.GiveBack(done.generations);
    if (done.batch->drained) done.batch->drained(done.numbers);
  }
  const MutexLock lock(mutex_);
  finishing_ -= drained.size();
  idle_.NotifyAll();
}

bool Drainer::Withdraw(Generation* generation) {
  const MutexLock lock(mutex_);
  if (entries_.erase(generation) == 0) return false;
  generation->draining.store(false, kSectionRelaxed);
  idle_.NotifyAll();
  return true;
}

std::uint32_t Drainer::Held(const Generation* generation) {
  std::vector<HeldLease> leases;
  return Held(generation, 0, leases);
}

std::uint32_t Drainer::Held(const Generation* generation, std::size_t most,
                            std::vector<HeldLease>& leases) {
  // Under the lock: it may be drained any moment, and then be another mount's.
  const MutexLock lock(mutex_);
  if (!entries_.contains(generation)) return 0;
  if (log_ != nullptr && most > 0) leases = log_->Of(generation, most);
  return generation->Held();
}

std::vector<Drainer::Done> Drainer::TakeDrained() {
  std::vector<Done> drained;
  const MutexLock lock(mutex_);
  absl::erase_if(entries_, [&](const auto& item) {
    const auto& [generation, entry] = item;
    Batch& batch = *entry.batch;
    if (!batch.fenced || generation->Held() != 0) return false;
    if (batch.place == 0) {
      drained.push_back({entry.batch, {}, {}});
      batch.place = drained.size();
    }
    Done& done = drained[batch.place - 1];
    done.generations.push_back(generation);
    done.numbers.push_back(entry.number);
    return true;
  });
  for (const Done& done : drained) done.batch->place = 0;
  finishing_ += drained.size();
  return drained;
}

void Drainer::Run() {
  for (;;) {
    const std::uint32_t seen = event_.Read();
    std::vector<std::shared_ptr<Batch>> fresh;
    {
      const MutexLock lock(mutex_);
      if (closed_) return;
      fresh.swap(unfenced_);
    }
    if (!fresh.empty()) {
      domain_->Grace();
      const MutexLock lock(mutex_);
      for (const auto& batch : fresh) batch->fenced = true;
    }
    const std::vector<Done> drained = TakeDrained();
    if (!drained.empty()) Finish(drained);
    if (drained.empty() && fresh.empty()) event_.Wait(seen, After(std::chrono::hours(24)));
  }
}

std::vector<std::shared_ptr<Instance>> Drainer::Instances() {
  absl::flat_hash_set<std::shared_ptr<Instance>> instances;
  const MutexLock lock(mutex_);
  for (const auto& [generation, entry] : entries_) instances.insert(generation->instance);
  return {instances.begin(), instances.end()};
}

std::vector<Drainer::Blocker> Drainer::Blockers(std::size_t most) {
  std::vector<Blocker> blockers;
  const MutexLock lock(mutex_);
  for (const auto& [generation, entry] : entries_) {
    if (blockers.size() == most) break;
    if (!entry.batch->fenced) continue;
    const std::uint32_t held = generation->Held();
    if (held != 0) blockers.push_back({*generation->mount, held});
  }
  return blockers;
}

std::size_t Drainer::WaitIdle(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (!entries_.empty() || finishing_ > 0) {
    if (!idle_.WaitUntil(mutex_, deadline)) break;
  }
  std::size_t held = 0;
  for (const auto& [generation, entry] : entries_) held += generation->Held();
  return held;
}

}  // namespace plugreload::internal
