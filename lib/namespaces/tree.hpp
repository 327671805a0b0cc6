// namespaces/tree.hpp - the image of namespaces and mounts behind NamespaceTree.
#ifndef PLUGRELOAD_NAMESPACES_TREE_HPP_
#define PLUGRELOAD_NAMESPACES_TREE_HPP_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/section.hpp"
#include "plugreload/namespaces.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// A mount as it is stored; immutable, and the one copy of it that everybody shares.
using SharedEntry = std::shared_ptr<const MountEntry>;

// What hangs on a mount for as long as it is mounted, moves and tunes included: the slot of the
// reload room.
class MountAttachment {
 public:
  // `leads_to` is what readers of the mount find, without a look at the attachment's own memory;
  // there for as long as the attachment is.
  explicit MountAttachment(void* leads_to = nullptr) : cell(leads_to) {}
  virtual ~MountAttachment() = default;

  void* const cell;
};

// Told of changes by the applier's thread, in order. Must not block or call back into the tree's
// mutators.
class MountObserver {
 public:
  virtual ~MountObserver() = default;
  // A mount appeared: what hangs on it. Before it is published.
  virtual std::shared_ptr<MountAttachment> OnMounted(const SharedEntry& entry,
                                                     std::uint64_t place) = 0;
  // Its path, namespace or stored fields changed. After it is published.
  virtual void OnMountChanged(const SharedEntry& entry, std::uint64_t place,
                              MountAttachment& attachment) = 0;
  // It is gone. After readers can no longer find it.
  virtual void OnUnmounted(const MountEntry& entry,
                           const std::shared_ptr<MountAttachment>& attachment) = 0;
};

// One mount as published to readers; immutable.
struct MountNode {
  MountNode(SharedEntry shared, std::shared_ptr<MountAttachment> hanging, std::uint64_t at)
      : record(std::move(shared)), entry(*record), attachment(std::move(hanging)), place(at) {}

  const SharedEntry record;
  const MountEntry& entry;
  std::shared_ptr<MountAttachment> attachment;
  // Another one after every move, greater than all before: readers find the mount at its new path
  // before the observer is told, and know by this that what hangs on it still speaks of the old.
  std::uint64_t place = 0;
};

class Publisher;

class Tree : public StateImage {
 public:
  // `domain` protects readers of the published tables and must outlive the tree.
  static std::shared_ptr<Tree> Create(SectionDomain* domain);

  // Called once each, before the first Reset and the first mutator.
  virtual void Observe(MountObserver* observer) = 0;
  virtual void Bind(Applier* applier) = 0;

  // As in NamespaceTree.
  virtual Status Create(std::string_view ns, std::map<std::string, std::string> custom_metadata,
                        Deadline deadline) = 0;
  virtual Status SetMetadata(std::string_view ns,
                             std::map<std::string, std::string> custom_metadata,
                             Deadline deadline) = 0;
  virtual Status Remove(std::string_view ns, Deadline deadline) = 0;
  virtual std::optional<NamespaceInfo> Find(std::string_view ns) const = 0;
  virtual std::vector<NamespaceInfo> List(std::string_view ns, Depth depth) const = 0;
  virtual std::vector<MountEntry> Mounts(std::string_view ns, Depth depth) const = 0;
  virtual std::optional<MountEntry> FindMount(std::string_view ns, std::string_view path) const = 0;

  virtual Result<ResolvedMount> ResolveCopy(std::string_view ns, std::string_view path) const = 0;

  // For the coordinator. Entries are canonicalised and checked; AddMount gives an accessor when
  // there is none and returns the entry as stored. The codes are ReloadCoordinator's.
  // `also` is what else must hold, evaluated with each attempt to commit; may be empty.
  virtual Result<MountEntry> AddMount(MountEntry entry, Deadline deadline,
                                      const Applier::Edit& also = {}) = 0;
  // Every check of AddMount without the change, for callers that start an instance first. Returns
  // the entry as AddMount would store it, accessor included: adding that very entry keeps it.
  virtual Result<MountEntry> CheckMount(MountEntry entry) const = 0;
  virtual Status RemoveMount(std::string_view ns, std::string_view path, Deadline deadline) = 0;
  virtual Status MoveMount(std::string_view from_ns, std::string_view from, std::string_view to_ns,
                           std::string_view to, Deadline deadline) = 0;
  virtual Status TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                           Deadline deadline) = 0;

  // Mounts by plugin name, through an index: of type (kUnknown: any), in `ns` or below it; by
  // namespace, then path.
  virtual std::vector<std::shared_ptr<const MountNode>> MountsOf(PluginType type,
                                                                 std::string_view plugin,
                                                                 std::string_view ns,
                                                                 Depth depth) const = 0;
  virtual std::vector<std::shared_ptr<const MountNode>> Nodes(std::string_view ns,
                                                              Depth depth) const = 0;
  // Of `ns` itself, `most` of those whose path is behind `after`, in their order.
  virtual std::vector<std::shared_ptr<const MountNode>> NodesAfter(std::string_view ns,
                                                                   std::string_view after,
                                                                   std::size_t most) const = 0;
  virtual std::shared_ptr<const MountNode> FindNode(std::string_view ns,
                                                    std::string_view path) const = 0;

  // The hot path. Takes no lock and does not allocate.
  // REQUIRES: the calling thread is inside a section of `domain`; the node is valid until it
  // leaves.
  struct Lookup {
    const MountNode* node = nullptr;  // null: nothing mounted there
    // Of the node and of what hangs on it, at hand without a look at their memory.
    void* cell = nullptr;
    std::uint64_t place = 0;
    bool namespace_found = false;
    std::string_view rest;  // a part of `path`
  };
  virtual Lookup Resolve(std::string_view ns, std::string_view path) const = 0;
  // Whose Resolve it is, for callers that want it without a call.
  virtual const Publisher& routes() const = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_TREE_HPP_
