#include <atomic>
#include <thread>

#include "contract/store_node.hpp"
#include "plugreload/namespaces.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

Deadline Soon() { return After(Millis(10'000)); }

// "ns|path|rest", "no mount" or "no namespace".
std::string Lead(StoreNode& node, std::string_view ns, std::string_view path) {
  const Section section(node.domain, *node.domain.Record());
  const Tree::Lookup lookup = node.tree->Resolve(ns, path);
  if (!lookup.namespace_found) return "no namespace";
  if (lookup.node == nullptr) return "no mount";
  // The rest is a part of the path that was given.
  CHECK(lookup.rest.data() >= path.data());
  CHECK(lookup.rest.data() + lookup.rest.size() == path.data() + path.size());
  const MountEntry& entry = lookup.node->entry;
  return entry.ns + "|" + entry.path + "|" + std::string(lookup.rest);
}

void Fill(StoreNode& node) {
  for (const std::string ns : {"team", "team/project", "other"}) {
    REQUIRE(node.tree->Create(ns, {}, Soon()).ok());
  }
  for (const std::string path : {"kv", "deep/er/mount", "deep/x"}) {
    REQUIRE(node.tree->AddMount(Entry("", path), Soon()).ok());
  }
  REQUIRE(node.tree->AddMount(Entry("", "ldap", "ldap", PluginType::kAuth), Soon()).ok());
  REQUIRE(node.tree->AddMount(Entry("team", "kv"), Soon()).ok());
  REQUIRE(node.tree->AddMount(Entry("team/project", "kv"), Soon()).ok());
}

TEST_CASE("a path leads to the longest mount prefix, with the rest", "[namespaces]") {
  StoreNode node;
  Fill(node);
  CHECK(Lead(node, "", "kv/a/b") == "|kv/|a/b");
  CHECK(Lead(node, "", "kv/") == "|kv/|");
  CHECK(Lead(node, "", "kv") == "|kv/|");
  CHECK(Lead(node, "", "kv//a/") == "|kv/|/a/");
  CHECK(Lead(node, "", "deep/er/mount/x") == "|deep/er/mount/|x");
  CHECK(Lead(node, "", "deep/x") == "|deep/x/|");
  CHECK(Lead(node, "", "auth/ldap/login/me") == "|auth/ldap/|login/me");
  for (const std::string_view path : {"", "/", "/kv", "kvx", "kv2/a", "k", "deep", "deep/er",
                                      "deep/er/mountx", "deep//x", "ldap/login", "sys/mounts"}) {
    INFO(path);
    CHECK(Lead(node, "", path) == "no mount");
  }
}

TEST_CASE("a path leads on into child namespaces", "[namespaces]") {
  StoreNode node;
  Fill(node);
  CHECK(Lead(node, "", "team/kv/a") == "team/|kv/|a");
  CHECK(Lead(node, "", "team/project/kv/a") == "team/project/|kv/|a");
  CHECK(Lead(node, "team", "project/kv/a") == "team/project/|kv/|a");
  CHECK(Lead(node, "team", "kv/a") == "team/|kv/|a");
  CHECK(Lead(node, "team/project", "kv") == "team/project/|kv/|");
  for (const std::string_view path :
       {"team", "team/", "team/project", "team/project/x", "team//kv", "other/kv", "teamx/kv"}) {
    INFO(path);
    CHECK(Lead(node, "", path) == "no mount");
  }
}

TEST_CASE("a namespace is found however its slashes stand", "[namespaces]") {
  StoreNode node;
  Fill(node);
  for (const std::string_view ns : {"team", "/team", "team/", "//team//"}) {
    CHECK(Lead(node, ns, "kv/a") == "team/|kv/|a");
  }
  for (const std::string_view ns : {"", "/", "root", "root/", "/root/"}) {
    CHECK(Lead(node, ns, "kv/a") == "|kv/|a");
  }
  for (const std::string_view ns :
       {"none", "team/none", "team//project", "root/team", "tea", "kv"}) {
    INFO(ns);
    CHECK(Lead(node, ns, "kv/a") == "no namespace");
  }
}

TEST_CASE("resolve follows every change at once", "[namespaces]") {
  StoreNode node;
  Fill(node);
  REQUIRE(node.tree->RemoveMount("", "kv", Soon()).ok());
  CHECK(Lead(node, "", "kv/a") == "no mount");
  REQUIRE(node.tree->MoveMount("team", "kv", "other", "moved", Soon()).ok());
  CHECK(Lead(node, "team", "kv/a") == "no mount");
  CHECK(Lead(node, "", "other/moved/a") == "other/|moved/|a");
  REQUIRE(node.tree->RemoveMount("team/project", "kv", Soon()).ok());
  REQUIRE(node.tree->Remove("team/project", Soon()).ok());
  CHECK(Lead(node, "team/project", "kv") == "no namespace");
  REQUIRE(node.tree->AddMount(Entry("team", "project/kv"), Soon()).ok());
  CHECK(Lead(node, "", "team/project/kv/x") == "team/|project/kv/|x");
  MountTune tune;
  tune.description = "new";
  REQUIRE(node.tree->TuneMount("other", "moved", tune, Soon()).ok());
  const Section section(node.domain, *node.domain.Record());
  CHECK(node.tree->Resolve("other", "moved").node->entry.description == "new");
}

TEST_CASE("the public resolve gives a copy or says what is missing", "[namespaces]") {
  StoreNode node;
  Fill(node);
  const NamespaceTree tree(node.tree);
  const auto resolved = tree.Resolve("team", "project/kv/a/b");
  REQUIRE(resolved.ok());
  CHECK(resolved->mount.ns == "team/project/");
  CHECK(resolved->rest == "a/b");
  CHECK(tree.Resolve("none", "kv").status().reason() == "namespace_not_found");
  CHECK(tree.Resolve("", "none\n").status().reason() == "mount_not_found");
  CHECK(tree.Resolve("", "none\n").status().message().find('\n') == std::string_view::npos);
}

TEST_CASE("readers always see one whole revision while mounts move", "[namespaces]") {
  StoreNode node;
  REQUIRE(node.tree->Create("a", {}, Soon()).ok());
  REQUIRE(node.tree->Create("b", {}, Soon()).ok());
  REQUIRE(node.tree->AddMount(Entry("a", "kv"), Soon()).ok());
  REQUIRE(node.tree->AddMount(Entry("", "stays"), Soon()).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0}, reads{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        const Section section(node.domain, *node.domain.Record());
        const auto stays = node.tree->Resolve("", "stays/x");
        if (stays.node == nullptr || stays.node->entry.path != "stays/") ++wrong;
        for (const std::string_view path : {"a/kv/x", "b/kv/x"}) {
          const auto lookup = node.tree->Resolve("", path);
          if (!lookup.namespace_found) ++wrong;
          // Touches the node's memory: a sanitizer sees one that was freed too early.
          if (lookup.node != nullptr && lookup.node->entry.ns != path.substr(0, 2)) ++wrong;
        }
        ++reads;
      }
    });
  }
  for (int i = 0; i < 200 || reads < 1000; ++i) {
    const bool even = i % 2 == 0;
    REQUIRE(node.tree->MoveMount(even ? "a" : "b", "kv", even ? "b" : "a", "kv", Soon()).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace plugreload::internal
