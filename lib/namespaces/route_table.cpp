#include "namespaces/route_table.hpp"

#include <algorithm>
#include <bit>
#include <memory>

#include "base/ids.hpp"

namespace plugreload::internal {
namespace {

std::uint64_t RandomKey() { return std::uint64_t{RandomNumber()} << 32 | RandomNumber(); }

// 0 and 1 mean something else.
std::uint64_t Stored(std::uint64_t hash) { return hash < 2 ? hash + 2 : hash; }

static_assert(sizeof(RouteEntry) == 64);

}  // namespace

bool RouteEntry::Is(std::uint32_t above, std::string_view segment) const {
  if (parent != above || size() != segment.size()) return false;
  if (segment.size() <= kInlineText) [[likely]] {
    return WordsOf({text, segment.size()}) == WordsOf(segment);
  }
  return segment == std::string_view(long_text, segment.size());
}

RouteTable::RouteTable() : hash_(RandomKey(), RandomKey()) {}

RouteTable::~RouteTable() {
  Reclaim();
  for (auto& word : parts_) {
    const Part part = Unpack(word.load(std::memory_order_relaxed));
    if (part.entries == nullptr) continue;
    for (std::size_t i = 0; i <= part.mask; ++i) {
      const RouteEntry& entry = part.entries[i];
      const bool there = entry.hash.load(std::memory_order_relaxed) > RouteEntry::kTombstone;
      if (there && entry.size() > RouteEntry::kInlineText) delete[] entry.long_text;
    }
    delete[] part.entries;
  }
}

RouteTable::Part RouteTable::Unpack(std::uintptr_t word) {
  // The pointer comes from this very word; that it went through an integer costs the optimiser
  // nothing it could have used.
  auto* entries = reinterpret_cast<RouteEntry*>(word & ~std::uintptr_t{63});  // NOLINT
  return {entries, (std::size_t{1} << (word & 63)) - 1};
}

const RouteEntry* RouteTable::Find(std::uint64_t hash, std::uint32_t parent,
                                   std::string_view segment, std::uint64_t revision) const {
  const std::uint64_t wanted = Stored(hash);
  const Part part = Unpack(parts_[PartOf(wanted)].load(kSectionAcquire));
  if (part.entries == nullptr) return nullptr;
  const RouteEntry* node = nullptr;
  // There is always an empty place.
  for (std::size_t i = wanted;; ++i) {
    const RouteEntry& entry = part.entries[i & part.mask];
    const std::uint64_t present = entry.hash.load(kSectionAcquire);
    if (present == RouteEntry::kEmpty) return node;
    if (present != wanted || !entry.Is(parent, segment)) continue;
    if (entry.is_mount()) {
      if (entry.In(revision)) return &entry;
    } else {
      if (entry.mount.load(kSectionRelaxed) == nullptr) [[likely]]
        return &entry;
      node = &entry;
    }
  }
}

RouteEntry* RouteTable::Next(std::uint64_t hash, std::uint32_t parent, std::string_view segment,
                             const RouteEntry* previous) {
  const std::uint64_t wanted = Stored(hash);
  const Part part = Unpack(parts_[PartOf(wanted)].load(std::memory_order_relaxed));
  if (part.entries == nullptr) return nullptr;
  bool behind = previous == nullptr;
  for (std::size_t i = wanted;; ++i) {
    RouteEntry& entry = part.entries[i & part.mask];
    const std::uint64_t present = entry.hash.load(std::memory_order_relaxed);
    if (present == RouteEntry::kEmpty) return nullptr;
    if (behind && present == wanted && entry.Is(parent, segment)) return &entry;
    behind = behind || &entry == previous;
  }
}

RouteEntry* RouteTable::Place(std::uint64_t stored) {
  const std::size_t number = PartOf(stored);
  // Three quarters full at most, so that probes end soon.
  Part part = Unpack(parts_[number].load(std::memory_order_relaxed));
  if (part.entries == nullptr || (used_[number] + 1) * 4 > (part.mask + 1) * 3) {
    Grow(number);
    part = Unpack(parts_[number].load(std::memory_order_relaxed));
  }
  ++used_[number];
  ++live_[number];
  for (std::size_t i = stored;; ++i) {
    RouteEntry& entry = part.entries[i & part.mask];
    if (entry.hash.load(std::memory_order_relaxed) == RouteEntry::kEmpty) return &entry;
  }
}

RouteEntry* RouteTable::Add(std::uint64_t hash, std::uint32_t parent, std::string_view segment,
                            const Value& value) {
  std::unique_ptr<char[]> long_text;
  if (segment.size() > RouteEntry::kInlineText) {
    long_text = std::make_unique<char[]>(segment.size());
    std::copy(segment.begin(), segment.end(), long_text.get());
  }
  const std::uint64_t stored = Stored(hash);
  RouteEntry* entry = Place(stored);
  entry->mount.store(value.mount, std::memory_order_relaxed);
  if (value.is_mount) {
    entry->attachment = value.attachment;
  } else {
    entry->node = {value.id, 0};
  }
  entry->parent = parent;
  entry->size_and_kind =
      static_cast<std::uint32_t>(segment.size()) | (value.is_mount ? RouteEntry::kMount : 0);
  if (long_text != nullptr) {
    entry->long_text = long_text.release();
  } else {
    std::copy(segment.begin(), segment.end(), entry->text);
  }
  entry->hash.store(stored, kSectionRelease);
  return entry;
}

void RouteTable::Remove(RouteEntry* entry) {
  const std::uint64_t hash = entry->hash.load(std::memory_order_relaxed);
  if (entry->size() > RouteEntry::kInlineText) texts_.push_back(entry->long_text);
  entry->hash.store(RouteEntry::kTombstone, kSectionRelease);
  --live_[PartOf(hash)];
}

// Into twice the room, or into the same when it is tombstones that fill it. Readers go on in the
// old part, which nobody changes any more, until they leave their sections.
void RouteTable::Grow(std::size_t number) {
  const Part old = Unpack(parts_[number].load(std::memory_order_relaxed));
  std::size_t capacity = old.entries == nullptr ? kFirstCapacity : old.mask + 1;
  while ((live_[number] + 1) * 2 > capacity) capacity *= 2;
  auto* entries = new RouteEntry[capacity];
  old_parts_.reserve(old_parts_.size() + 1);
  for (std::size_t i = 0; old.entries != nullptr && i <= old.mask; ++i) {
    const RouteEntry& from = old.entries[i];
    const std::uint64_t hash = from.hash.load(std::memory_order_relaxed);
    if (hash <= RouteEntry::kTombstone) continue;
    std::size_t at = hash;
    while (entries[at & (capacity - 1)].hash.load(std::memory_order_relaxed) != 0) ++at;
    RouteEntry& to = entries[at & (capacity - 1)];
    to.born.store(from.born.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.dead.store(from.dead.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.mount.store(from.mount.load(std::memory_order_relaxed), std::memory_order_relaxed);
    if (from.is_mount()) {
      to.attachment = from.attachment;
    } else {
      to.node = from.node;
    }
    to.parent = from.parent;
    to.size_and_kind = from.size_and_kind;
    if (from.size() > RouteEntry::kInlineText) {
      to.long_text = from.long_text;
    } else {
      std::copy(from.text, from.text + RouteEntry::kInlineText, to.text);
    }
    to.hash.store(hash, std::memory_order_relaxed);
  }
  used_[number] = live_[number];
  if (old.entries != nullptr) old_parts_.push_back(old.entries);
  const auto log = static_cast<std::uintptr_t>(std::countr_zero(capacity));
  parts_[number].store(reinterpret_cast<std::uintptr_t>(entries) | log,  // NOLINT
                       kSectionRelease);
}

void RouteTable::Reclaim() {
  for (RouteEntry* entries : old_parts_) delete[] entries;
  old_parts_.clear();
  for (const char* text : texts_) delete[] text;
  texts_.clear();
}

std::size_t RouteTable::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& word : parts_) {
    const Part part = Unpack(word.load(std::memory_order_relaxed));
    if (part.entries != nullptr) bytes += (part.mask + 1) * sizeof(RouteEntry);
  }
  return bytes;
}

}  // namespace plugreload::internal
