// A launcher of the host's own: all that it is told, how it tells an end, and what it says of a
// plugin.
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "c_engine.hpp"
#include "plugreload/plugreload.h"
#include "support/catch.hpp"
#include "support/plugins.hpp"

using plugreload::test::CEngine;

namespace {

template <typename Get, typename... Index>
std::string Text(const plugreload_launch* launch, Get get, Index... index) {
  std::size_t len = 0;
  const char* data = get(launch, index..., &len);
  CHECK(data[len] == 0);
  return {data, len};
}

// A table whose functions are the test's.
struct Launcher {
  std::function<plugreload_code(plugreload_launch*)> start, inspect;

  Launcher() {
    ops.struct_size = sizeof ops;
    ops.user_data = this;
    ops.start = [](void* self, plugreload_launch* launch) {
      return static_cast<Launcher*>(self)->start(launch);
    };
    ops.inspect = [](void* self, plugreload_launch* launch) {
      return static_cast<Launcher*>(self)->inspect(launch);
    };
    host.struct_size = sizeof host;
    host.authorise = [](void*, const plugreload_access*) -> std::int32_t {
      return PLUGRELOAD_ALLOW;
    };
    options.struct_size = sizeof options;
    options.host = &host;
    options.launcher_names = &name;
    options.launchers = &table;
    options.launcher_count = 1;
    options.dispatch_launchers = &name;
    options.dispatch_launcher_count = 1;
    options.restart_first_ms = 1;
  }

  const char* name = "own";
  plugreload_launcher_ops ops{};
  const plugreload_launcher_ops* table = &ops;
  plugreload_host host{};
  plugreload_options options{};
};

plugreload_plugin Plugin() {
  static const std::int32_t versions[] = {4, 5};
  static const char* const env[] = {"A=1", "B=2"};
  static const std::string hash(64, 'A');
  plugreload_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.launcher = "own";
  plugin.launcher_len = 3;
  plugin.command = "/bin/true";
  plugin.command_len = PLUGRELOAD_NTS;
  plugin.env = env;
  plugin.env_count = 2;
  plugin.sha256 = hash.c_str();
  plugin.sha256_len = hash.size();
  plugin.image = PLUGRELOAD_IMAGE_IN_PLACE;
  plugin.sharing = PLUGRELOAD_SHARE_GLOBAL;
  plugin.cookie_key = "K";
  plugin.cookie_key_len = 1;
  plugin.cookie_value = "V";
  plugin.cookie_value_len = 1;
  plugin.protocol_versions = versions;
  plugin.protocol_version_count = 2;
  plugin.graceful_timeout_ms = 77;
  return plugin;
}

plugreload_mount Mount() {
  static const char* const keys[] = {"b", "a"};
  static const char* const values[] = {"2", "1"};
  plugreload_mount mount{};
  mount.struct_size = sizeof mount;
  mount.type = PLUGRELOAD_TYPE_SECRET;
  mount.path = "kv";
  mount.path_len = 2;
  mount.plugin = "kv";
  mount.plugin_len = 2;
  mount.option_keys = keys;
  mount.option_values = values;
  mount.option_count = 2;
  return mount;
}

plugreload_code MountOn(CEngine& engine) {
  const plugreload_plugin plugin = Plugin();
  REQUIRE(plugreload_plugin_register(engine.get(), &plugin, PLUGRELOAD_DEFAULT, engine.error()) ==
          PLUGRELOAD_OK);
  const plugreload_mount mount = Mount();
  return plugreload_mount_add(engine.get(), &mount, PLUGRELOAD_DEFAULT, engine.error());
}

}  // namespace

TEST_CASE("a launcher sees all that a plugin was registered with", "[capi]") {
  Launcher own;
  own.start = [](plugreload_launch* launch) -> plugreload_code {
    CHECK(plugreload_launch_env_count(launch) == 2);
    CHECK(Text(launch, plugreload_launch_env, std::size_t{1}) == "B=2");
    CHECK(Text(launch, plugreload_launch_env, std::size_t{2}).empty());
    CHECK(Text(launch, plugreload_launch_sha256) == std::string(64, 'a'));
    CHECK(plugreload_launch_image(launch) == PLUGRELOAD_IMAGE_IN_PLACE);
    CHECK(plugreload_launch_sharing(launch) == PLUGRELOAD_SHARE_GLOBAL);
    CHECK(plugreload_launch_own_handshake(launch) == 1);
    CHECK(Text(launch, plugreload_launch_cookie_key) == "K");
    CHECK(Text(launch, plugreload_launch_cookie_value) == "V");
    CHECK(plugreload_launch_protocol_version_count(launch) == 2);
    CHECK(plugreload_launch_protocol_version(launch, 1) == 5);
    CHECK(plugreload_launch_protocol_version(launch, 2) == 0);
    CHECK(plugreload_launch_timeout_ms(launch, PLUGRELOAD_TIMEOUT_GRACEFUL) == 77);
    CHECK(plugreload_launch_timeout_ms(launch, PLUGRELOAD_TIMEOUT_START) == 60'000);
    CHECK(plugreload_launch_timeout_ms(launch, 6) == 0);
    CHECK(plugreload_launch_option_count(launch) == 2);
    CHECK(Text(launch, plugreload_launch_option_key, std::size_t{0}) == "a");
    CHECK(Text(launch, plugreload_launch_option_value, std::size_t{0}) == "1");
    CHECK(Text(launch, plugreload_launch_option_key, std::size_t{2}).empty());
    CHECK_FALSE(Text(launch, plugreload_launch_accessor).empty());
    const plugreload_facts facts{};
    CHECK(plugreload_launch_set_facts(launch, &facts) == PLUGRELOAD_FAILED_PRECONDITION);
    plugreload_launch_set_process(launch, 17, 5, 1);
    return PLUGRELOAD_OK;
  };
  CEngine engine;
  REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
  REQUIRE(MountOn(engine) == PLUGRELOAD_OK);
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  REQUIRE(plugreload_lease_acquire(engine.get(), "", 0, "kv/", 3, 10'000, &lease, nullptr) ==
          PLUGRELOAD_OK);
  CHECK(plugreload_lease_pid(&lease) == 17);
  CHECK(plugreload_lease_protocol_version(&lease) == 5);
  plugreload_lease_release(&lease);
}

TEST_CASE("an end that a launcher tells is answered by another start", "[capi]") {
  Launcher own;
  std::mutex mutex;
  std::condition_variable changed;
  int starts = 0;
  plugreload_exit* exit = nullptr;
  own.start = [&](plugreload_launch* launch) -> plugreload_code {
    const std::scoped_lock lock(mutex);
    ++starts;
    if (starts == 1) exit = plugreload_launch_exit(launch);
    changed.notify_all();
    return PLUGRELOAD_OK;
  };
  CEngine engine;
  REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
  REQUIRE(MountOn(engine) == PLUGRELOAD_OK);
  plugreload_exit_tell(exit, PLUGRELOAD_EXIT_CODE, 7, "it fell", PLUGRELOAD_NTS);
  {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, plugreload::test::kPatience, [&] { return starts == 2; }));
  }
  plugreload_exit_tell(exit, PLUGRELOAD_EXIT_CODE, 7, "again", PLUGRELOAD_NTS);
  CHECK(plugreload_engine_close(engine.get(), PLUGRELOAD_DEFAULT, nullptr) == PLUGRELOAD_OK);
  CHECK(starts == 2);
  plugreload_exit_tell(exit, PLUGRELOAD_EXIT_SIGNAL, 9, nullptr, 0);
  plugreload_exit_free(exit);
}

TEST_CASE("an end before the start has returned fails it", "[capi]") {
  Launcher own;
  own.start = [](plugreload_launch* launch) -> plugreload_code {
    plugreload_exit* const exit = plugreload_launch_exit(launch);
    plugreload_exit_tell(exit, PLUGRELOAD_EXIT_SIGNAL, 9, "it was killed", PLUGRELOAD_NTS);
    plugreload_exit_free(exit);
    return PLUGRELOAD_OK;
  };
  CEngine engine;
  REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
  CHECK(MountOn(engine) == PLUGRELOAD_UNAVAILABLE);
  const auto why = engine.TakeError();
  CHECK(why.reason == "exited");
  CHECK(why.message.find("it was killed") != std::string::npos);
}

TEST_CASE("a launcher is told that a start is not wanted any more", "[capi]") {
  Launcher own;
  std::mutex mutex;
  std::condition_variable changed;
  bool cancelled = false;
  own.start = [&](plugreload_launch* launch) -> plugreload_code {
    const auto tell = [&] {
      const std::scoped_lock lock(mutex);
      cancelled = true;
      changed.notify_all();
    };
    std::function<void()> function = tell;
    plugreload_launch_on_cancel(
        launch, [](void* context) { (*static_cast<std::function<void()>*>(context))(); },
        &function);
    {
      std::unique_lock lock(mutex);
      CHECK(changed.wait_for(lock, plugreload::test::kPatience, [&] { return cancelled; }));
    }
    CHECK(plugreload_launch_cancelled(launch) == 1);
    plugreload_launch_on_cancel(launch, nullptr, nullptr);
    return PLUGRELOAD_CANCELLED;
  };
  CEngine engine;
  REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
  const plugreload_plugin plugin = Plugin();
  REQUIRE(plugreload_plugin_register(engine.get(), &plugin, PLUGRELOAD_DEFAULT, nullptr) ==
          PLUGRELOAD_OK);
  const plugreload_mount mount = Mount();
  // The call gives up, and with it the only one who wants the start.
  CHECK(plugreload_mount_add(engine.get(), &mount, 50, nullptr) != PLUGRELOAD_OK);
  CHECK(plugreload_engine_close(engine.get(), PLUGRELOAD_DEFAULT, nullptr) == PLUGRELOAD_OK);
  CHECK(cancelled);
}

TEST_CASE("a launcher that can be asked fills in a registration", "[capi]") {
  Launcher own;
  own.inspect = [](plugreload_launch* launch) -> plugreload_code {
    CHECK(plugreload_launch_type(launch) == PLUGRELOAD_TYPE_ANY);
    CHECK(plugreload_launch_exit(launch) == nullptr);
    static const std::int32_t versions[] = {6};
    plugreload_facts facts{};
    CHECK(plugreload_launch_set_facts(launch, &facts) == PLUGRELOAD_INVALID_ARGUMENT);
    facts.struct_size = sizeof facts;
    facts.type = PLUGRELOAD_TYPE_DATABASE;
    facts.version = "1.2.3";
    facts.version_len = PLUGRELOAD_NTS;
    facts.cookie_key = "K";
    facts.cookie_key_len = 1;
    facts.cookie_value = "V";
    facts.cookie_value_len = 1;
    facts.protocol_versions = versions;
    facts.protocol_version_count = 1;
    return plugreload_launch_set_facts(launch, &facts);
  };
  const auto ask = [](CEngine& engine, const char* method, const char* target, const char* body) {
    plugreload_call call{};
    call.struct_size = sizeof call;
    call.method = method;
    call.method_len = PLUGRELOAD_NTS;
    call.target = target;
    call.target_len = PLUGRELOAD_NTS;
    call.body = body;
    call.body_len = body == nullptr ? 0 : PLUGRELOAD_NTS;
    plugreload_response* response = nullptr;
    REQUIRE(plugreload_engine_dispatch(engine.get(), &call, &response, nullptr) == PLUGRELOAD_OK);
    const std::int32_t status = plugreload_response_status(response);
    plugreload_response_free(response);
    return status;
  };
  const char* const body = R"({"launcher":"own"})";
  SECTION("its table has the function") {
    CEngine engine;
    REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
    CHECK(ask(engine, "POST", "/v1/sys/plugins/catalog/pg", body) == 204);
    CHECK(ask(engine, "GET", "/v1/sys/plugins/catalog/database/pg?version=1.2.3", nullptr) == 200);
  }
  SECTION("its table is of a header without the function") {
    own.ops.struct_size = offsetof(plugreload_launcher_ops, inspect);
    CEngine engine;
    REQUIRE(engine.Open(own.options).code == PLUGRELOAD_OK);
    CHECK(ask(engine, "POST", "/v1/sys/plugins/catalog/pg", body) == 400);
  }
}
