#include "reload/generation.hpp"

#include <utility>

#include "plugreload/reload.hpp"
#include "reload/instance.hpp"
#include "reload/lease_log.hpp"

namespace plugreload::internal {
std::uint32_t Generation::Held() const {
  // `out` first: a lease that begins and ends between the two sums must not look like one that
  // ended without having begun. With `in` final the order does not matter.
  const std::uint32_t out = spare.out.load(kSectionAcquire) / 2;
  const SectionDomain::Totals total = domain->Total(id);
  const std::uint32_t in = spare.in.load(kSectionAcquire);
  return (total.in + in - total.out - out) & kLeaseBits;
}

SectionRecord* NobodysRecord() {
  static constinit SectionRecord record;
  return &record;
}

void WakeDrainer(const Generation& generation) noexcept { generation.drained->Wake(); }

LeaseCount CountSpare(Generation& generation) noexcept {
  generation.spare.in.fetch_add(1, kSectionRelaxed);
  generation.domain->CountSpare();
  return {&generation.spare, NobodysRecord()};
}

// On another thread, or of a lease that no thread's counter counts.
void ReleaseElsewhere(Generation& generation, LeaseCounter* counter) noexcept {
  if (LeaseLog::IsNoted(counter)) counter = LeaseLog::Forget(counter);
  SectionDomain& domain = *generation.domain;
  SectionRecord* own = domain.Record();
  LeaseCounter* end = own == nullptr ? nullptr : own->Counter(generation.id);
  if (end != nullptr) {
    CountEnd(generation, end, own);
    return;
  }
  // No memory for a counter of this thread. Many may be here at once, so an odd number would say
  // nothing: what AwaitReleases waits for is a count.
  domain.BeginSpareRelease();
  generation.spare.out.fetch_add(2, kSectionRelease);
  domain.HeavyFence();
  if (generation.draining.load(kSectionRelaxed)) WakeDrainer(generation);
  domain.EndSpareRelease();
}

Generation* GenerationSlab::Take() {
  const MutexLock lock(mutex_);
  if (slab_.size() == kCountersPerChunk * kCounterChunks && slab_.all_taken()) return nullptr;
  return slab_.Take([this](Generation& generation, std::size_t number) {
    generation.id = CounterId(static_cast<std::uint32_t>(number));
    generation.domain = domain_;
    generation.drained = drained_;
  });
}

void GenerationSlab::GiveBack(const std::vector<Generation*>& generations) {
  for (Generation* generation : generations) {
    generation->instance = nullptr;  // the last use of it may retire it: not under the lock
    generation->mount = nullptr;
    generation->draining.store(false, kSectionRelaxed);
  }
  const MutexLock lock(mutex_);
  for (Generation* generation : generations) slab_.GiveBack(generation);
}

}  // namespace plugreload::internal

namespace plugreload {

PluginLease& PluginLease::operator=(PluginLease&& other) noexcept {
  if (this != &other) {
    Release();
    generation_ = std::exchange(other.generation_, nullptr);
    counter_ = other.counter_;
    record_ = other.record_;
    rest_ = other.rest_;
  }
  return *this;
}

void PluginLease::Release() noexcept {
  if (generation_ == nullptr) return;
  internal::ReleaseLease(*std::exchange(generation_, nullptr), {counter_, record_});
}

void PluginLease::Tag(std::string_view tag) noexcept {
  if (generation_ != nullptr && internal::LeaseLog::IsNoted(counter_)) {
    internal::LeaseLog::Tag(counter_, tag);
  }
}

const MountEntry& PluginLease::mount() const { return *generation_->mount; }
std::string_view PluginLease::version() const {
  return generation_->instance->spec().plugin.ref.version;
}
std::uint64_t PluginLease::generation() const { return generation_->number; }
const InstanceInfo& PluginLease::instance() const { return generation_->instance->info(); }
std::string_view PluginLease::instance_name() const { return generation_->instance->name(); }
void* PluginLease::attached() const { return generation_->instance->attached(); }

}  // namespace plugreload
