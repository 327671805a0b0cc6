#include <map>

#include "contract/store_node.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

Deadline Soon() { return After(Millis(10'000)); }

// Writes down what it is told, and whether readers find the mount at that moment.
class Witness : public MountObserver {
 public:
  struct Slot : MountAttachment {
    int changes = 0;
  };

  std::shared_ptr<MountAttachment> OnMounted(const SharedEntry& entry, std::uint64_t) override {
    Note("mounted", *entry);
    auto slot = std::make_shared<Slot>();
    slots[entry->accessor] = slot;
    return slot;
  }
  void OnMountChanged(const SharedEntry& entry, std::uint64_t,
                      MountAttachment& attachment) override {
    ++static_cast<Slot&>(attachment).changes;
    if (&attachment != slots[entry->accessor].get()) events.push_back("wrong slot");
    Note("changed", *entry);
  }
  void OnUnmounted(const MountEntry& entry,
                   const std::shared_ptr<MountAttachment>& attachment) override {
    if (attachment != slots[entry.accessor]) events.push_back("wrong slot");
    slots.erase(entry.accessor);
    Note("unmounted", entry);
  }

  std::vector<std::string> Take() { return std::exchange(events, {}); }

  SectionDomain* domain = nullptr;
  Tree* tree = nullptr;
  std::map<std::string, std::shared_ptr<Slot>> slots;
  std::vector<std::string> events;  // written while the test waits for its own change

 private:
  void Note(const std::string& what, const MountEntry& entry) {
    bool found = false;
    if (tree != nullptr) {
      const Section section(*domain, *domain->Record());
      const auto lookup = tree->Resolve(entry.ns, entry.path);
      found = lookup.node != nullptr && lookup.node->entry == entry;
    }
    events.push_back(what + " " + entry.ns + entry.path + (found ? " found" : " not found"));
  }
};

struct Watched {
  Watched() : node(NewMemoryStore(), &witness) {
    witness.domain = &node.domain;
    witness.tree = node.tree.get();
  }
  Witness witness;
  StoreNode node;
};

using Texts = std::vector<std::string>;

TEST_CASE("the observer is told in the order that readers rely on", "[namespaces]") {
  Watched w;
  Tree& tree = *w.node.tree;
  REQUIRE(tree.Create("team", {}, Soon()).ok());
  REQUIRE(tree.AddMount(Entry("", "kv"), Soon()).ok());
  CHECK(w.witness.Take() == Texts{"mounted kv/ not found"});
  CHECK(tree.FindNode("", "kv")->attachment != nullptr);
  REQUIRE(tree.MoveMount("", "kv", "team", "kv", Soon()).ok());
  CHECK(w.witness.Take() == Texts{"changed team/kv/ found"});
  MountTune tune;
  tune.version = "1";
  REQUIRE(tree.TuneMount("team", "kv", tune, Soon()).ok());
  CHECK(w.witness.Take() == Texts{"changed team/kv/ found"});
  CHECK(static_cast<Witness::Slot&>(*tree.FindNode("team", "kv")->attachment).changes == 2);
  REQUIRE(tree.SetMetadata("team", {{"a", "b"}}, Soon()).ok());
  REQUIRE(tree.TuneMount("team", "kv", tune, Soon()).ok());
  CHECK(w.witness.Take().empty());
  REQUIRE(tree.RemoveMount("team", "kv", Soon()).ok());
  CHECK(w.witness.Take() == Texts{"unmounted team/kv/ not found"});
  CHECK(w.witness.slots.empty());
}

TEST_CASE("a commit that replaces a mount unmounts the old and mounts the new", "[namespaces]") {
  Watched w;
  REQUIRE(w.node.tree->AddMount(Entry("", "kv"), Soon()).ok());
  MountEntry other = *w.node.tree->FindMount("", "kv");
  other.accessor = "kv_other";
  w.witness.Take();
  const Change change{MountKey("", "kv/"), EncodeMount(other), {}};
  REQUIRE(w.node.store->Commit({&change, 1}, Soon()).ok());
  REQUIRE(w.node.tree->Create("x", {}, Soon()).ok());
  CHECK(w.witness.Take() == Texts{"mounted kv/ not found", "unmounted kv/ not found"});
  CHECK(w.node.tree->FindMount("", "kv")->accessor == "kv_other");
}

Snapshot SnapshotOf(const std::vector<MountEntry>& entries, Revision revision) {
  Snapshot snapshot;
  snapshot.revision = revision;
  for (const MountEntry& entry : entries) {
    snapshot.documents.push_back({MountKey(entry.ns, entry.path), EncodeMount(entry), revision});
  }
  return snapshot;
}

TEST_CASE("a reset tells only the differences, by accessor", "[namespaces]") {
  SectionDomain domain;
  Witness witness;
  const auto tree = Tree::Create(&domain);
  tree->Observe(&witness);
  witness.domain = &domain;
  witness.tree = tree.get();
  const auto named = [](const char* path, const char* accessor) {
    MountEntry entry = Entry("", path);
    entry.accessor = accessor;
    return entry;
  };
  tree->Reset(SnapshotOf(
      {named("same/", "1"), named("moved/", "2"), named("gone/", "3"), named("replaced/", "4")},
      5));
  CHECK(witness.Take().size() == 4);
  const auto same = tree->FindNode("", "same");
  tree->Reset(SnapshotOf(
      {named("same/", "1"), named("elsewhere/", "2"), named("new/", "5"), named("replaced/", "6")},
      9));
  CHECK(witness.Take() == Texts{"mounted new/ not found", "mounted replaced/ not found",
                                "changed elsewhere/ found", "unmounted gone/ not found",
                                "unmounted replaced/ not found"});
  CHECK(tree->FindNode("", "same") == same);
  CHECK(witness.slots.size() == 4);
  tree->Reset(SnapshotOf({}, 10));
  CHECK(witness.Take().size() == 4);
  CHECK(witness.slots.empty());
  CHECK(tree->Find("").has_value());
}

TEST_CASE("two mounts with one accessor are both told and both taken back", "[namespaces]") {
  SectionDomain domain;
  Witness witness;
  const auto tree = Tree::Create(&domain);
  tree->Observe(&witness);
  MountEntry a = Entry("", "a/"), b = Entry("", "b/");
  a.accessor = b.accessor = "twin";
  tree->Reset(SnapshotOf({a, b}, 1));
  CHECK(witness.Take().size() == 2);
  tree->Reset(SnapshotOf({a, b}, 2));
  CHECK(witness.Take().empty());
  tree->Reset(SnapshotOf({}, 3));
  int unmounted = 0;
  for (const std::string& event : witness.Take()) unmounted += event.starts_with("unmounted");
  CHECK(unmounted == 2);
}

}  // namespace
}  // namespace plugreload::internal
