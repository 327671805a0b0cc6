#include "plugreload/registry.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "contract/store_node.hpp"
#include "registry/validate.hpp"
#include "state/keys.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

namespace fs = std::filesystem;

constexpr PluginType kSecret = PluginType::kSecret;

Deadline Soon() { return After(Millis(10'000)); }

// A plugin directory with a file, a link inside it, and links that lead out.
struct PluginDirectory {
  PluginDirectory() {
    std::string text = (fs::temp_directory_path() / "plugreload-XXXXXX").string();
    if (mkdtemp(text.data()) == nullptr) throw std::runtime_error("mkdtemp");
    root = text;
    fs::create_directories(root / "plugins" / "sub");
    std::ofstream(root / "plugins" / "program") << "x";
    std::ofstream(root / "outside") << "x";
    fs::create_symlink("program", root / "plugins" / "inner");
    fs::create_symlink("../outside", root / "plugins" / "outer");
    fs::create_symlink("..", root / "plugins" / "up");
    fs::create_symlink("nowhere", root / "plugins" / "dangling");
  }
  ~PluginDirectory() { fs::remove_all(root); }
  CatalogOptions options() const {
    return {(root / "plugins").string(), {"process", "callback"}, false};
  }
  fs::path root;
};

PluginSpec Hashed(std::string command) {
  PluginSpec spec = Spec("kv", "1.0.0");
  spec.command = std::move(command);
  spec.sha256 = std::string(64, '0');
  return spec;
}

std::string ReasonOf(const CatalogOptions& options, PluginSpec spec) {
  const Status status = ValidateSpec(options, spec);
  if (!status.ok()) CHECK(status.code() == Code::kInvalidArgument);
  return std::string(status.reason());
}

TEST_CASE("register makes version and hash canonical and keeps the rest", "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  PluginSpec spec = Spec("team/kv", "1.2");
  spec.sha256 = std::string(32, 'A') + std::string(32, 'f');
  spec.args = {"-v"};
  REQUIRE(registry.Register(spec).ok());
  const auto found = registry.Find({kSecret, "team/kv", "v1.2"});
  REQUIRE(found.has_value());
  spec.ref.version = "v1.2.0";
  spec.sha256 = std::string(32, 'a') + std::string(32, 'f');
  CHECK(*found == spec);
  CHECK_FALSE(registry.Find({PluginType::kAuth, "team/kv", "v1.2.0"}).has_value());
  CHECK_FALSE(registry.Find({kSecret, "team/kv", ""}).has_value());
  spec.args = {"-q"};
  REQUIRE(registry.Register(spec).ok());
  CHECK(registry.Find(spec.ref)->args == spec.args);
  CHECK(registry.List(kSecret).size() == 1);
}

TEST_CASE("register refuses a bad identity", "[registry]") {
  const CatalogOptions options{"", {"process"}, true};
  CHECK(ReasonOf(options, Spec("", "")) == "invalid_name");
  CHECK(ReasonOf(options, Spec(std::string(257, 'a'), "")) == "invalid_name");
  CHECK(ReasonOf(options, Spec(std::string(256, 'a'), "")).empty());
  CHECK(ReasonOf(options, Spec(std::string("a\0", 2), "")) == "invalid_name");
  CHECK(ReasonOf(options, Spec("a\xff", "")) == "invalid_name");
  CHECK(ReasonOf(options, Spec("kv", "", PluginType::kUnknown)) == "invalid_type");
  CHECK(ReasonOf(options, Spec("kv", "", static_cast<PluginType>(9))) == "invalid_type");
  CHECK(ReasonOf(options, Spec("kv", "one")) == "invalid_version");
  PluginSpec spec = Spec("kv", "v1.0.0+builtin");
  const Status status = ValidateSpec(options, spec);
  CHECK(status.reason() == "reserved_version");
  CHECK(status.message() ==
        "version \"v1.0.0+builtin\" is not allowed because 'builtin' is a reserved metadata "
        "identifier");
  CHECK(ReasonOf(options, Spec("kv", "1.0.0+x.builtin.vault")) == "reserved_version");
  CHECK(ReasonOf(options, Spec("kv", "1.0.0-builtin")).empty());
  spec = Spec("kv", "1.0.0");
  spec.launcher = "container";
  CHECK(ReasonOf(options, spec) == "unknown_launcher");
}

TEST_CASE("register refuses a command that leaves the plugin directory", "[registry]") {
  const PluginDirectory directory;
  const std::string launcher = GENERATE(as<std::string>(), "process", "goplugin");
  CatalogOptions options = directory.options();
  options.launchers.insert(launcher);
  const auto hashed = [&](std::string command) {
    PluginSpec spec = Hashed(std::move(command));
    spec.launcher = launcher;
    return spec;
  };
  const auto reason = [&](std::string command) { return ReasonOf(options, hashed(command)); };
  for (const std::string command :
       {"program", "inner", "sub/new", "not-there-yet", "./program", "/bin/true", "a..b"}) {
    INFO(command);
    CHECK(reason(command).empty());
  }
  CHECK(reason("") == (launcher == "process" ? "missing_command" : ""));
  for (const std::string command : {"..", "../outside", "sub/../program", "/bin/../bin/true"}) {
    INFO(command);
    CHECK(reason(command) == "invalid_command");
  }
  CHECK(reason(std::string("a\0b", 3)) == "invalid_command");
  CHECK(reason("a\xff") == "invalid_command");
  for (const std::string command : {"outer", "up/outside", "up", ".", "dangling"}) {
    INFO(command);
    CHECK(reason(command) == "command_outside");
  }
  CatalogOptions no_directory = options;
  no_directory.plugin_directory.clear();
  CHECK(ReasonOf(no_directory, hashed("program")) == "no_plugin_directory");
  CHECK(ReasonOf(no_directory, hashed("/bin/true")).empty());
}

TEST_CASE("register refuses bad env, args, hashes, modes and timeouts", "[registry]") {
  const CatalogOptions options{"", {"process", "callback"}, false};
  const auto with = [&](auto change) {
    PluginSpec spec = Hashed("/bin/true");
    change(spec);
    return ReasonOf(options, spec);
  };
  for (const std::string env : {"", "KEY", "=value"}) {
    CHECK(with([&](PluginSpec& spec) { spec.env = {"A=b", env}; }) == "invalid_env");
  }
  CHECK(with([](PluginSpec& spec) { spec.env = {std::string("A=\0", 3)}; }) == "invalid_env");
  CHECK(with([](PluginSpec& spec) { spec.env = {"A=", "B=c=d"}; }).empty());
  CHECK(with([](PluginSpec& spec) { spec.env = {"A=\xff"}; }) == "invalid_env");
  CHECK(with([](PluginSpec& spec) { spec.args = {std::string("\0", 1)}; }) == "invalid_args");
  CHECK(with([](PluginSpec& spec) { spec.args = {"\xff"}; }) == "invalid_args");
  CHECK(with([](PluginSpec& spec) { spec.sha256.clear(); }) == "missing_sha256");
  for (const std::string& hash :
       {std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g')}) {
    CHECK(with([&](PluginSpec& spec) { spec.sha256 = hash; }) == "invalid_sha256");
  }
  PluginSpec bad = Hashed("/bin/true");
  bad.sha256 = "xyz";
  CHECK(ValidateSpec(options, bad)
            .message()
            .starts_with("Could not decode SHA256 value from Hex xyz"));
  CHECK(with([](PluginSpec& spec) { spec.timeouts.kill = Millis(-1); }) == "invalid_timeout");
  CHECK(with([](PluginSpec& spec) { spec.order = static_cast<Order>(7); }) == "invalid_mode");
  CatalogOptions unhashed = options;
  unhashed.allow_unhashed = true;
  PluginSpec spec = Hashed("/bin/true");
  spec.sha256.clear();
  CHECK(ReasonOf(unhashed, spec).empty());
  spec.sha256 = "12";
  CHECK(ReasonOf(unhashed, spec) == "invalid_sha256");
}

TEST_CASE("a plugin without a file needs no hash, one with a file does", "[registry]") {
  const CatalogOptions options{"", {"process", "callback"}, false};
  PluginSpec spec = Spec("kv", "");
  spec.launcher = "callback";
  spec.command.clear();
  CHECK(ReasonOf(options, spec).empty());
  spec.command = "/library.so";
  CHECK(ReasonOf(options, spec) == "missing_sha256");
}

TEST_CASE("pins follow Vault's rules", "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  REQUIRE(registry.Register(Spec("kv", "1.0.0")).ok());
  REQUIRE(registry.Register(Spec("kv", "")).ok());
  CHECK(registry.SetPin({kSecret, "kv", ""}).reason() == "missing_version");
  CHECK(registry.SetPin({kSecret, "kv", "x"}).reason() == "invalid_version");
  CHECK(registry.SetPin({PluginType::kUnknown, "kv", "1.0.0"}).reason() == "invalid_type");
  const Status missing = registry.SetPin({kSecret, "kv", "2"});
  CHECK(missing.code() == Code::kNotFound);
  CHECK(missing.message() ==
        "plugin not found in the catalog; secret plugin \"kv\" version v2.0.0 does not exist");
  CHECK_FALSE(registry.FindPin(kSecret, "kv").has_value());
  CHECK(registry.Unpin(kSecret, "kv").ok());

  REQUIRE(registry.SetPin({kSecret, "kv", "1.0"}).ok());
  CHECK(registry.FindPin(kSecret, "kv") == Pin{kSecret, "kv", "v1.0.0"});
  const Status pinned = registry.Deregister({kSecret, "kv", "1.0.0"});
  CHECK(pinned.code() == Code::kFailedPrecondition);
  CHECK(pinned.reason() == "pinned_version");
  CHECK(pinned.message() == "cannot delete a pinned version");
  CHECK(registry.Deregister({kSecret, "kv", ""}).ok());
  REQUIRE(registry.Unpin(kSecret, "kv").ok());
  REQUIRE(registry.Unpin(kSecret, "kv").ok());
  CHECK(registry.Deregister({kSecret, "kv", "1"}).ok());
  const Status gone = registry.Deregister({kSecret, "kv", "1"});
  CHECK(gone.code() == Code::kNotFound);
  CHECK(gone.message() == "plugin not found in the catalog: kv, version=v1.0.0");
  CHECK(registry.List(PluginType::kUnknown).empty());
}

TEST_CASE("pins and plugins are listed by type, name and version", "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  for (const std::string version : {"10.0.0", "", "2.0.0", "2.0.0-rc1"}) {
    REQUIRE(registry.Register(Spec("kv", version)).ok());
  }
  REQUIRE(registry.Register(Spec("a", "1.0.0")).ok());
  REQUIRE(registry.Register(Spec("z", "1.0.0", PluginType::kAuth)).ok());
  REQUIRE(registry.Register(Spec("m", "1.0.0", PluginType::kDatabase)).ok());
  std::vector<std::string> listed;
  for (const PluginSpec& spec : registry.List(PluginType::kUnknown)) {
    listed.push_back(spec.ref.name + " " + spec.ref.version);
  }
  CHECK(listed == std::vector<std::string>{"z v1.0.0", "m v1.0.0", "a v1.0.0", "kv ",
                                           "kv v2.0.0-rc1", "kv v2.0.0", "kv v10.0.0"});
  CHECK(registry.List(PluginType::kAuth).size() == 1);
  REQUIRE(registry.SetPin({kSecret, "kv", "2.0.0"}).ok());
  REQUIRE(registry.SetPin({kSecret, "a", "1.0.0"}).ok());
  REQUIRE(registry.SetPin({PluginType::kAuth, "z", "1.0.0"}).ok());
  CHECK(registry.Pins() == std::vector<Pin>{{PluginType::kAuth, "z", "v1.0.0"},
                                            {kSecret, "a", "v1.0.0"},
                                            {kSecret, "kv", "v2.0.0"}});
}

void CheckChoice(const Result<Resolution>& resolution, std::string_view version, VersionRule rule) {
  REQUIRE(resolution.ok());
  CHECK(resolution->spec.ref.version == version);
  CHECK(VersionRuleName(resolution->rule) == VersionRuleName(rule));
}

TEST_CASE("a mount takes the pin, the requested, the unversioned, the highest version",
          "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  const auto resolve = [&](std::string_view requested) {
    return registry.ResolveForMount(kSecret, "kv", requested);
  };
  CHECK(resolve("").status().message() == "plugin not found in the catalog: kv");
  for (const std::string version : {"1.0.0", "2.0.0", "10.0.0"}) {
    REQUIRE(registry.Register(Spec("kv", version)).ok());
  }
  CheckChoice(resolve(""), "v10.0.0", VersionRule::kHighest);
  CheckChoice(resolve("2"), "v2.0.0", VersionRule::kRequested);
  REQUIRE(registry.Register(Spec("kv", "")).ok());
  CheckChoice(resolve(""), "", VersionRule::kUnversioned);
  CHECK(resolve("3").status().message() == "plugin not found in the catalog: kv, version=v3.0.0");
  CHECK(resolve("3").status().reason() == "plugin_not_found");
  CHECK(resolve("x").status().reason() == "invalid_version");
  REQUIRE(registry.SetPin({kSecret, "kv", "1.0.0"}).ok());
  CheckChoice(resolve(""), "v1.0.0", VersionRule::kPin);
  CheckChoice(resolve("1.0"), "v1.0.0", VersionRule::kPin);
  const auto refused = resolve("2.0.0");
  CHECK(refused.status().code() == Code::kFailedPrecondition);
  CHECK(refused.status().reason() == "pinned_version");
  CHECK(refused.status().message() ==
        "cannot specify plugin_version for secret plugin \"kv\", as it is pinned to version "
        "v1.0.0");
}

TEST_CASE("a reload takes the pin, the stored, the unversioned version and never the highest",
          "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  const auto resolve = [&](std::string_view stored) {
    return registry.Resolve(kSecret, "kv", stored);
  };
  REQUIRE(registry.Register(Spec("kv", "1.0.0")).ok());
  REQUIRE(registry.Register(Spec("kv", "2.0.0")).ok());
  CHECK(resolve("").status().code() == Code::kNotFound);
  CheckChoice(resolve("v1.0.0"), "v1.0.0", VersionRule::kStored);
  CHECK(resolve("v3.0.0").status().code() == Code::kNotFound);
  REQUIRE(registry.Register(Spec("kv", "")).ok());
  CheckChoice(resolve(""), "", VersionRule::kUnversioned);
  CHECK(resolve("v3.0.0").status().code() == Code::kNotFound);
  REQUIRE(registry.SetPin({kSecret, "kv", "2.0.0"}).ok());
  CheckChoice(resolve(""), "v2.0.0", VersionRule::kPin);
  CheckChoice(resolve("v1.0.0"), "v2.0.0", VersionRule::kPin);
  CheckChoice(resolve("v3.0.0"), "v2.0.0", VersionRule::kPin);
}

TEST_CASE("documents that cannot be read count as absent", "[registry]") {
  StoreNode node;
  PluginRegistry registry(node.catalog);
  REQUIRE(registry.Register(Spec("kv", "1.0.0")).ok());
  const std::vector<Change> foreign{{PluginKey({kSecret, "kv", "v1.0.0"}), "{}", {}},
                                    {PluginKey({kSecret, "kv", "v2.0.0"}), "garbage", {}},
                                    {PinKey(kSecret, "kv"), "[]", {}},
                                    {"state/somebody/else", "x", {}}};
  REQUIRE(node.store->Commit(foreign, Soon()).ok());
  REQUIRE(registry.Register(Spec("other", "1.0.0")).ok());
  CHECK(registry.List(kSecret).size() == 1);
  CHECK_FALSE(registry.FindPin(kSecret, "kv").has_value());
  REQUIRE(registry.Register(Spec("kv", "1.0.0")).ok());
  REQUIRE(registry.SetPin({kSecret, "kv", "1.0.0"}).ok());
  CHECK(registry.FindPin(kSecret, "kv").has_value());
}

}  // namespace
}  // namespace plugreload::internal
