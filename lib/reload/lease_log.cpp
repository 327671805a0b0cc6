#include "reload/lease_log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace plugreload::internal {

using Clock = std::chrono::steady_clock;

// A list without owners: whoever ends the lease takes its entry out.
struct LeaseLog::Entry {
  Shard* shard;
  Entry* next;
  Entry* previous;
  const Generation* generation;
  LeaseCounter* counter;
  Clock::time_point since;
  std::size_t tag_bytes = 0;
  std::array<char, kMaxTagBytes> tag{};
};

LeaseLog::Entry* LeaseLog::EntryOf(LeaseCounter* noted) {
  return reinterpret_cast<Entry*>(reinterpret_cast<char*>(noted) - kMark);
}

LeaseCounter* LeaseLog::Note(const Generation* generation, LeaseCounter* counter,
                             const void* thread) noexcept {
  // Records of threads are two cache lines apart.
  Shard& shard = shards_[(reinterpret_cast<std::uintptr_t>(thread) >> 7) % shards_.size()];
  auto* entry =
      new (std::nothrow) Entry{&shard, nullptr, nullptr, generation, counter, Clock::now(), 0, {}};
  if (entry == nullptr) return counter;
  const MutexLock lock(shard.mutex);
  entry->next = shard.first;
  if (shard.first != nullptr) shard.first->previous = entry;
  shard.first = entry;
  return reinterpret_cast<LeaseCounter*>(reinterpret_cast<char*>(entry) + kMark);
}

LeaseCounter* LeaseLog::Forget(LeaseCounter* noted) noexcept {
  const std::unique_ptr<Entry> entry(EntryOf(noted));
  const MutexLock lock(entry->shard->mutex);
  if (entry->next != nullptr) entry->next->previous = entry->previous;
  (entry->previous != nullptr ? entry->previous->next : entry->shard->first) = entry->next;
  return entry->counter;
}

void LeaseLog::Tag(LeaseCounter* noted, std::string_view tag) noexcept {
  Entry* const entry = EntryOf(noted);
  const MutexLock lock(entry->shard->mutex);
  entry->tag_bytes = std::min(tag.size(), kMaxTagBytes);
  if (entry->tag_bytes != 0) std::memcpy(entry->tag.data(), tag.data(), entry->tag_bytes);
}

std::vector<HeldLease> LeaseLog::Of(const Generation* generation, std::size_t most) const {
  struct Found {
    Clock::time_point since;
    std::string tag;
  };
  std::vector<Found> found;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    for (const Entry* entry = shard.first; entry != nullptr; entry = entry->next) {
      if (entry->generation != generation) continue;
      found.push_back({entry->since, std::string(entry->tag.data(), entry->tag_bytes)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.since < b.since; });
  if (found.size() > most) found.resize(most);
  std::vector<HeldLease> held;
  held.reserve(found.size());
  const auto now = Clock::now();
  for (Found& lease : found) {
    held.push_back({std::move(lease.tag), std::chrono::duration_cast<Millis>(now - lease.since)});
  }
  return held;
}

}  // namespace plugreload::internal
