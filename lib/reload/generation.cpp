#include "reload/generation.hpp"

#include <utility>

#include "plugreload/reload.hpp"
#include "reload/instance.hpp"
#include "reload/lease_log.hpp"

namespace plugreload::internal {
namespace {

// Plain load and store: a counter has one writer, its thread.
template <typename Number>
void Increment(std::atomic<Number>& counter, std::memory_order order) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, order);
}

}  // namespace

std::uint32_t Generation::Held() const {
  // `out` first: a lease that begins and ends between the two sums must not look like one that
  // ended without having begun. With `in` final the order does not matter.
  const std::uint32_t out = domain->TotalOut(id) + spare.out.load(kSectionAcquire);
  const std::uint32_t in = domain->TotalIn(id) + spare.in.load(kSectionAcquire);
  return in - out;
}

LeaseCounter* CountLease(Generation& generation, SectionRecord* record) {
  LeaseCounter* counter = record->Counter(generation.id);
  if (counter == nullptr) [[unlikely]] {
    generation.spare.in.fetch_add(1, kSectionRelaxed);
    generation.domain->CountSpare(true);
    return &generation.spare;
  }
  // Published by the end of the section, which Grace waits for.
  Increment(counter->in, kSectionRelaxed);
  Increment(record->begun, kSectionRelaxed);
  return counter;
}

void ReleaseLease(Generation& generation, LeaseCounter* counter, void* record) noexcept {
  // Inside a section, so that whoever saw the drain complete can wait for this function to end
  // before the memory behind it goes away.
  const Section section(*generation.domain);
  if (LeaseLog::IsNoted(counter)) [[unlikely]]
    counter = LeaseLog::Forget(counter);
  SectionRecord* own = section.record();
  // The counter in the lease is another thread's when the lease has travelled.
  if (own != record) counter = own == nullptr ? nullptr : own->Counter(generation.id);
  if (counter == nullptr || counter == &generation.spare) [[unlikely]] {
    generation.spare.out.fetch_add(1, std::memory_order_seq_cst);
    generation.domain->CountSpare(false);
  } else {
    Increment(counter->out, kSectionRelease);
    Increment(own->ended, kSectionRelaxed);
  }
  // Dekker with the drainer, which sets `draining`, fences, and sums: either its sum sees this
  // release, or this thread sees `draining` and wakes it.
  generation.domain->LightFence();
  if (generation.draining.load(kSectionRelaxed)) [[unlikely]]
    generation.drained->Wake();
}

Generation* GenerationSlab::Take() {
  const MutexLock lock(mutex_);
  if (!free_.empty()) {
    Generation* generation = free_.back();
    free_.pop_back();
    return generation;
  }
  if (all_.size() >= kCountersPerChunk * kCounterChunks) return nullptr;
  free_.reserve(all_.size() + 1);  // so that giving back never allocates
  all_.push_back(std::make_unique<Generation>());
  Generation* generation = all_.back().get();
  generation->id = static_cast<std::uint32_t>(all_.size() - 1);
  generation->domain = domain_;
  generation->drained = drained_;
  return generation;
}

void GenerationSlab::GiveBack(Generation* generation) {
  // Dropping the instance may retire it: not under the lock.
  const std::shared_ptr<Instance> instance = std::move(generation->instance);
  generation->instance = nullptr;
  generation->draining.store(false, kSectionRelaxed);
  const MutexLock lock(mutex_);
  free_.push_back(generation);
}

}  // namespace plugreload::internal

namespace plugreload {

PluginLease::PluginLease(PluginLease&& other) noexcept
    : generation_(std::exchange(other.generation_, nullptr)),
      counter_(other.counter_),
      thread_(other.thread_),
      rest_(other.rest_) {}

PluginLease& PluginLease::operator=(PluginLease&& other) noexcept {
  if (this != &other) {
    Release();
    generation_ = std::exchange(other.generation_, nullptr);
    counter_ = other.counter_;
    thread_ = other.thread_;
    rest_ = other.rest_;
  }
  return *this;
}

void PluginLease::Release() noexcept {
  if (generation_ == nullptr) return;
  internal::ReleaseLease(*std::exchange(generation_, nullptr), counter_, thread_);
}

void PluginLease::Tag(std::string_view tag) noexcept {
  if (generation_ != nullptr && internal::LeaseLog::IsNoted(counter_)) {
    internal::LeaseLog::Tag(counter_, tag);
  }
}

const MountEntry& PluginLease::mount() const { return generation_->mount; }
std::string_view PluginLease::version() const {
  return generation_->instance->spec().plugin.ref.version;
}
std::uint64_t PluginLease::generation() const { return generation_->number; }
const InstanceInfo& PluginLease::instance() const { return generation_->instance->info(); }
std::string_view PluginLease::instance_name() const { return generation_->instance->name(); }
void* PluginLease::attached() const { return generation_->instance->attached(); }

}  // namespace plugreload
