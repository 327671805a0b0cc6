// NULL everywhere, texts without terminators, events and callbacks of the C ABI.
#include <poll.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "c_engine.hpp"
#include "plugreload/plugreload.h"
#include "support/catch.hpp"

using plugreload::test::CEngine;

namespace {

// Whether an accessor, asked with its last argument, gives "" and 0.
template <typename Ask>
bool Empty(Ask ask) {
  std::size_t len = 7;
  const char* text = ask(&len);
  return text != nullptr && *text == 0 && len == 0 && ask(nullptr) == text;
}

bool Readable(int descriptor) {
  pollfd entry{descriptor, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

// A launcher whose instances are nothing at all.
plugreload_code StartNothing(void*, plugreload_launch*) { return PLUGRELOAD_OK; }

struct WithObjects {
  explicit WithObjects(plugreload_start_fn start, void* user_data = nullptr) {
    ops.struct_size = sizeof ops;
    ops.user_data = user_data;
    ops.start = start;
    options.struct_size = sizeof options;
    options.launcher_names = &name;
    options.launchers = &launcher;
    options.launcher_count = 1;
  }
  const char* name = "objects";
  plugreload_launcher_ops ops{};
  const plugreload_launcher_ops* launcher = &ops;
  plugreload_options options{};
};

plugreload_code Register(plugreload_engine* engine, const char* version, plugreload_error** error) {
  plugreload_plugin plugin{};
  plugin.struct_size = sizeof plugin;
  plugin.type = PLUGRELOAD_TYPE_SECRET;
  plugin.name = "kv";
  plugin.name_len = 2;
  plugin.version = version;
  plugin.version_len = PLUGRELOAD_NTS;
  plugin.launcher = "objects";
  plugin.launcher_len = PLUGRELOAD_NTS;
  plugin.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
  plugin.sha256_len = PLUGRELOAD_NTS;
  return plugreload_plugin_register(engine, &plugin, PLUGRELOAD_DEFAULT, error);
}

plugreload_code Mount(plugreload_engine* engine, const char* path, plugreload_error** error) {
  plugreload_mount mount{};
  mount.struct_size = sizeof mount;
  mount.type = PLUGRELOAD_TYPE_SECRET;
  mount.path = path;
  mount.path_len = PLUGRELOAD_NTS;
  mount.plugin = "kv";
  mount.plugin_len = 2;
  return plugreload_mount_add(engine, &mount, PLUGRELOAD_DEFAULT, error);
}

}  // namespace

TEST_CASE("NULL may be freed, and its accessors answer as an empty object", "[capi]") {
  plugreload_error_free(nullptr);
  plugreload_engine_free(nullptr);
  plugreload_namespaces_free(nullptr);
  plugreload_mounts_free(nullptr);
  plugreload_report_free(nullptr);
  plugreload_plan_free(nullptr);
  plugreload_response_free(nullptr);
  plugreload_event_free(nullptr);
  plugreload_lease_release(nullptr);
  CHECK(plugreload_error_code(nullptr) == PLUGRELOAD_OK);
  CHECK(Empty([](std::size_t* len) { return plugreload_error_message(nullptr, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_report_message(nullptr, 3, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_mounts_path(nullptr, 3, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_plan_path(nullptr, 0, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_response_body(nullptr, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_event_message(nullptr, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_lease_endpoint(nullptr, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_launch_plugin(nullptr, len); }));
  CHECK(Empty([](std::size_t* len) { return plugreload_access_token(nullptr, len); }));
  CHECK(plugreload_lease_option(nullptr, "x", 1, nullptr) == nullptr);
  plugreload_lease_tag(nullptr, "x", 1);
  CHECK(plugreload_report_lease_count(nullptr, 0) == 0);
  CHECK(Empty([](std::size_t* len) { return plugreload_report_lease_tag(nullptr, 0, 0, len); }));
  CHECK(plugreload_report_count(nullptr) == 0);
  CHECK(plugreload_report_prepare_ms(nullptr, 0) == 0);
  CHECK(plugreload_event_fd(nullptr) == -1);
}

TEST_CASE("a call without an engine is refused and clears its out-parameters", "[capi]") {
  auto* report = reinterpret_cast<plugreload_report*>(1);
  plugreload_error* error = nullptr;
  CHECK(plugreload_reload_find(nullptr, "x", 1, &report, &error) == PLUGRELOAD_INVALID_ARGUMENT);
  CHECK(report == nullptr);
  CHECK(std::string(plugreload_error_reason(error, nullptr)) == "null_argument");
  plugreload_error_free(error);
  error = reinterpret_cast<plugreload_error*>(1);
  CEngine engine;
  REQUIRE(engine.Open().code == PLUGRELOAD_OK);
  CHECK(plugreload_engine_wait_ready(engine.get(), PLUGRELOAD_DEFAULT, &error) == PLUGRELOAD_OK);
  CHECK(error == nullptr);
  plugreload_event* event = nullptr;
  CHECK(plugreload_event_take(engine.get(), nullptr, nullptr) == PLUGRELOAD_INVALID_ARGUMENT);
  CHECK(plugreload_event_take(engine.get(), &event, nullptr) == PLUGRELOAD_OK);
}

TEST_CASE("texts need no terminator", "[capi]") {
  WithObjects with(StartNothing);
  CEngine engine;
  REQUIRE(engine.Open(with.options).code == PLUGRELOAD_OK);
  REQUIRE(Register(engine.get(), "v1.0.0", nullptr) == PLUGRELOAD_OK);
  // On the heap in exactly their length: a sanitizer sees every byte beyond.
  const auto exact = [](const char* text) {
    std::unique_ptr<char[]> copy(new char[std::strlen(text)]);
    std::memcpy(copy.get(), text, std::strlen(text));
    return copy;
  };
  const auto ns = exact("team"), path = exact("team/kv/a"), name = exact("kv");
  CHECK(plugreload_namespace_create(engine.get(), ns.get(), 4, PLUGRELOAD_DEFAULT, nullptr) ==
        PLUGRELOAD_OK);
  plugreload_mount mount{};
  mount.struct_size = sizeof mount;
  mount.type = PLUGRELOAD_TYPE_SECRET;
  mount.ns = ns.get();
  mount.ns_len = 4;
  mount.path = name.get();
  mount.path_len = 2;
  mount.plugin = name.get();
  mount.plugin_len = 2;
  CHECK(plugreload_mount_add(engine.get(), &mount, PLUGRELOAD_DEFAULT, nullptr) == PLUGRELOAD_OK);
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  CHECK(plugreload_lease_acquire(engine.get(), nullptr, 0, path.get(), 9, 5000, &lease, nullptr) ==
        PLUGRELOAD_OK);
  std::size_t len = 0;
  CHECK(plugreload_lease_rest(&lease, &len) == path.get() + 8);
  CHECK(len == 1);
  plugreload_lease_release(&lease);
}

namespace {

// Counts what is told; an event is in the queue before it is told.
struct EventCount {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t all = 0, stopped = 0;
};

void CountEvent(void* user_data, const plugreload_event* event) {
  auto* count = static_cast<EventCount*>(user_data);
  const std::lock_guard<std::mutex> lock(count->mutex);
  ++count->all;
  if (plugreload_event_kind(event) == PLUGRELOAD_EVENT_INSTANCE_STOPPED) ++count->stopped;
  count->changed.notify_all();
}

}  // namespace

TEST_CASE("a full queue drops the oldest events, counts them and tells", "[capi]") {
  EventCount count;
  plugreload_host host{};
  host.struct_size = sizeof host;
  host.user_data = &count;
  host.event = CountEvent;
  WithObjects with(StartNothing);
  with.options.host = &host;
  with.options.max_events = 4;
  CEngine engine;
  REQUIRE(engine.Open(with.options).code == PLUGRELOAD_OK);
  CHECK_FALSE(Readable(plugreload_event_fd(engine.get())));
  REQUIRE(Register(engine.get(), "v1.0.0", nullptr) == PLUGRELOAD_OK);
  for (const char* path : {"a", "b", "c", "d", "e", "f"}) {
    REQUIRE(Mount(engine.get(), path, nullptr) == PLUGRELOAD_OK);
  }
  REQUIRE(plugreload_engine_close(engine.get(), PLUGRELOAD_DEFAULT, nullptr) == PLUGRELOAD_OK);
  {
    // The stop of the last instance is the last there is to tell.
    std::unique_lock<std::mutex> lock(count.mutex);
    REQUIRE(
        count.changed.wait_for(lock, std::chrono::seconds(20), [&] { return count.stopped == 6; }));
    REQUIRE(count.all >= 6 * 3);  // started, serving, stopped
  }
  CHECK(Readable(plugreload_event_fd(engine.get())));
  std::uint64_t lost = 0;
  std::uint64_t taken = 0;
  for (plugreload_event* event = nullptr;; plugreload_event_free(event), ++taken) {
    REQUIRE(plugreload_event_take(engine.get(), &event, nullptr) == PLUGRELOAD_OK);
    if (event == nullptr) break;
    CHECK((plugreload_event_kind(event) == PLUGRELOAD_EVENT_EVENTS_LOST) == (taken == 0));
    if (taken != 0) continue;
    lost = plugreload_event_count(event);
    CHECK(*plugreload_event_message(event, nullptr) != 0);
  }
  CHECK(taken == 5);  // what was lost, and the newest four
  CHECK(lost + 4 == count.all);
  CHECK_FALSE(Readable(plugreload_event_fd(engine.get())));
}

namespace {

struct Callback {
  std::atomic<plugreload_engine*> engine{nullptr};
  std::atomic<int> calls{0};
  std::atomic<bool> refused{true};
};

// Everything that waits is refused; what does not wait works.
plugreload_code StartAndMisuse(void* user_data, plugreload_launch* launch) {
  auto* callback = static_cast<Callback*>(user_data);
  plugreload_engine* engine = callback->engine;
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  plugreload_report* report = nullptr;
  plugreload_event* event = nullptr;
  const auto is_refused = [](plugreload_code code) {
    return code == PLUGRELOAD_FAILED_PRECONDITION;
  };
  bool refused =
      is_refused(plugreload_engine_close(engine, 0, nullptr)) &&
      is_refused(plugreload_engine_wait_ready(engine, 0, nullptr)) &&
      is_refused(plugreload_plugin_unpin(engine, PLUGRELOAD_TYPE_SECRET, "kv", 2, 0, nullptr)) &&
      is_refused(plugreload_lease_acquire(engine, "", 0, "kv/", 3, 1, &lease, nullptr));
  refused = refused &&
            plugreload_lease_acquire(engine, "", 0, "none", 4, 0, &lease, nullptr) ==
                PLUGRELOAD_NOT_FOUND &&
            plugreload_reload_find(engine, "x", 1, &report, nullptr) == PLUGRELOAD_NOT_FOUND &&
            plugreload_event_take(engine, &event, nullptr) == PLUGRELOAD_OK;
  plugreload_event_free(event);
  plugreload_engine_free(engine);  // does nothing here
  if (!refused) callback->refused = false;
  ++callback->calls;
  plugreload_launch_set_endpoint(launch, "tcp:127.0.0.1:9", PLUGRELOAD_NTS, "http", 4);
  return PLUGRELOAD_OK;
}

}  // namespace

TEST_CASE("what waits is refused in a callback, what does not wait works", "[capi]") {
  Callback callback;
  WithObjects with(StartAndMisuse, &callback);
  CEngine engine;
  REQUIRE(engine.Open(with.options).code == PLUGRELOAD_OK);
  callback.engine = engine.get();
  REQUIRE(Register(engine.get(), "v1.0.0", nullptr) == PLUGRELOAD_OK);
  REQUIRE(Mount(engine.get(), "kv", nullptr) == PLUGRELOAD_OK);
  CHECK(callback.calls == 1);
  CHECK(callback.refused);
  plugreload_lease lease = PLUGRELOAD_LEASE_INIT;
  REQUIRE(plugreload_lease_acquire(engine.get(), "", 0, "kv/", 3, 5000, &lease, nullptr) ==
          PLUGRELOAD_OK);
  CHECK(std::string(plugreload_lease_endpoint(&lease, nullptr)) == "tcp:127.0.0.1:9");
  // Released on another thread than it was taken on.
  std::thread([&] { plugreload_lease_release(&lease); }).join();
  CHECK(plugreload_lease_generation(&lease) == 0);
}

namespace {
plugreload_code StartThrowing(void*, plugreload_launch*) { throw 7; }
plugreload_code StartNonsense(void*, plugreload_launch*) { return 4711; }
}  // namespace

TEST_CASE("a callback that throws or answers no code fails its start and nothing else", "[capi]") {
  for (const plugreload_start_fn start : {&StartThrowing, &StartNonsense}) {
    WithObjects with(start);
    CEngine engine;
    REQUIRE(engine.Open(with.options).code == PLUGRELOAD_OK);
    REQUIRE(Register(engine.get(), "v1.0.0", nullptr) == PLUGRELOAD_OK);
    CHECK(Mount(engine.get(), "kv", engine.error()) == PLUGRELOAD_INTERNAL);
    const auto outcome = engine.TakeError();
    CHECK(outcome.reason == "start_failed");
    CHECK(outcome.message.find("kv") != std::string::npos);
    plugreload_mounts* mounts = nullptr;
    REQUIRE(plugreload_mount_list(engine.get(), "", 0, 0, &mounts, nullptr) == PLUGRELOAD_OK);
    CHECK(plugreload_mounts_count(mounts) == 0);
    plugreload_mounts_free(mounts);
  }
}
