// How structs of another age are read, and who calls destroy.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "c_engine.hpp"
#include "plugreload/plugreload.h"
#include "support/catch.hpp"

using plugreload::test::CEngine;
using plugreload::test::Outcome;

namespace {

void CountDestroy(void* user_data) { ++*static_cast<int*>(user_data); }

plugreload_code NeverStart(void*, plugreload_launch*) { return PLUGRELOAD_UNAVAILABLE; }

plugreload_host HostTable(int* destroyed) {
  plugreload_host host{};
  host.struct_size = sizeof host;
  host.user_data = destroyed;
  host.destroy = CountDestroy;
  return host;
}

plugreload_launcher_ops LauncherTable(int* destroyed) {
  plugreload_launcher_ops ops{};
  ops.struct_size = sizeof ops;
  ops.user_data = destroyed;
  ops.start = NeverStart;
  ops.destroy = CountDestroy;
  return ops;
}

// Options of exactly struct_size bytes on the heap, so that a sanitizer sees every byte beyond.
std::vector<std::uint64_t> Resized(plugreload_options options, std::size_t size) {
  std::vector<std::uint64_t> storage(size / sizeof(std::uint64_t));
  options.struct_size = size;
  std::memcpy(storage.data(), &options, std::min(size, sizeof options));
  return storage;
}

// Up to run_directory, which every test gives.
constexpr std::size_t kSmall =
    offsetof(plugreload_options, run_directory_len) + sizeof(std::size_t);

// What opening with options of this size gives.
Outcome Open(plugreload_options options, std::size_t size, std::uint64_t last_word = 0) {
  CEngine engine;
  if (options.run_directory == nullptr) engine.UseRunDirectory(&options);
  auto storage = Resized(options, size);
  storage.back() |= last_word;
  return engine.OpenAsIs(storage.data());
}
Outcome Open(const plugreload_options& options) { return Open(options, sizeof options); }

}  // namespace

TEST_CASE("a smaller struct of an older header reads as if the rest were zero", "[capi]") {
  int destroyed = 0;
  const plugreload_host host = HostTable(&destroyed);
  plugreload_options options{};
  options.host = &host;
  options.flags = 0x8000;  // unknown, and within the part that is there
  CHECK(Open(options, kSmall).reason == "invalid_number");
  CHECK(destroyed == 1);
  options.flags = 0;
  options.restart_first_ms = -5;  // beyond the part that is there
  CHECK(Open(options, kSmall).code == PLUGRELOAD_OK);
  CHECK(destroyed == 2);
  CHECK(Open(options).reason == "invalid_number");
  CHECK(destroyed == 3);
}

TEST_CASE("a larger struct is accepted when what is unknown is zero and refused otherwise",
          "[capi]") {
  int destroyed = 0;
  const plugreload_host host = HostTable(&destroyed);
  plugreload_options options{};
  options.host = &host;
  CHECK(Open(options, sizeof options + 64).code == PLUGRELOAD_OK);
  const Outcome refused = Open(options, sizeof options + 64, std::uint64_t{1} << 56);
  CHECK(refused.code == PLUGRELOAD_INVALID_ARGUMENT);
  CHECK(refused.reason == "struct_size");
  CHECK(destroyed == 2);
}

TEST_CASE("a struct_size that cannot be one is refused without reading on", "[capi]") {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{4}, sizeof(plugreload_options) + 4, std::size_t{1} << 40}) {
    int destroyed = 0;
    const plugreload_host host = HostTable(&destroyed);
    plugreload_options options{};
    options.struct_size = size;
    options.host = &host;
    CEngine engine;
    CHECK(engine.OpenAsIs(&options).reason == "struct_size");
    CHECK(destroyed == 0);  // nothing of the options was read
  }
}

TEST_CASE("every struct follows the same rule", "[capi]") {
  CEngine engine;
  REQUIRE(engine.Open().code == PLUGRELOAD_OK);
  const auto refused = [](plugreload_code code) { return code == PLUGRELOAD_INVALID_ARGUMENT; };
  plugreload_plugin plugin{};
  plugreload_mount mount{};
  plugreload_tune tune{};
  plugreload_request request{};
  plugreload_call call{};
  plugreload_report* report = nullptr;
  plugreload_plan* plan = nullptr;
  plugreload_response* response = nullptr;
  CHECK(refused(plugreload_plugin_register(engine.get(), &plugin, 0, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
  CHECK(refused(plugreload_mount_add(engine.get(), &mount, 0, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
  CHECK(refused(plugreload_mount_tune(engine.get(), "", 0, "kv", 2, &tune, 0, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
  CHECK(refused(plugreload_reload_run(engine.get(), &request, &report, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
  CHECK(refused(plugreload_reload_plan(engine.get(), &request, &plan, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
  CHECK(refused(plugreload_engine_dispatch(engine.get(), &call, &response, engine.error())));
  CHECK(engine.TakeError().reason == "struct_size");
}

TEST_CASE("destroy runs exactly once for each table, also when open fails", "[capi]") {
  int host_destroyed = 0, first_destroyed = 0, second_destroyed = 0;
  const plugreload_host host = HostTable(&host_destroyed);
  plugreload_launcher_ops first = LauncherTable(&first_destroyed);
  const plugreload_launcher_ops second = LauncherTable(&second_destroyed);
  const plugreload_launcher_ops* launchers[] = {&first, &second, &first};
  const char* names[] = {"one", "two", "one again"};
  plugreload_options options{};
  options.struct_size = sizeof options;
  options.host = &host;
  options.launcher_names = names;
  options.launchers = launchers;
  options.launcher_count = 3;

  SECTION("when the engine is freed") {
    CHECK(Open(options).code == PLUGRELOAD_OK);
    CHECK(first_destroyed == 1);
  }
  SECTION("when an option makes no sense") {
    options.flags = 0x8000;
    CHECK(Open(options).reason == "invalid_number");
    CHECK(first_destroyed == 1);
  }
  SECTION("when there is nowhere to put the engine") {
    CHECK(plugreload_engine_open(&options, nullptr, nullptr) == PLUGRELOAD_INVALID_ARGUMENT);
    CHECK(first_destroyed == 1);
  }
  SECTION("when the runtime refuses") {
    options.run_directory = "/dev/null/nowhere";
    options.run_directory_len = PLUGRELOAD_NTS;
    CHECK(Open(options).code != PLUGRELOAD_OK);
    CHECK(first_destroyed == 1);
  }
  SECTION("when another table of the same open cannot be read") {
    first.struct_size = 3;
    CHECK(Open(options).reason == "struct_size");
    CHECK(first_destroyed == 0);
  }
  SECTION("when a table lacks what it must have") {
    first.start = nullptr;
    CHECK(Open(options).reason == "null_argument");
    CHECK(first_destroyed == 1);
  }
  SECTION("when a name is given twice") {
    names[1] = "one";
    CHECK(Open(options).reason == "invalid_launcher");
    CHECK(first_destroyed == 1);
  }
  SECTION("when names are missing") {
    options.launcher_names = nullptr;
    CHECK(Open(options).reason == "null_argument");
    CHECK(first_destroyed >= 1);
  }
  CHECK(second_destroyed == 1);
  CHECK(host_destroyed == 1);
}

TEST_CASE("the limits of dispatched calls are the options'", "[capi]") {
  plugreload_token token{};
  token.struct_size = sizeof token;
  token.token = "root";
  token.token_len = PLUGRELOAD_NTS;
  const plugreload_token* const tokens[] = {&token};
  plugreload_host host{};
  host.struct_size = sizeof host;
  host.tokens = tokens;
  host.token_count = 1;
  plugreload_options options{};
  options.struct_size = sizeof options;
  options.host = &host;
  options.max_path_bytes = 60;
  options.max_name_bytes = 5;
  options.max_mount_bytes = 7;
  CEngine engine;
  REQUIRE(engine.Open(options).code == PLUGRELOAD_OK);
  const auto status = [&](const std::string& method, const std::string& target) {
    plugreload_call call{};
    call.struct_size = sizeof call;
    call.method = method.data();
    call.method_len = method.size();
    call.target = target.data();
    call.target_len = target.size();
    call.token = "root";
    call.token_len = PLUGRELOAD_NTS;
    plugreload_response* response = nullptr;
    REQUIRE(plugreload_engine_dispatch(engine.get(), &call, &response, engine.error()) ==
            PLUGRELOAD_OK);
    const std::int32_t answered = plugreload_response_status(response);
    plugreload_response_free(response);
    return answered;
  };
  CHECK(status("GET", "/v1/" + std::string(56, 'x')) == 404);
  CHECK(status("GET", "/v1/" + std::string(57, 'x')) == 414);
  CHECK(status("GET", "/v1/sys/plugins/catalog/secret/fives") == 404);
  CHECK(status("GET", "/v1/sys/plugins/catalog/secret/sixsix") == 400);
  CHECK(status("POST", "/v1/sys/namespaces/7-bytes") == 200);
  CHECK(status("POST", "/v1/sys/namespaces/8--bytes") == 400);
}

TEST_CASE("times and numbers of a shared store that cannot be are refused", "[capi]") {
  plugreload_options options{};
  options.member_ttl_ms = -1;
  CHECK(Open(options).reason == "invalid_number");
  options.member_ttl_ms = 20000;
  options.global_history_ttl_ms = -1;
  CHECK(Open(options).reason == "invalid_number");
  options.global_history_ttl_ms = 60000;
  options.global_history = 8;
  CHECK(Open(options).code == PLUGRELOAD_OK);
}
