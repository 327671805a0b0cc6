// namespaces/publisher.hpp - what readers of the tree see, one whole revision after the other.
#ifndef PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
#define PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/section.hpp"
#include "namespaces/route_table.hpp"

namespace plugreload::internal {

// Namespaces and mounts by path. A namespace's path and a mount's path in it make one path from the
// root, and no mount is a prefix of another, so a request follows its segments, shortest first, and
// the first mount is the answer. Entries carry the revisions in which they are there: a batch of
// changes becomes visible by the one store of the next revision.
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

  Tree::Lookup Resolve(std::string_view ns, std::string_view path) const;

  std::size_t bytes() const { return table_.bytes(); }

 private:
  // A segment of a path and where it stands in the table.
  struct Step {
    std::uint64_t hash = 0;
    std::uint32_t parent = 0;
    std::string_view segment;
  };
  struct Dropped {
    std::string path;
    bool mount = false;
  };

  using Steps = std::vector<Step>;

  RouteEntry* Node(const Step& step);
  RouteEntry* Mount(const Step& step, std::uint64_t revision);
  // The steps of a path, up to the first that has no node above it; Make adds the nodes that lead
  // to the last one.
  Steps Walk(std::string_view path);
  Steps Make(std::string_view path);
  RouteEntry* AddNode(const Steps& steps);
  void CountChild(const Steps& steps, bool added);
  void Clean(const Dropped& dropped, std::uint64_t revision);

  SectionDomain* const domain_;
  std::atomic<std::uint64_t> revision_{0};
  RouteTable table_;
  // The writer's.
  bool replaced_ = false;
  std::vector<Dropped> dropped_;
  std::uint32_t last_id_ = 0;  // 0 is the root, which has no entry
  std::vector<std::uint32_t> free_ids_, old_ids_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
