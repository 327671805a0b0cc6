// namespaces/store_tree.hpp - the tree on an applier.
#ifndef PLUGRELOAD_NAMESPACES_STORE_TREE_HPP_
#define PLUGRELOAD_NAMESPACES_STORE_TREE_HPP_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "namespaces/edits.hpp"
#include "namespaces/model.hpp"
#include "namespaces/publisher.hpp"
#include "namespaces/tree.hpp"

namespace plugreload::internal {

// Lists and finds read the model under a mutex that is held for memory only; Resolve reads the
// published tables. Both change in Install, on the applier's thread.
class StoreTree : public Tree {
 public:
  explicit StoreTree(SectionDomain* domain) : domain_(domain), publisher_(domain) {}

  void Observe(MountObserver* observer) override { observer_ = observer; }
  void Bind(Applier* applier) override { applier_ = applier; }
  void Reset(const Snapshot& snapshot) override;
  void Apply(const WatchBatch& batch) override;

  Status Create(std::string_view ns, std::map<std::string, std::string> custom_metadata,
                Deadline deadline) override;
  Status SetMetadata(std::string_view ns, std::map<std::string, std::string> custom_metadata,
                     Deadline deadline) override;
  Status Remove(std::string_view ns, Deadline deadline) override;
  std::optional<NamespaceInfo> Find(std::string_view ns) const override;
  std::vector<NamespaceInfo> List(std::string_view ns, Depth depth) const override;
  std::vector<MountEntry> Mounts(std::string_view ns, Depth depth) const override;
  std::optional<MountEntry> FindMount(std::string_view ns, std::string_view path) const override;
  Result<ResolvedMount> ResolveCopy(std::string_view ns, std::string_view path) const override;

  Result<MountEntry> AddMount(MountEntry entry, Deadline deadline,
                              const Applier::Edit& also) override;
  Result<MountEntry> CheckMount(MountEntry entry) const override;
  Status RemoveMount(std::string_view ns, std::string_view path, Deadline deadline) override;
  Status MoveMount(std::string_view from_ns, std::string_view from, std::string_view to_ns,
                   std::string_view to, Deadline deadline) override;
  Status TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                   Deadline deadline) override;

  MountNodes MountsOf(PluginType type, std::string_view plugin, std::string_view ns,
                      Depth depth) const override;
  MountNodes Nodes(std::string_view ns, Depth depth) const override;
  MountNodes NodesAfter(std::string_view ns, std::string_view after,
                        std::size_t most) const override;
  std::shared_ptr<const MountNode> FindNode(std::string_view ns,
                                            std::string_view path) const override;
  Lookup Resolve(std::string_view ns, std::string_view path) const override {
    return publisher_.Resolve(ns, path);
  }
  const Publisher& routes() const override { return publisher_; }

 private:
  // One document as of a revision; no value: removed.
  struct Item {
    std::string_view key;
    std::optional<std::string_view> value;
    Revision revision = 0;
  };
  // What some items amount to.
  struct Delta {
    std::map<std::string, std::optional<NamespaceInfo>> namespaces;
    std::map<std::string, Revision> guards;
    std::map<std::string, Revision> namespace_revisions;
    struct Mount {
      std::optional<MountEntry> entry;
      Revision revision = 0;
    };
    std::map<MountId, Mount> mounts;
  };
  // What becomes of the mounts that a delta touches.
  struct MountDiff {
    struct Put {
      std::shared_ptr<const MountNode> node;
      Revision revision = 0;
    };
    std::vector<Put> puts;
    std::vector<MountId> removals;
    MountNodes mounted, changed, unmounted;
    MountNodes before;  // of `changed`, in their order
  };

  static Delta Read(const std::vector<Item>& items);
  void Install(const Delta& delta);
  MountDiff Diff(const Delta& delta);
  void Update(const Delta& delta, const MountDiff& diff);
  void Route(const MountDiff& diff);
  // Commits what `edit` makes of the model. `needs`: as Applier's.
  template <typename MakeEdit>
  Status Commit(MakeEdit edit, Deadline deadline, const std::vector<std::string>& needs);

  SectionDomain* const domain_;
  MountObserver* observer_ = nullptr;
  Applier* applier_ = nullptr;
  Publisher publisher_;
  mutable Mutex mutex_;
  TreeModel model_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_STORE_TREE_HPP_
