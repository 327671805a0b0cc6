#include <set>

#include "json/json.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

PluginSpec FullSpec() {
  PluginSpec spec;
  spec.ref = {PluginType::kDatabase, "team/my plugin%", "v1.2.3-rc.1+meta"};
  spec.launcher = "container";
  spec.command = "bin/plugin";
  spec.args = {"--a", "", "\u00e9\n"};
  spec.env = {"KEY=value", "OTHER=a=b"};
  spec.sha256 = std::string(64, 'a');
  spec.image = Image::kInPlace;
  spec.sharing = Sharing::kGlobal;
  spec.order = Order::kStopFirst;
  spec.protocols = {"http"};
  spec.handshake = Handshake{"COOKIE", "secret", {1, 5}};
  spec.timeouts = {Millis(1), Millis(2), Millis(3), Millis(4), Millis(5), Millis(6)};
  return spec;
}

MountEntry FullMount() {
  MountEntry entry;
  entry.ns = "team/project/";
  entry.path = "auth/my ldap/";
  entry.accessor = "auth_ldap_0123abcd";
  entry.type = PluginType::kAuth;
  entry.plugin = "ldap";
  entry.version = "v2.0.0";
  entry.description = "line\nline";
  entry.options = {{"a", "1"}, {"b", ""}};
  entry.start = StartMode::kLazy;
  return entry;
}

TEST_CASE("documents give back what was put into them", "[state]") {
  const auto spec = DecodePlugin(EncodePlugin(FullSpec()));
  REQUIRE(spec.ok());
  CHECK(*spec == FullSpec());
  PluginSpec plain;
  plain.ref = {PluginType::kSecret, "kv", ""};
  plain.protocols.clear();
  CHECK(*DecodePlugin(EncodePlugin(plain)) == plain);
  CHECK(*DecodeMount(EncodeMount(FullMount())) == FullMount());
  const Pin pin{PluginType::kAuth, "ldap", "v1.0.0"};
  CHECK(*DecodePin(EncodePin(pin)) == pin);
  const NamespaceInfo info{"a/b/", "id", {{"owner", "me"}}};
  CHECK(*DecodeNamespace(EncodeNamespace(info)) == info);
  const NamespaceInfo root{"", "root", {}};
  CHECK(*DecodeNamespace(EncodeNamespace(root)) == root);
}

TEST_CASE("unknown fields are passed over and missing ones have their defaults", "[state]") {
  const auto spec = DecodePlugin(R"({"type":"secret","name":"kv","future":{"x":[1]}})");
  REQUIRE(spec.ok());
  PluginSpec expected;
  expected.ref = {PluginType::kSecret, "kv", ""};
  CHECK(*spec == expected);
  CHECK(EncodePlugin(*spec).find("future") == std::string::npos);
  CHECK(DecodeMount(R"({"path":"kv/","accessor":"a","type":"secret","plugin":"kv","x":1})").ok());
}

TEST_CASE("a document with a wrong field is refused and says which", "[state]") {
  const auto field = [](Json document, std::string_view key, Json value) {
    document.Set(key, std::move(value));
    return ToJson(document);
  };
  const Json spec = *ParseJson(EncodePlugin(FullSpec()));
  for (const std::string_view key :
       {"type", "name", "version", "launcher", "command", "args", "env", "sha256", "image",
        "sharing", "order", "protocols", "handshake", "timeouts"}) {
    const auto decoded = DecodePlugin(field(spec, key, 7));
    REQUIRE_FALSE(decoded.ok());
    CHECK(decoded.status().code() == Code::kDataLoss);
    CHECK(decoded.status().message().find(key) != std::string_view::npos);
  }
  const Json mount = *ParseJson(EncodeMount(FullMount()));
  for (const std::string_view key : {"namespace", "path", "accessor", "type", "plugin", "version",
                                     "description", "options", "start"}) {
    CHECK(DecodeMount(field(mount, key, true)).status().reason() == "invalid_document");
  }
  CHECK_FALSE(DecodePlugin(field(spec, "image", "from_the_future")).ok());
  CHECK_FALSE(DecodePlugin(field(spec, "type", "unknown")).ok());
  CHECK_FALSE(DecodePlugin(field(spec, "args", Json::Array{1})).ok());
  CHECK_FALSE(DecodePlugin("").ok());
  CHECK_FALSE(DecodePin("[]").ok());
  CHECK_FALSE(DecodePin(R"({"type":"auth","name":"x"})").ok());
  CHECK_FALSE(DecodeNamespace("{\"path\":\"a/\"}").ok());
}

TEST_CASE("keys are one segment per name and can be read back", "[state]") {
  const PluginRef ref{PluginType::kSecret, "a/b%c d\xff", "v1.0.0+x"};
  CHECK(PluginKey(ref) == "state/plugins/secret/a%2Fb%25c%20d%FF/v1.0.0+x");
  const auto plugin = ParseStateKey(PluginKey(ref));
  REQUIRE(plugin.has_value());
  CHECK(plugin->kind == KeyKind::kPlugin);
  CHECK(plugin->plugin == ref);
  CHECK(PluginKey({PluginType::kAuth, "-", ""}) == "state/plugins/auth/-/-");
  CHECK(ParseStateKey("state/plugins/auth/-/-")->plugin == PluginRef{PluginType::kAuth, "-", ""});
  const auto pin = ParseStateKey(PinKey(PluginType::kAuth, "x/y"));
  REQUIRE(pin.has_value());
  CHECK(pin->kind == KeyKind::kPin);
  CHECK(pin->plugin == PluginRef{PluginType::kAuth, "x/y", ""});
  CHECK(ParseStateKey(PluginGuardKey(PluginType::kAuth, "x"))->kind == KeyKind::kPluginGuard);
  for (const std::string ns : {"", "-/", "a/", "a/b/"}) {
    CHECK(ParseStateKey(NamespaceKey(ns))->ns == ns);
    CHECK(ParseStateKey(NamespaceGuardKey(ns))->kind == KeyKind::kNamespaceGuard);
    const auto mount = ParseStateKey(MountKey(ns, "auth/\xc3\xa9/"));
    REQUIRE(mount.has_value());
    CHECK(mount->kind == KeyKind::kMount);
    CHECK(mount->ns == ns);
    CHECK(mount->path == "auth/\xc3\xa9/");
  }
}

TEST_CASE("keys of different documents differ", "[state]") {
  std::set<std::string> keys;
  for (const std::string name : {"a", "a/b", "a%2Fb", "-", "%", "a b"}) {
    for (const std::string version : {"", "v1.0.0"}) {
      CHECK(keys.insert(PluginKey({PluginType::kSecret, name, version})).second);
    }
    CHECK(keys.insert(PinKey(PluginType::kSecret, name)).second);
    CHECK(keys.insert(PluginGuardKey(PluginType::kSecret, name)).second);
    CHECK(keys.insert(MountKey(name + "/", name + "/")).second);
    CHECK(keys.insert(MountKey("", name + "/")).second);
  }
  CHECK(keys.insert(MountKey("a/", "b/c/")).second);
  CHECK(keys.insert(MountKey("a/b/", "c/")).second);
}

TEST_CASE("what is not a key of this shape is not read as one", "[state]") {
  for (const std::string_view key : {"",
                                     "state/",
                                     "state/plugins",
                                     "state/plugins/secret/kv",
                                     "state/plugins/none/kv/-",
                                     "state/plugins/unknown/kv/-",
                                     "state/plugins/secret//-",
                                     "state/plugins/secret/kv/",
                                     "state/pins/secret",
                                     "state/pins/secret/a/b",
                                     "state/namespaces/",
                                     "state/mounts/-/",
                                     "state/mounts//kv%2F",
                                     "state/mounts/-/kv/",
                                     "state/guards/plugin/secret",
                                     "state/guards/other/x",
                                     "state/pins/secret/%2",
                                     "state/pins/secret/%zz",
                                     "state/pins/secret/%41",
                                     "state/pins/secret/%2f",
                                     "plugins/secret/kv/-",
                                     "state/x/y/z"}) {
    INFO(key);
    CHECK_FALSE(ParseStateKey(key).has_value());
  }
}

}  // namespace
}  // namespace plugreload::internal
