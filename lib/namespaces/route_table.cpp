#include "namespaces/route_table.hpp"

#include <algorithm>
#include <bit>
#include <memory>

#include "base/ids.hpp"
#include "namespaces/path_text.hpp"

namespace plugreload::internal {
namespace {

std::uint64_t RandomKey() { return std::uint64_t{RandomNumber()} << 32 | RandomNumber(); }

static_assert(sizeof(RouteEntry) == 64);
static_assert(2 * kMaxPathBytes < 1 << 14);  // a namespace and a path in it

}  // namespace

RouteTable::RouteTable() : hash_(RandomKey(), RandomKey(), RandomKey()) {}

RouteTable::~RouteTable() {
  Reclaim();
  for (auto& word : parts_) {
    const Part part = Unpack(word.load(std::memory_order_relaxed));
    if (part.entries == nullptr) continue;
    for (std::size_t i = 0; i <= part.mask; ++i) {
      const RouteEntry& entry = part.entries[i];
      const bool there = entry.tag.load(std::memory_order_relaxed) > RouteEntry::kTombstone;
      if (there && entry.size() > RouteEntry::kInlineText) delete[] entry.long_text;
    }
    memory_.GiveBack(part.entries, part.mask + 1);
  }
}

bool RouteTable::IsNamespace(std::uint64_t hash, std::string_view ns,
                             std::uint64_t revision) const {
  const std::uint32_t wanted = TagOf(hash);
  const Part part = Unpack(parts_[PartOf(hash)].load(kSectionAcquire));
  if (part.entries == nullptr) return false;
  for (std::size_t i = wanted;; ++i) {
    const RouteEntry& entry = part.entries[i & part.mask];
    const std::uint32_t present = entry.tag.load(kSectionAcquire);
    if (present == RouteEntry::kEmpty) return false;
    const bool found =
        present == wanted && entry.Is({{}, ns, 0}) && entry.kind() == RouteKind::kNamespace;
    if (found && entry.In(revision)) return true;
  }
}

RouteEntry* RouteTable::Next(std::uint64_t hash, const RouteKey& key, RouteKind kind,
                             const RouteEntry* previous) {
  const std::uint32_t wanted = TagOf(hash);
  const Part part = Unpack(parts_[PartOf(hash)].load(std::memory_order_relaxed));
  if (part.entries == nullptr) return nullptr;
  bool behind = previous == nullptr;
  for (std::size_t i = wanted;; ++i) {
    RouteEntry& entry = part.entries[i & part.mask];
    const std::uint32_t present = entry.tag.load(std::memory_order_relaxed);
    if (present == RouteEntry::kEmpty) return nullptr;
    if (behind && present == wanted && entry.kind() == kind && entry.Is(key)) return &entry;
    behind = behind || &entry == previous;
  }
}

RouteEntry* RouteTable::Place(std::size_t number, std::uint32_t tag) {
  // Three quarters full at most, so that probes end soon.
  Part part = Unpack(parts_[number].load(std::memory_order_relaxed));
  if (part.entries == nullptr || (used_[number] + 1) * 4 > (part.mask + 1) * 3) {
    Grow(number);
    part = Unpack(parts_[number].load(std::memory_order_relaxed));
  }
  ++used_[number];
  ++live_[number];
  for (std::size_t i = tag;; ++i) {
    RouteEntry& entry = part.entries[i & part.mask];
    if (entry.tag.load(std::memory_order_relaxed) == RouteEntry::kEmpty) return &entry;
  }
}

RouteEntry* RouteTable::Add(std::uint64_t hash, const RouteKey& key, const Value& value) {
  const std::size_t size = key.size();
  std::unique_ptr<char[]> long_text;
  if (size > RouteEntry::kInlineText) long_text = std::make_unique<char[]>(size);
  const std::uint32_t tag = TagOf(hash);
  RouteEntry* entry = Place(PartOf(hash), tag);
  char* text = long_text != nullptr ? long_text.get() : entry->text;
  if (!key.ns.empty()) {
    text = std::copy(key.ns.begin(), key.ns.end(), text);
    *text++ = '/';
  }
  std::copy(key.path.begin(), key.path.end(), text);
  if (long_text != nullptr) entry->long_text = long_text.release();
  entry->shape = RouteEntry::Sizes(key) | static_cast<std::uint32_t>(value.kind) << 28;
  entry->mount.store(value.mount, std::memory_order_relaxed);
  entry->when.store(value.when, std::memory_order_relaxed);
  if (value.kind == RouteKind::kMount) {
    entry->cell = value.mount->attachment == nullptr ? nullptr : value.mount->attachment->cell;
  } else {
    entry->number = value.number;
  }
  entry->tag.store(tag, kSectionRelease);
  return entry;
}

void RouteTable::Remove(std::uint64_t hash, RouteEntry* entry) {
  if (entry->size() > RouteEntry::kInlineText) texts_.push_back(entry->long_text);
  entry->tag.store(RouteEntry::kTombstone, kSectionRelease);
  --live_[PartOf(hash)];
}

// Into twice the room, or into the same when it is tombstones that fill it. Readers go on in the
// old part, which nobody changes any more, until they leave their sections.
void RouteTable::Grow(std::size_t number) {
  const Part old = Unpack(parts_[number].load(std::memory_order_relaxed));
  std::size_t capacity = old.entries == nullptr ? kFirstCapacity : old.mask + 1;
  while ((live_[number] + 1) * 2 > capacity) capacity *= 2;
  old_parts_.reserve(old_parts_.size() + 1);
  RouteEntry* const entries = memory_.Take(capacity);
  for (std::size_t i = 0; old.entries != nullptr && i <= old.mask; ++i) {
    const RouteEntry& from = old.entries[i];
    const std::uint32_t tag = from.tag.load(std::memory_order_relaxed);
    if (tag <= RouteEntry::kTombstone) continue;
    std::size_t at = tag;
    while (entries[at & (capacity - 1)].tag.load(std::memory_order_relaxed) != 0) ++at;
    RouteEntry& to = entries[at & (capacity - 1)];
    to.when.store(from.when.load(std::memory_order_relaxed), std::memory_order_relaxed);
    to.mount.store(from.mount.load(std::memory_order_relaxed), std::memory_order_relaxed);
    if (from.kind() == RouteKind::kMount) {
      to.cell = from.cell;
    } else {
      to.number = from.number;
    }
    to.shape = from.shape;
    if (from.size() > RouteEntry::kInlineText) {
      to.long_text = from.long_text;
    } else {
      std::copy(from.text, from.text + RouteEntry::kInlineText, to.text);
    }
    to.tag.store(tag, std::memory_order_relaxed);
  }
  used_[number] = live_[number];
  if (old.entries != nullptr) old_parts_.push_back(old);
  const auto log = static_cast<std::uintptr_t>(std::countr_zero(capacity));
  parts_[number].store(reinterpret_cast<std::uintptr_t>(entries) | log,  // NOLINT
                       kSectionRelease);
}

void RouteTable::Reclaim() {
  for (const Part& part : old_parts_) memory_.GiveBack(part.entries, part.mask + 1);
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
