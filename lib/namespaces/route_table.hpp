// namespaces/route_table.hpp - one flat table of all paths, changed in place under its readers.
#ifndef PLUGRELOAD_NAMESPACES_ROUTE_TABLE_HPP_
#define PLUGRELOAD_NAMESPACES_ROUTE_TABLE_HPP_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/section.hpp"
#include "namespaces/path_hash.hpp"
#include "namespaces/route_memory.hpp"
#include "namespaces/tree.hpp"

namespace plugreload::internal {

// A path from the root without its last slash, as a reader has it: what is in `ns`, which has no
// slashes at its ends either, or `path` alone. The namespace in which it is a path is as long as
// `above`, with its slash.
struct RouteKey {
  std::string_view ns, path;
  std::size_t above = 0;
  std::size_t size() const { return path.size() + (ns.empty() ? 0 : ns.size() + 1); }
};

enum class RouteKind : std::uint32_t {
  kNode,       // a path in a namespace, on the way to a mount
  kMount,      // the same, with a mount
  kChild,      // a namespace, as a path in the one above leads to it
  kNamespace,  // a namespace by itself
};

// One cache line. What readers compare is constant from the store of `tag` until a grace behind the
// store that took it away.
struct alignas(64) RouteEntry {
  static constexpr std::uint32_t kEmpty = 0, kTombstone = 1;  // of `tag`
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::size_t kInlineText = 32;

  std::atomic<std::uint32_t> tag{kEmpty};  // of the hash
  std::uint32_t shape = 0;                 // two sizes, see RouteKey, and the kind
  // The revision of the table, twice, since which a mount or a namespace is there; odd: since which
  // it is not. Of a node: kNever unless something else of its path is, or was, there as well.
  std::atomic<std::uint64_t> when{kNever};
  std::atomic<const MountNode*> mount{nullptr};  // of a mount
  union {
    void* cell;  // of a mount: MountAttachment::cell
    // Of a child: the hash of its namespace. Of a node, for the writer alone: how many entries one
    // segment longer there are.
    std::uint64_t number;
  };
  union {
    char text[kInlineText];
    const char* long_text;  // owned by the writer
  };

  RouteEntry() : cell(nullptr), text{} {}
  std::size_t size() const { return shape & 0x3FFF; }
  RouteKind kind() const { return static_cast<RouteKind>(shape >> 28); }
  static std::uint32_t Sizes(const RouteKey& key) {
    return static_cast<std::uint32_t>(key.size() | key.above << 14);
  }
  // An entry that is about to go is there for readers of every revision before, also of those in
  // which it was not yet: so it was, while they read, and nobody else was there at its path, for
  // the commit that takes somebody away returns when the last reader of the revision before is
  // gone.
  bool In(std::uint64_t revision) const {
    const std::uint64_t seen = when.load(kSectionAcquire);
    return seen % 2 == 0 ? seen / 2 <= revision : revision < seen / 2 && seen != kNever;
  }
  bool Is(const RouteKey& key) const;
};

// Open addressing in 256 parts that grow by themselves, so that no change copies more than a
// 256th. Readers are inside sections; writers are one at a time.
class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  const PathHash& hash() const { return hash_; }

  // The mount or the child that is there in `revision`, else the node; null: there is none.
  const RouteEntry* Find(std::uint64_t hash, const RouteKey& key, std::uint64_t revision) const;
  bool IsNamespace(std::uint64_t hash, std::string_view ns, std::uint64_t revision) const;

  // For the writer. Its place may change with the next one.
  struct Value {
    RouteKind kind = RouteKind::kNode;
    std::uint64_t when = RouteEntry::kNever;
    const MountNode* mount = nullptr;
    std::uint64_t number = 0;
  };
  RouteEntry* Add(std::uint64_t hash, const RouteKey& key, const Value& value);
  // The entry after `previous` (null: the first) of this kind, whatever its revisions.
  RouteEntry* Next(std::uint64_t hash, const RouteKey& key, RouteKind kind,
                   const RouteEntry* previous);
  // Takes an entry out that no reader can want.
  void Remove(std::uint64_t hash, RouteEntry* entry);
  // After a grace: what was replaced and removed since the last one is freed.
  void Reclaim();
  bool needs_reclaim() const { return !old_parts_.empty() || !texts_.empty(); }

  std::size_t bytes() const;

 private:
  static constexpr std::size_t kParts = 256;
  static constexpr std::size_t kFirstCapacity = 4;

  struct Part {
    RouteEntry* entries = nullptr;
    std::size_t mask = 0;
  };
  // The entries and, in the bits that alignment leaves, the logarithm of their number.
  static Part Unpack(std::uintptr_t word);
  static std::size_t PartOf(std::uint64_t hash) { return hash >> 56; }
  // 0 and 1 mean something else.
  static std::uint32_t TagOf(std::uint64_t hash) {
    const auto tag = static_cast<std::uint32_t>(hash);
    return tag < 2 ? tag + 2 : tag;
  }
  RouteEntry* Place(std::size_t part, std::uint32_t tag);
  void Grow(std::size_t part);

  const PathHash hash_;
  std::array<std::atomic<std::uintptr_t>, kParts> parts_{};
  std::array<std::uint32_t, kParts> used_{};  // tombstones included
  std::array<std::uint32_t, kParts> live_{};
  RouteMemory memory_;
  std::vector<Part> old_parts_;
  std::vector<const char*> texts_;
};

// Here, so that the reader's loop has them inside.

[[gnu::always_inline]] inline bool RouteEntry::Is(const RouteKey& key) const {
  if ((shape & 0xFFFFFFF) != Sizes(key)) return false;
  const char* own = size() <= kInlineText ? text : long_text;
  if (!key.ns.empty()) {
    const std::size_t above = key.ns.size();
    if (!EqualBytes(own, key.ns.data(), above) || own[above] != '/') return false;
    own += above + 1;
  }
  return EqualBytes(own, key.path.data(), key.path.size());
}

inline RouteTable::Part RouteTable::Unpack(std::uintptr_t word) {
  // The pointer comes from this very word; that it went through an integer costs the optimiser
  // nothing it could have used.
  auto* entries = reinterpret_cast<RouteEntry*>(word & ~std::uintptr_t{63});  // NOLINT
  return {entries, (std::size_t{1} << (word & 63)) - 1};
}

[[gnu::always_inline]] inline const RouteEntry* RouteTable::Find(std::uint64_t hash,
                                                                 const RouteKey& key,
                                                                 std::uint64_t revision) const {
  const std::uint32_t wanted = TagOf(hash);
  const Part part = Unpack(parts_[PartOf(hash)].load(kSectionAcquire));
  if (part.entries == nullptr) [[unlikely]]
    return nullptr;
  const RouteEntry* node = nullptr;
  // There is always an empty place.
  for (std::size_t i = wanted;; ++i) {
    const RouteEntry& entry = part.entries[i & part.mask];
    const std::uint32_t present = entry.tag.load(kSectionAcquire);
    if (present == RouteEntry::kEmpty) return node;
    if (present != wanted || !entry.Is(key)) continue;
    const RouteKind kind = entry.kind();
    if (kind == RouteKind::kMount || kind == RouteKind::kChild) {
      if (entry.In(revision)) [[likely]]
        return &entry;
    } else if (kind == RouteKind::kNode) {
      node = &entry;
      if (entry.when.load(kSectionRelaxed) == RouteEntry::kNever) return node;
    }
  }
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_ROUTE_TABLE_HPP_
