#include <set>

#include "contract/store_node.hpp"
#include "plugreload/namespaces.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

Deadline Soon() { return After(Millis(10'000)); }

Status Mount(StoreNode& node, const std::string& ns, const std::string& path,
             PluginType type = PluginType::kSecret, const std::string& plugin = "kv") {
  return node.tree->AddMount(Entry(ns, path, plugin, type), Soon()).status();
}

std::vector<std::string> Paths(const std::vector<NamespaceInfo>& infos) {
  std::vector<std::string> paths;
  for (const NamespaceInfo& info : infos) paths.push_back(info.path);
  return paths;
}

std::vector<std::string> Paths(const std::vector<MountEntry>& entries) {
  std::vector<std::string> paths;
  for (const MountEntry& entry : entries) paths.push_back(entry.ns + "|" + entry.path);
  return paths;
}

using Texts = std::vector<std::string>;

TEST_CASE("the root is always there and cannot be removed", "[namespaces]") {
  StoreNode node;
  NamespaceTree tree(node.tree);
  for (const std::string_view root : {"", "root", "/"}) {
    REQUIRE(tree.Find(root).has_value());
    CHECK(tree.Find(root)->id == "root");
    CHECK(tree.Remove(root).reason() == "root_namespace");
    CHECK(tree.Create(root).code() == Code::kAlreadyExists);
  }
  CHECK(Paths(tree.List("", Depth::kSelf)) == Texts{""});
  REQUIRE(tree.SetMetadata("", {{"owner", "me"}}).ok());
  CHECK(tree.Find("")->custom_metadata.at("owner") == "me");
  CHECK(tree.Find("")->id == "root");
}

TEST_CASE("namespaces are made below existing ones and removed when empty", "[namespaces]") {
  StoreNode node;
  NamespaceTree tree(node.tree);
  const Status orphan = tree.Create("a/b");
  CHECK(orphan.code() == Code::kNotFound);
  CHECK(orphan.reason() == "namespace_not_found");
  CHECK(tree.Create("sys").code() == Code::kInvalidArgument);
  REQUIRE(tree.Create("/a/", {{"k", "v"}}).ok());
  REQUIRE(tree.Create("a/b").ok());
  CHECK(tree.Create("a").code() == Code::kAlreadyExists);
  const auto info = tree.Find("a");
  REQUIRE(info.has_value());
  CHECK(info->path == "a/");
  CHECK(info->custom_metadata.at("k") == "v");
  REQUIRE(tree.SetMetadata("a", {}).ok());
  CHECK(tree.Find("a")->custom_metadata.empty());
  CHECK(tree.Find("a")->id == info->id);
  CHECK(tree.SetMetadata("none", {}).code() == Code::kNotFound);

  CHECK(tree.Remove("a").reason() == "namespace_not_empty");
  REQUIRE(tree.Remove("a/b").ok());
  REQUIRE(Mount(node, "a", "kv").ok());
  CHECK(tree.Remove("a").reason() == "namespace_not_empty");
  REQUIRE(node.tree->RemoveMount("a", "kv", Soon()).ok());
  REQUIRE(tree.Remove("a").ok());
  CHECK(tree.Remove("a").code() == Code::kNotFound);
  REQUIRE(tree.Create("a").ok());
  CHECK(tree.Find("a")->id != info->id);
}

TEST_CASE("namespaces are listed by depth in order", "[namespaces]") {
  StoreNode node;
  NamespaceTree tree(node.tree);
  for (const std::string ns : {"b", "a", "a/x", "a/x/y", "a-b"}) REQUIRE(tree.Create(ns).ok());
  CHECK(Paths(tree.List("", Depth::kChildren)) == Texts{"a-b/", "a/", "b/"});
  CHECK(Paths(tree.List("", Depth::kSubtree)) == Texts{"a-b/", "a/", "a/x/", "a/x/y/", "b/"});
  CHECK(Paths(tree.List("a", Depth::kSelf)) == Texts{"a/"});
  CHECK(Paths(tree.List("a", Depth::kChildren)) == Texts{"a/x/"});
  CHECK(Paths(tree.List("a", Depth::kSubtree)) == Texts{"a/x/", "a/x/y/"});
  CHECK(tree.List("none", Depth::kSelf).empty());
  CHECK(tree.List("a//x", Depth::kSubtree).empty());
}

TEST_CASE("mounts may not lie at, above or below another", "[namespaces]") {
  StoreNode node;
  REQUIRE(Mount(node, "", "kv/sub").ok());
  for (const std::string path : {"kv/sub", "kv/sub/", "kv", "kv/sub/deep"}) {
    INFO(path);
    const Status status = Mount(node, "", path);
    CHECK(status.code() == Code::kAlreadyExists);
    CHECK(status.reason() == "path_in_use");
    CHECK(node.tree->CheckMount(Entry("", path)).status().reason() == "path_in_use");
  }
  for (const std::string path : {"kv2", "kv/sub2", "k", "kv/su"}) {
    INFO(path);
    CHECK(Mount(node, "", path).ok());
  }
}

TEST_CASE("mounts and namespaces may not shadow each other", "[namespaces]") {
  StoreNode node;
  NamespaceTree tree(node.tree);
  REQUIRE(tree.Create("team").ok());
  for (const std::string path : {"team", "team/kv", "team/a/b"}) {
    CHECK(Mount(node, "", path).reason() == "path_in_use");
  }
  CHECK(Mount(node, "", "team2").ok());
  CHECK(Mount(node, "", "x/team").ok());
  REQUIRE(Mount(node, "team", "kv/deep").ok());
  for (const std::string ns : {"team/kv", "team2", "x"}) {
    INFO(ns);
    const Status status = tree.Create(ns);
    CHECK(status.code() == Code::kFailedPrecondition);
    CHECK(status.reason() == "shadows_mount");
  }
  CHECK(tree.Create("team/k").ok());
  CHECK(tree.Create("kv").ok());
}

TEST_CASE("an entry is checked and made canonical when it is mounted", "[namespaces]") {
  StoreNode node;
  REQUIRE(node.tree->Create("team", {}, Soon()).ok());
  MountEntry entry = Entry("/team", "ldap", "ldap/x", PluginType::kAuth);
  entry.version = "1.2";
  entry.options = {{"a", "b"}};
  const auto stored = node.tree->AddMount(entry, Soon());
  REQUIRE(stored.ok());
  CHECK(stored->ns == "team/");
  CHECK(stored->path == "auth/ldap/");
  CHECK(stored->version == "v1.2.0");
  CHECK(stored->accessor.starts_with("auth_ldap_x_"));
  CHECK(stored->accessor.size() == std::string("auth_ldap_x_").size() + 8);
  CHECK(node.tree->FindMount("team", "auth/ldap") == *stored);
  CHECK_FALSE(node.tree->FindMount("team", "ldap").has_value());
  CHECK_FALSE(node.tree->FindMount("", "auth/ldap").has_value());

  const auto reason = [&](MountEntry bad) {
    return std::string(node.tree->AddMount(std::move(bad), Soon()).status().reason());
  };
  CHECK(reason(Entry("", "sys/x")) == "reserved_path");
  CHECK(reason(Entry("", "")) == "invalid_path");
  CHECK(reason(Entry("", "kv", "")) == "invalid_name");
  CHECK(reason(Entry("", "kv", "kv", PluginType::kUnknown)) == "invalid_type");
  CHECK(reason(Entry("none", "kv")) == "namespace_not_found");
  CHECK(reason(Entry("a b", "kv")) == "invalid_namespace");
  MountEntry versioned = Entry("", "kv");
  versioned.version = "x";
  CHECK(reason(versioned) == "invalid_version");
  MountEntry again = Entry("", "kv");
  again.accessor = stored->accessor;
  CHECK(reason(again) == "accessor_in_use");
  const auto checked = node.tree->CheckMount(Entry("/", "kv"));
  REQUIRE(checked.ok());
  CHECK(checked->accessor.starts_with("kv_"));
  CHECK(checked->path == "kv/");
  CHECK(node.tree->Nodes("", Depth::kSubtree).size() == 1);
  CHECK(*node.tree->AddMount(*checked, Soon()) == *checked);
}

TEST_CASE("a mount moves with its accessor, where the rules allow", "[namespaces]") {
  StoreNode node;
  REQUIRE(node.tree->Create("team", {}, Soon()).ok());
  const auto stored = node.tree->AddMount(Entry("", "kv"), Soon());
  REQUIRE(stored.ok());
  REQUIRE(Mount(node, "team", "other").ok());
  REQUIRE(Mount(node, "", "ldap", PluginType::kAuth).ok());
  const auto move = [&](const char* from_ns, const char* from, const char* to_ns, const char* to) {
    return std::string(node.tree->MoveMount(from_ns, from, to_ns, to, Soon()).reason());
  };
  CHECK(move("", "kv", "", "kv") == "path_in_use");
  CHECK(move("", "kv", "team", "other/x") == "path_in_use");
  CHECK(move("", "kv", "", "team/kv") == "path_in_use");
  CHECK(move("", "kv", "none", "kv") == "namespace_not_found");
  CHECK(move("none", "kv", "", "x") == "namespace_not_found");
  CHECK(move("", "none", "", "x") == "mount_not_found");
  CHECK(move("", "kv", "", "auth/kv") == "reserved_path");
  CHECK(move("", "auth/ldap", "", "ldap") == "invalid_path");
  CHECK(move("", "auth/ldap", "team", "auth/ldap").empty());
  CHECK(move("", "kv", "", "kv/below").empty());
  CHECK(move("", "kv/below", "", "kv").empty());
  CHECK(move("", "kv", "team", "kv").empty());
  const auto moved = node.tree->FindMount("team", "kv");
  REQUIRE(moved.has_value());
  CHECK(moved->accessor == stored->accessor);
  CHECK_FALSE(node.tree->FindMount("", "kv").has_value());
  REQUIRE(Mount(node, "", "kv/a").ok());
  REQUIRE(Mount(node, "", "kv/b").ok());
  CHECK(move("", "kv/b", "", "kv") == "path_in_use");
  CHECK(move("", "kv/a", "", "kv") == "path_in_use");
}

TEST_CASE("tuning changes only what is given", "[namespaces]") {
  StoreNode node;
  MountEntry entry = Entry("", "kv");
  entry.description = "old";
  REQUIRE(node.tree->AddMount(entry, Soon()).ok());
  MountTune tune;
  tune.version = "2";
  REQUIRE(node.tree->TuneMount("", "kv", tune, Soon()).ok());
  CHECK(node.tree->FindMount("", "kv")->version == "v2.0.0");
  CHECK(node.tree->FindMount("", "kv")->description == "old");
  tune = {};
  tune.version = "";
  tune.options = std::map<std::string, std::string>{{"a", "b"}};
  REQUIRE(node.tree->TuneMount("", "kv/", tune, Soon()).ok());
  CHECK(node.tree->FindMount("", "kv")->version.empty());
  CHECK(node.tree->FindMount("", "kv")->options.at("a") == "b");
  tune.version = "x";
  CHECK(node.tree->TuneMount("", "kv", tune, Soon()).reason() == "invalid_version");
  CHECK(node.tree->TuneMount("", "none", {}, Soon()).reason() == "mount_not_found");
  CHECK(node.tree->RemoveMount("", "none", Soon()).reason() == "mount_not_found");
  CHECK(node.tree->RemoveMount("none", "kv", Soon()).reason() == "namespace_not_found");
}

TEST_CASE("mounts are listed by namespace and path, and found by plugin", "[namespaces]") {
  StoreNode node;
  for (const std::string ns : {"a", "a/b", "c"}) REQUIRE(node.tree->Create(ns, {}, Soon()).ok());
  REQUIRE(Mount(node, "c", "kv").ok());
  REQUIRE(Mount(node, "a/b", "kv").ok());
  REQUIRE(Mount(node, "a", "z").ok());
  REQUIRE(Mount(node, "a", "b2").ok());
  REQUIRE(Mount(node, "", "kv", PluginType::kSecret, "other").ok());
  REQUIRE(Mount(node, "", "kv", PluginType::kAuth, "kv").ok());
  const auto mounts = [&](const char* ns, Depth depth) {
    return Paths(node.tree->Mounts(ns, depth));
  };
  CHECK(mounts("", Depth::kSelf) == Texts{"|auth/kv/", "|kv/"});
  CHECK(mounts("", Depth::kChildren) == Texts{"|auth/kv/", "|kv/", "a/|b2/", "a/|z/", "c/|kv/"});
  CHECK(mounts("", Depth::kSubtree) ==
        Texts{"|auth/kv/", "|kv/", "a/|b2/", "a/|z/", "a/b/|kv/", "c/|kv/"});
  CHECK(mounts("a", Depth::kSubtree) == Texts{"a/|b2/", "a/|z/", "a/b/|kv/"});
  const auto of = [&](PluginType type, const char* ns, Depth depth) {
    return node.tree->MountsOf(type, "kv", ns, depth).size();
  };
  CHECK(of(PluginType::kUnknown, "", Depth::kSubtree) == 5);
  CHECK(of(PluginType::kAuth, "", Depth::kSubtree) == 1);
  CHECK(of(PluginType::kSecret, "a", Depth::kSelf) == 2);
  CHECK(of(PluginType::kSecret, "a", Depth::kSubtree) == 3);
  CHECK(of(PluginType::kDatabase, "", Depth::kSubtree) == 0);
  Texts places;
  for (const auto& found : node.tree->MountsOf(PluginType::kSecret, "kv", "", Depth::kSubtree)) {
    places.push_back(found->entry.ns + "|" + found->entry.path);
  }
  CHECK(places == Texts{"a/|b2/", "a/|z/", "a/b/|kv/", "c/|kv/"});
  REQUIRE(node.tree->MoveMount("a/b", "kv", "c", "kv2", Soon()).ok());
  CHECK(of(PluginType::kSecret, "a", Depth::kSubtree) == 2);
  CHECK(of(PluginType::kSecret, "c", Depth::kSelf) == 2);
  REQUIRE(node.tree->RemoveMount("c", "kv2", Soon()).ok());
  CHECK(of(PluginType::kSecret, "c", Depth::kSelf) == 1);
}

}  // namespace
}  // namespace plugreload::internal
