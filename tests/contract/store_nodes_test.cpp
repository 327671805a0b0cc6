#include <atomic>
#include <set>
#include <thread>

#include "contract/store_node.hpp"
#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

// Waits until both nodes show the store's newest state: each makes a change and waits for it.
void CatchUp(StoreNode& a, StoreNode& b) {
  REQUIRE(a.tree->SetMetadata("", {{"node", "a"}}, Soon()).ok());
  REQUIRE(b.tree->SetMetadata("", {{"node", "b"}}, Soon()).ok());
  REQUIRE(a.tree->SetMetadata("", {{"node", "a"}}, Soon()).ok());
}

bool Conflict(const std::string& a, const std::string& b) {
  return a.starts_with(b) || b.starts_with(a);
}

// No mount at, above or below another or a child namespace; no namespace or mount without parent.
void CheckShadows(const Tree& tree) {
  std::set<std::string> paths;  // absolute, of mounts and namespaces
  for (const NamespaceInfo& info : tree.List("", Depth::kSubtree)) paths.insert(info.path);
  for (const MountEntry& entry : tree.Mounts("", Depth::kSubtree)) {
    CHECK(tree.Find(entry.ns).has_value());
    CHECK(paths.insert(entry.ns + entry.path).second);
  }
  for (const MountEntry& entry : tree.Mounts("", Depth::kSubtree)) {
    for (const std::string& other : paths) {
      if (other == entry.ns + entry.path || entry.ns.starts_with(other)) continue;
      if (Conflict(other, entry.ns + entry.path)) {
        FAIL_CHECK(entry.ns + entry.path + " and " + other);
      }
    }
  }
  for (const NamespaceInfo& info : tree.List("", Depth::kSubtree)) {
    const std::string parent = info.path.substr(0, info.path.rfind('/', info.path.size() - 2) + 1);
    CHECK(tree.Find(parent == info.path ? "" : parent).has_value());
  }
}

bool Expected(Code code) {
  return code == Code::kOk || code == Code::kNotFound || code == Code::kAlreadyExists ||
         code == Code::kFailedPrecondition;
}

template <typename Body>
void OnThreads(int count, Body body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("what one node changes, the other sees", "[store][nodes]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  StoreNode a(store), b(store);
  REQUIRE(a.catalog->Register(Spec("kv", "1.0.0"), Soon()).ok());
  CatchUp(a, b);
  REQUIRE(b.tree->Create("team", {}, Soon()).ok());
  REQUIRE(b.catalog->SetPin({PluginType::kSecret, "kv", "1.0.0"}, Soon()).ok());
  CatchUp(a, b);
  REQUIRE(a.tree->AddMount(Entry("team", "kv"), Soon()).ok());
  CatchUp(a, b);
  for (StoreNode* node : {&a, &b}) {
    CHECK(node->catalog->FindPin(PluginType::kSecret, "kv")->version == "v1.0.0");
    CHECK(node->tree->FindMount("team", "kv").has_value());
    CHECK(node->applier->applied() >= 4);
  }
}

TEST_CASE("two nodes adding and removing at once never let mounts and namespaces shadow each other",
          "[store][nodes][slow]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  StoreNode a(store), b(store);
  std::atomic<int> unexpected{0}, done{0};
  OnThreads(8, [&](int t) {
    Tree& tree = t % 2 == 0 ? *a.tree : *b.tree;
    unsigned random = static_cast<unsigned>(t) * 7919 + 1;
    const std::vector<std::string> names{"x", "y", "x/y", "y/x", "x/y/z"};
    for (int i = 0; i < 60; ++i) {
      random = random * 1103515245 + 12345;
      const std::string& name = names[(random >> 16) % names.size()];
      const std::string& ns = (random >> 20) % 2 == 0 ? std::string() : names[(random >> 21) % 3];
      Status status;
      switch ((random >> 24) % 5) {
        case 0:
          status = tree.Create(name, {}, Soon());
          break;
        case 1:
          status = tree.Remove(name, Soon());
          break;
        case 2:
          status = tree.AddMount(Entry(ns, name), Soon()).status();
          break;
        case 3:
          status = tree.RemoveMount(ns, name, Soon());
          break;
        case 4:
          status = tree.MoveMount(ns, name, "", names[(random >> 19) % 5], Soon());
          break;
      }
      if (!Expected(status.code())) {
        ++unexpected;
        UNSCOPED_INFO(status.ToString());
      }
      if (status.ok()) ++done;
    }
  });
  CHECK(unexpected == 0);
  CHECK(done > 8);
  CatchUp(a, b);
  CheckShadows(*a.tree);
  CHECK(a.tree->List("", Depth::kSubtree) == b.tree->List("", Depth::kSubtree));
  CHECK(a.tree->Mounts("", Depth::kSubtree) == b.tree->Mounts("", Depth::kSubtree));
}

TEST_CASE("of many mounts at one path on two nodes exactly one wins", "[store][nodes]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  StoreNode a(store), b(store);
  for (int round = 0; round < 10; ++round) {
    const std::string base = "r" + std::to_string(round);
    std::atomic<int> won{0}, lost{0};
    OnThreads(6, [&](int t) {
      Tree& tree = t % 2 == 0 ? *a.tree : *b.tree;
      const std::string path = t % 3 == 0 ? base : t % 3 == 1 ? base + "/sub" : base + "/sub/sub";
      const auto added = tree.AddMount(Entry("", path), Soon());
      if (added.ok()) ++won;
      if (added.status().reason() == "path_in_use") ++lost;
    });
    // The two lower ones exclude each other too: they lie above one another.
    CHECK(won == 1);
    CHECK(lost == 5);
  }
}

TEST_CASE("a pin never points at a version that another node removed", "[store][nodes][slow]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  StoreNode a(store), b(store);
  const PluginRef v1{PluginType::kSecret, "kv", "v1.0.0"}, v2{PluginType::kSecret, "kv", "v2.0.0"};
  for (int round = 0; round < 25; ++round) {
    REQUIRE(a.catalog->Register(Spec("kv", "1.0.0"), Soon()).ok());
    REQUIRE(b.catalog->Register(Spec("kv", "2.0.0"), Soon()).ok());
    CatchUp(a, b);
    std::atomic<int> unexpected{0};
    OnThreads(4, [&](int t) {
      Catalog& catalog = t % 2 == 0 ? *a.catalog : *b.catalog;
      const PluginRef& ref = t < 2 ? v1 : v2;
      const Status pinned = t % 2 == 0 ? catalog.SetPin(ref, Soon()) : Status();
      const Status removed = t % 2 == 1 ? catalog.Deregister(ref, Soon()) : Status();
      if (!Expected(pinned.code()) || !Expected(removed.code())) ++unexpected;
    });
    CHECK(unexpected == 0);
    CatchUp(a, b);
    const auto pin = a.catalog->FindPin(PluginType::kSecret, "kv");
    if (pin) {
      CHECK(a.catalog->Find({pin->type, pin->name, pin->version}).has_value());
      REQUIRE(a.catalog->Unpin(pin->type, pin->name, Soon()).ok());
    }
    CatchUp(a, b);
  }
}

TEST_CASE("registrations of two nodes at once are all there in the end", "[store][nodes]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  StoreNode a(store), b(store);
  std::atomic<int> failed{0};
  OnThreads(6, [&](int t) {
    Catalog& catalog = t % 2 == 0 ? *a.catalog : *b.catalog;
    for (int i = 0; i < 20; ++i) {
      const std::string version = std::to_string(t) + "." + std::to_string(i) + ".0";
      if (!catalog.Register(Spec("kv", version), Soon()).ok()) ++failed;
    }
  });
  CHECK(failed == 0);
  CatchUp(a, b);
  CHECK(a.catalog->List(PluginType::kSecret).size() == 120);
  CHECK(a.catalog->List(PluginType::kSecret) == b.catalog->List(PluginType::kSecret));
}

}  // namespace
}  // namespace plugreload::internal
