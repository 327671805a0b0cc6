#include <map>
#include <string>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// kv/ in the root and in a/, b/ and a/deep/; v1 runs everywhere, v2 is pinned.
void Tenants(Node& node) {
  TwoVersions(node);
  node.Create("a");
  node.Create("b");
  node.Create("a/deep");
  for (const char* ns : {"", "a", "b", "a/deep"}) node.Mount(ns, "kv/");
  node.Pin("kv", "v2.0.0");
}

std::string Versions(Node& node) {
  return node.VersionAt("", "kv/") + " " + node.VersionAt("a", "kv/") + " " +
         node.VersionAt("b", "kv/") + " " + node.VersionAt("a/deep", "kv/");
}

TEST_CASE("a reload by name replaces a plugin in all namespaces", "[reload][target]") {
  Node node;
  Tenants(node);
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.reloaded == 4);
  REQUIRE(report.mounts.size() == 4);
  CHECK(report.mounts[0].mount.ns.empty());
  CHECK(report.mounts[1].mount.ns == "a/");
  CHECK(report.mounts[2].mount.ns == "a/deep/");
  CHECK(report.mounts[3].mount.ns == "b/");
  CHECK(Versions(node) == "v2.0.0 v2.0.0 v2.0.0 v2.0.0");
  CHECK(node.plugins.Count("stop", "v1.0.0") == 4);
}

TEST_CASE("a reload by name in one namespace leaves its children alone", "[reload][target]") {
  Node node;
  Tenants(node);
  const ReloadReport report = node.Reload(InNamespace("a", "kv"));
  CHECK(report.reloaded == 1);
  CHECK(Versions(node) == "v1.0.0 v2.0.0 v1.0.0 v1.0.0");
}

TEST_CASE("a reload by name reaches below a namespace when it is asked to", "[reload][target]") {
  Node node;
  Tenants(node);
  ReloadRequest request = InNamespace("a", "kv");
  request.reach = Reach::kSubtree;
  CHECK(node.Reload(request).reloaded == 2);
  CHECK(Versions(node) == "v1.0.0 v2.0.0 v1.0.0 v2.0.0");
}

TEST_CASE("a reload of mounts replaces exactly those", "[reload][target]") {
  Node node;
  Tenants(node);
  node.Pin("kv", "v1.0.0");
  node.Mount("a", "kv2/");
  node.Mount("a", "kv3/");
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(OfMounts("a", {"kv3", "kv/", "kv3/"}));
  REQUIRE(report.mounts.size() == 2);
  CHECK(report.mounts[0].mount.path == "kv/");
  CHECK(report.mounts[1].mount.path == "kv3/");
  CHECK(node.VersionAt("a", "kv2/") == "v1.0.0");
  CHECK(node.VersionAt("a", "kv3/") == "v2.0.0");
  CHECK(Versions(node) == "v1.0.0 v2.0.0 v1.0.0 v1.0.0");
}

TEST_CASE("a reload of mounts takes auth mounts with and without sys/", "[reload][target]") {
  Node node;
  const auto auth = [](PluginSpec& spec) { spec.ref.type = PluginType::kAuth; };
  node.Register("ldap", "v1.0.0", auth);
  node.Mount("", "auth/a/", "ldap", [](MountEntry& e) { e.type = PluginType::kAuth; });
  node.Mount("", "auth/b/", "ldap", [](MountEntry& e) { e.type = PluginType::kAuth; });
  CHECK(node.Reload(OfMounts("", {"auth/a", "sys/auth/b/"})).reloaded == 2);
}

TEST_CASE("a reload by type touches no plugin of the same name and another type",
          "[reload][target]") {
  Node node;
  node.Register("x", "v1.0.0");
  node.Register("x", "v1.0.0", [](PluginSpec& spec) { spec.ref.type = PluginType::kAuth; });
  node.Mount("", "x/", "x");
  node.Mount("", "auth/x/", "x", [](MountEntry& e) { e.type = PluginType::kAuth; });
  const ReloadReport secret = node.Reload(Everywhere("x", PluginType::kSecret));
  REQUIRE(secret.mounts.size() == 1);
  CHECK(secret.mounts[0].mount.path == "x/");
  CHECK(node.Reload(Everywhere("x", PluginType::kDatabase)).mounts.empty());
  CHECK(node.Reload(Everywhere("x", PluginType::kUnknown)).reloaded == 2);
}

TEST_CASE("a reload of a plugin that nobody mounted reloads nothing and says so",
          "[reload][target]") {
  Node node;
  node.Register("kv", "v1.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.empty());
  CHECK(report.reloaded == 0);
  CHECK(report.state == ReloadState::kDone);
}

TEST_CASE("a reload of a mount that is not there reloads the others and names it",
          "[reload][target]") {
  Node node;
  Tenants(node);
  const ReloadReport report = node.Reload(OfMounts("a", {"kv/", "nothing/"}));
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.reloaded == 1);
  CHECK(report.failed == 1);
  REQUIRE(report.mounts.size() == 2);
  CHECK(report.mounts[1].mount.path == "nothing/");
  CHECK(report.mounts[1].outcome == MountOutcome::kFailed);
  CHECK(report.mounts[1].status.code() == Code::kNotFound);
  CHECK(report.mounts[1].status.reason() == "mount_not_found");
  CHECK(report.mounts[1].status.message().find("nothing/") != std::string_view::npos);
  CHECK(node.VersionAt("a", "kv/") == "v2.0.0");
}

TEST_CASE("a reload needs a target and a namespace that exists", "[reload][target]") {
  Node node;
  Tenants(node);
  CHECK(node.reloads().Reload(Everywhere("")).status().code() == Code::kInvalidArgument);
  CHECK(node.reloads().Reload(OfMounts("", {})).status().code() == Code::kInvalidArgument);
  CHECK(node.reloads().Reload(InNamespace("nowhere", "kv")).status().reason() ==
        "namespace_not_found");
  CHECK(node.reloads().Submit(InNamespace("nowhere", "kv")).status().code() == Code::kNotFound);
  CHECK(Versions(node) == "v1.0.0 v1.0.0 v1.0.0 v1.0.0");
}

TEST_CASE("without a pin a reload runs the version that is stored on the mount",
          "[reload][version]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  node.Register("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  REQUIRE(report.mounts.size() == 1);
  CHECK(report.mounts[0].running_version == "v1.0.0");
  CHECK(report.mounts[0].rule == VersionRule::kStored);
  CHECK(report.mounts[0].generation == 2);
}

TEST_CASE("a pin decides over the version that is stored on the mount", "[reload][version]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  node.Register("kv", "v2.0.0");
  node.Pin("kv", "v2.0.0");
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).rule == VersionRule::kPin);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("when the pin goes a reload returns to the stored version", "[reload][version]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  node.Register("kv", "v2.0.0");
  node.Pin("kv", "v2.0.0");
  node.Reload(Everywhere("kv"));
  Node::Must(node.registry().Unpin(PluginType::kSecret, "kv"));
  node.Reload(Everywhere("kv"));
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("a mount of the unversioned entry reloads to what is registered there now",
          "[reload][version]") {
  Node node;
  node.Register("kv", "", [](PluginSpec& spec) { spec.args = {"old"}; });
  node.Mount("", "kv/");
  node.Register("kv", "", [](PluginSpec& spec) { spec.args = {"new"}; });
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).rule == VersionRule::kUnversioned);
  CHECK(Node::Object(node.Lease("", "kv/")).spec().plugin.args.at(0) == "new");
}

TEST_CASE("a version tuned on a mount runs from its next reload on", "[reload][version]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Register("kv", "v2.0.0");
  node.Mount("", "kv/");
  Node::Must(node.reloads().TuneMount("", "kv/", TuneVersion("v1.0.0")));
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.namespaces().FindMount("", "kv/")->version == "v1.0.0");
  const ReloadReport report = node.Reload(OfMounts("", {"kv/"}));
  CHECK(report.mounts.at(0).rule == VersionRule::kStored);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("a tune refuses a version that is unknown or pinned otherwise", "[reload][version]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Register("kv", "v2.0.0");
  node.Mount("", "kv/");
  const auto tune = [&](const char* version) {
    return node.reloads().TuneMount("", "kv/", TuneVersion(version));
  };
  CHECK(tune("v9.0.0").code() == Code::kNotFound);
  node.Pin("kv", "v1.0.0");
  CHECK(tune("v2.0.0").reason() == "pinned_version");
  CHECK(tune("v1.0.0").ok());
  CHECK(node.reloads().TuneMount("", "no/", TuneVersion("v1.0.0")).code() == Code::kNotFound);
}

TEST_CASE("options tuned on a mount reach its next instance", "[reload][version]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  MountTune tune;
  tune.options = std::map<std::string, std::string>{{"color", "red"}};
  Node::Must(node.reloads().TuneMount("", "kv/", tune));
  CHECK(Node::Object(node.Lease("", "kv/")).spec().mount.options.empty());
  node.Reload(OfMounts("", {"kv/"}));
  CHECK(Node::Object(node.Lease("", "kv/")).spec().mount.options.at("color") == "red");
}

}  // namespace
}  // namespace plugreload::test
