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
#include "namespaces/tree.hpp"

namespace plugreload::internal {

// One step of a path: a mount, or a node on the way to one, which may be a namespace. One cache
// line. What readers compare is constant from the store of `hash` until a grace behind the store
// that took it away.
struct alignas(64) RouteEntry {
  static constexpr std::uint64_t kEmpty = 0, kTombstone = 1;  // of `hash`
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint32_t kMount = 0x80000000;
  static constexpr std::size_t kInlineText = 16;

  std::atomic<std::uint64_t> hash{kEmpty};
  // The revisions of the table in which a mount is there; of a node, in which it is a namespace.
  std::atomic<std::uint64_t> born{kNever}, dead{0};
  // Of a mount. Of a node: not null when there is, or was, a mount of its name as well.
  std::atomic<const MountNode*> mount{nullptr};
  struct NodeCounts {
    std::uint32_t id, children;  // the writer alone looks at the children
  };
  union {
    MountAttachment* attachment;  // of a mount
    NodeCounts node;
  };
  // The id of the node above, and its own segment: together they are unique.
  std::uint32_t parent = 0;
  std::uint32_t size_and_kind = 0;
  union {
    char text[kInlineText];
    const char* long_text;  // owned by the writer
  };

  RouteEntry() : attachment(nullptr), text{} {}
  bool is_mount() const { return (size_and_kind & kMount) != 0; }
  std::uint32_t size() const { return size_and_kind & ~kMount; }
  bool In(std::uint64_t revision) const {
    return born.load(kSectionRelaxed) <= revision && revision < dead.load(kSectionRelaxed);
  }
  std::string_view segment() const { return {size() <= kInlineText ? text : long_text, size()}; }
  bool Is(std::uint32_t above, std::string_view segment) const;
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

  // The mount that is there in `revision`, else the node; null: there is neither.
  const RouteEntry* Find(std::uint64_t hash, std::uint32_t parent, std::string_view segment,
                         std::uint64_t revision) const;

  // For the writer. A new entry, in no revision; its place may change with the next one.
  struct Value {
    const MountNode* mount = nullptr;
    MountAttachment* attachment = nullptr;
    std::uint32_t id = 0;
    bool is_mount = false;
  };
  RouteEntry* Add(std::uint64_t hash, std::uint32_t parent, std::string_view segment,
                  const Value& value);
  // The entry after `previous` (null: the first) with this name, whatever its revisions.
  RouteEntry* Next(std::uint64_t hash, std::uint32_t parent, std::string_view segment,
                   const RouteEntry* previous);
  // Takes an entry out that no reader can want.
  void Remove(RouteEntry* entry);
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
  static std::size_t PartOf(std::uint64_t stored) { return stored >> 56; }
  RouteEntry* Place(std::uint64_t stored);
  void Grow(std::size_t part);

  const PathHash hash_;
  std::array<std::atomic<std::uintptr_t>, kParts> parts_{};
  std::array<std::uint32_t, kParts> used_{};  // tombstones included
  std::array<std::uint32_t, kParts> live_{};
  std::vector<RouteEntry*> old_parts_;
  std::vector<const char*> texts_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_ROUTE_TABLE_HPP_
