#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// What a callback saw when it called back into the runtime.
struct Seen {
  std::atomic<int> calls{0}, leases{0}, states{0}, reports{0}, closes_refused{0};
  std::atomic<Runtime*> runtime{nullptr};

  // What a callback may do, and the Close that it may not.
  void CallBack(const std::string& reload_id) noexcept {
    Runtime* const target = runtime.load();
    if (target == nullptr) return;
    ++calls;
    {
      auto lease = target->reloads().Acquire("", "kv/", Millis(0));
      if (lease.ok()) ++leases;
    }
    if (!target->reloads().State("", Reach::kSubtree).empty()) ++states;
    if (!reload_id.empty() && target->reloads().Find(reload_id).ok()) ++reports;
    const Status closed = target->Close(After(kSoon));
    if (closed.code() == Code::kFailedPrecondition) ++closes_refused;
  }
};

void StillWorks(Node& node) {
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
}

TEST_CASE("an event callback may acquire without waiting, find and look, and cannot close",
          "[runtime][callback]") {
  Seen seen;
  auto host = std::make_shared<HookedHost>();
  host->on_event = [&](const Event& event) { seen.CallBack(event.reload_id); };
  Node node({}, nullptr, host);
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  seen.runtime = node.runtime.get();
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(node.host->WaitForReload(EventKind::kReloadFinished, report.reload_id));
  CHECK(seen.reports > 0);
  // The last event may still be under way.
  CHECK(Eventually([&] {
    return seen.closes_refused == seen.calls && seen.leases == seen.calls &&
           seen.states == seen.calls;
  }));
  StillWorks(node);
  seen.runtime = nullptr;
}

TEST_CASE("an attach callback may acquire without waiting, find and look, and cannot close",
          "[runtime][callback]") {
  Seen seen;
  auto host = std::make_shared<HookedHost>();
  host->on_attach = [&](const LaunchSpec&, const InstanceInfo&) {
    seen.CallBack("mine");
    return Result<std::shared_ptr<void>>(std::shared_ptr<void>());
  };
  Node node({}, nullptr, host);
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  seen.runtime = node.runtime.get();
  ReloadRequest request = Everywhere("kv");
  request.reload_id = "mine";
  CHECK(node.Reload(request).reloaded == 1);
  CHECK(seen.calls == 1);
  CHECK(seen.leases == 1);
  CHECK(seen.states == 1);
  CHECK(seen.reports == 1);
  CHECK(seen.closes_refused == 1);
  StillWorks(node);
  seen.runtime = nullptr;
}

TEST_CASE("a launcher may acquire without waiting, find and look, and cannot close",
          "[runtime][callback]") {
  Seen seen;
  const auto start = [&](const LaunchSpec&, const StartContext&) {
    seen.CallBack("mine");
    return Result<std::shared_ptr<void>>(std::make_shared<int>(1));
  };
  const auto stop = [&](const std::shared_ptr<void>&, Deadline) {
    seen.CallBack("mine");
    return Status();
  };
  Node node([&](RuntimeOptions& options) {
    options.launchers["own"] = NewCallbackLauncher({.start = start, .stop = stop});
  });
  TwoVersions(node, [](PluginSpec& spec) { spec.launcher = "own"; });
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  seen.runtime = node.runtime.get();
  ReloadRequest request = Everywhere("kv");
  request.reload_id = "mine";
  CHECK(node.Reload(request).reloaded == 1);
  CHECK(seen.calls == 2);
  CHECK(seen.leases == 2);
  CHECK(seen.reports == 2);
  CHECK(seen.closes_refused == 2);
  StillWorks(node);
  seen.runtime = nullptr;
}

TEST_CASE("a blocking call from a callback is refused instead of deadlocking",
          "[runtime][callback]") {
  auto host = std::make_shared<HookedHost>();
  std::atomic<ReloadCoordinator*> reloads{nullptr};
  std::atomic<int> refused{0};
  host->on_attach = [&](const LaunchSpec&, const InstanceInfo&) {
    if (ReloadCoordinator* const target = reloads.load()) {
      if (!target->Reload(Everywhere("kv")).ok()) ++refused;
      if (!target->Unmount("", "kv/", After(kSoon)).ok()) ++refused;
    }
    return Result<std::shared_ptr<void>>(std::shared_ptr<void>());
  };
  Node node({}, nullptr, host);
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  reloads = &node.reloads();
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  reloads = nullptr;
  CHECK(refused == 2);
  StillWorks(node);
}

TEST_CASE("a host that is slower than the library loses the oldest events and is told how many",
          "[runtime][callback]") {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true, waiting = false;
  auto host = std::make_shared<HookedHost>();
  host->on_event = [&](const Event&) {
    std::unique_lock lock(mutex);
    waiting = !open;
    changed.notify_all();
    changed.wait_for(lock, kSoon, [&] { return open; });
  };
  Node node([](RuntimeOptions& options) { options.max_notifications = 4; }, nullptr, host);
  TwoVersions(node);
  node.Mount("", "kv/");
  {
    const std::lock_guard lock(mutex);
    open = false;
  }
  // The host hears nothing for a while; the reloads do not wait for it.
  for (int i = 0; i < 10; ++i) CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, kSoon, [&] { return waiting; }));
    open = true;
    changed.notify_all();
  }
  const auto lost = node.host->WaitEvent(EventKind::kEventsLost);
  REQUIRE(lost.has_value());
  CHECK(lost->count > 0);
}

TEST_CASE("an attach that throws something that is no exception class fails the start",
          "[runtime][callback]") {
  auto host = std::make_shared<HookedHost>();
  host->on_attach = [](const LaunchSpec& spec, const InstanceInfo&) {
    if (spec.plugin.ref.version == "v2.0.0") throw 42;
    return Result<std::shared_ptr<void>>(std::shared_ptr<void>());
  };
  Node node({}, nullptr, host);
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).mounts.at(0).status.code() == Code::kInternal);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

}  // namespace
}  // namespace plugreload::test
