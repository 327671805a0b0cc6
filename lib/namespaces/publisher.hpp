// namespaces/publisher.hpp - what readers of the tree see, one whole revision after the other.
#ifndef PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
#define PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/section.hpp"
#include "namespaces/path_text.hpp"
#include "namespaces/route_table.hpp"

namespace plugreload::internal {

// Namespaces and mounts by path. A namespace's path and a mount's path in it make one path from the
// root, and no mount is a prefix of another, so a request follows the segments of its path,
// shortest first, and the first mount is the answer. Every path that leads to something longer has
// an entry, so the first that has none ends the search. The namespace that is given is one step,
// whatever its depth, and not even looked up when a mount of it is found. Entries carry the
// revision in which they come or go: a batch of changes becomes visible by the one store of the
// next revision.
//
// Thread safety: Resolve from any thread inside a section of the domain; the rest from one thread
// at a time, outside of any.
class Publisher {
 public:
  explicit Publisher(SectionDomain* domain) : domain_(domain) {}

  // The revision that the batch in the making will be.
  std::uint64_t next() const { return revision_.load(std::memory_order_relaxed) + 1; }

  // The batch. Namespaces and paths are canonical; what is put is not there yet, what is dropped
  // is. Nodes must stay alive until the Commit that drops or replaces them has returned.
  void PutNamespace(std::string_view ns);
  void DropNamespace(std::string_view ns);
  void PutMount(const MountNode& node);  // of place next()
  void DropMount(const MountEntry& entry);
  void ReplaceMount(const MountNode& node);  // by one of the same place

  // Publishes the batch, and returns when no reader uses what it dropped or replaced.
  void Commit();

  // Here, so that a caller has it inside.
  Tree::Lookup Resolve(std::string_view ns, std::string_view path) const;

  std::size_t bytes() const { return table_.bytes(); }

 private:
  // A path and where it falls in the table.
  struct Step {
    std::uint64_t hash = 0;
    RouteKey key;
  };

  RouteEntry* Mount(const Step& step, std::uint64_t revision);
  RouteEntry* Only(const Step& step, RouteKind kind) {
    return table_.Next(step.hash, step.key, kind, nullptr);
  }
  RouteEntry* Gone(const Step& step, RouteKind kind);
  Step NamespaceStep(std::string_view ns) const;
  // Into steps_: one for each segment of a path in a namespace, or of a namespace in the one above
  // it. The texts must outlive them.
  void Walk(std::string_view ns, std::string_view path);
  void WalkTo(std::string_view ns);
  // An entry at the last of steps_, of a kind that readers must find beside a node, with the nodes
  // that lead to it.
  void AddLast(const RouteTable::Value& value);
  void RemoveLast(RouteEntry* entry);
  void Clean(const MountEntry& dropped);
  void Clean(std::string_view ns);

  SectionDomain* const domain_;
  std::atomic<std::uint64_t> revision_{0};
  RouteTable table_;
  // The writer's.
  bool replaced_ = false;
  std::vector<const MountEntry*> dropped_;
  std::vector<std::string> dropped_namespaces_;
  std::vector<Step> steps_;
};

// The hot path: no lock, no allocation, and no line that anybody else writes.
[[gnu::always_inline]] inline Tree::Lookup Publisher::Resolve(std::string_view ns,
                                                              std::string_view path) const {
  const std::uint64_t revision = revision_.load(kSectionAcquire);
  const PathHash& hasher = table_.hash();
  // Most have been trimmed before, but for the slash at the end.
  if (ns.ends_with('/')) ns.remove_suffix(1);
  if (ns.ends_with('/') || ns.starts_with('/') || ns == "root") [[unlikely]]
    ns = TrimNamespace(ns);
  const std::uint64_t ns_hash = hasher.OfNamespace(ns);
  std::uint64_t hash = ns_hash;
  const std::size_t given = ns.empty() ? 0 : ns.size() + 1;
  std::size_t above = given;
  for (std::size_t begin = 0; begin < path.size(); ++begin) {
    begin = hasher.Step(path, begin, hash);
    const RouteEntry* entry = table_.Find(hash, {ns, path.substr(0, begin), above}, revision);
    if (entry == nullptr) break;
    if (entry->kind() == RouteKind::kNode) continue;
    if (entry->kind() == RouteKind::kChild) {
      hash = entry->number;
      above = given + begin + 1;
      continue;
    }
    const MountNode* node = entry->mount.load(kSectionAcquire);
    const std::uint64_t when = entry->when.load(std::memory_order_relaxed);
    return {node, entry->cell, when % 2 == 0 ? when / 2 : node->place, true,
            path.substr(std::min(begin + 1, path.size()))};
  }
  return {.namespace_found = ns.empty() || table_.IsNamespace(ns_hash, ns, revision), .rest = path};
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
