#include <memory>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

ReloadRequest WithPin(const std::string& version, Scope scope = Scope::kLocal) {
  ReloadRequest request = Everywhere("kv");
  request.scope = scope;
  request.pin = PluginRef{PluginType::kSecret, "kv", version};
  return request;
}

std::string PinOf(Node& node) {
  const auto pin = node.registry().FindPin(PluginType::kSecret, "kv");
  return pin ? pin->version : "none";
}

TEST_CASE("a reload that set the pin is rolled back to the pin before", "[reload]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  const std::string id = node.Submit(WithPin("v2.0.0"));
  CHECK(node.Wait(id).pin_before->version == "v1.0.0");
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  const auto back = node.reloads().Rollback(id);
  REQUIRE(back.ok());
  CHECK(node.Wait(*back).state == ReloadState::kDone);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(PinOf(node) == "v1.0.0");
  const auto forth = node.reloads().Rollback(*back, "forth");
  REQUIRE(forth.ok());
  CHECK(*forth == "forth");
  CHECK(node.Wait(*forth).state == ReloadState::kDone);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a reload that set the first pin is rolled back to none", "[reload]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  node.Register("kv", "v2.0.0");
  const std::string id = node.Submit(WithPin("v2.0.0"));
  node.Wait(id);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  const auto back = node.reloads().Rollback(id);
  REQUIRE(back.ok());
  node.Wait(*back);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(PinOf(node) == "none");
}

TEST_CASE("a reload after a pin is rolled back to what its mounts ran", "[reload]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  node.Wait(id);
  const auto back = node.reloads().Rollback(id);
  REQUIRE(back.ok());
  node.Wait(*back);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(PinOf(node) == "v1.0.0");
}

TEST_CASE("what cannot be rolled back says why and changes nothing", "[reload]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "one/");
  node.Register("kv", "v2.0.0");
  node.Mount("", "two/");
  node.Register("kv", "v3.0.0");
  CHECK(node.reloads().Rollback("none").status().reason() == "reload_not_found");

  node.Pin("kv", "v3.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  node.Wait(id);
  const auto mixed = node.reloads().Rollback(id);
  CHECK(mixed.status().reason() == "several_versions");
  CHECK(mixed.status().message().find("v1.0.0") != std::string::npos);
  CHECK(mixed.status().message().find("v2.0.0") != std::string::npos);
  CHECK(PinOf(node) == "v3.0.0");

  const std::string nothing = node.Submit(Everywhere("other"));
  node.Wait(nothing);
  CHECK(node.reloads().Rollback(nothing).status().reason() == "nothing_to_roll_back");

  node.plugins.Hold("@one/");
  const std::string running = node.Submit(Everywhere("kv"));
  CHECK(node.reloads().Rollback(running).status().reason() == "not_finished");
  node.plugins.HealAll();
  node.Wait(running);
}

TEST_CASE("a global reload is rolled back from another node", "[cluster]") {
  const auto store = NewMemoryStore();
  const auto named = [](const std::string& name) {
    return [name](RuntimeOptions& options) { options.node = name; };
  };
  Node a(named("a"), store), b(named("b"), store);
  TwoVersions(a);
  a.Mount("", "kv/");
  REQUIRE(Eventually([&] { return b.reloads().Acquire("", "kv/", kSoon).ok(); }));
  const std::string id = a.Submit(WithPin("v2.0.0", Scope::kGlobal));
  CHECK(a.Wait(id).state == ReloadState::kDone);
  CHECK(b.VersionAt("", "kv/") == "v2.0.0");
  const auto back = b.reloads().Rollback(id);
  REQUIRE(back.ok());
  CHECK(b.Wait(*back).state == ReloadState::kDone);
  CHECK(a.VersionAt("", "kv/") == "v1.0.0");
  CHECK(b.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("the store forgets reloads that are older than their time to live", "[cluster]") {
  const auto store = NewMemoryStore();
  Node node([](RuntimeOptions& options) { options.global_history_ttl = Millis(1); }, store);
  TwoVersions(node);
  node.Mount("", "kv/");
  // Each goes with a later one, when it is old enough by then.
  int reloads = 0;
  CHECK(Eventually([&] {
    node.Reload(WithPin("v2.0.0", Scope::kGlobal));
    return ++reloads > 4 && store->Load("state/reloads/", After(kSoon))->documents.size() <= 2;
  }));
}

}  // namespace
}  // namespace plugreload::test
