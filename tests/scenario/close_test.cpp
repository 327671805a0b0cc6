#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("a close stops everything", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "a/");
  node.Mount("", "b/");
  CHECK(node.runtime->Close(After(kSoon)).ToString() == "OK");
  CHECK(node.plugins.Count("stop") == 2);
  CHECK(node.plugins.live() == 0);
  CHECK(node.runtime->Close(After(kSoon)).ok());
}

TEST_CASE("what waits to be told of a reload outlives the runtime", "[runtime][close]") {
  const auto host = std::make_shared<HookedHost>();
  std::weak_ptr<Launcher> parts;  // gone when the runtime has taken itself apart
  std::atomic<bool> hold{false}, apart{false};
  host->on_event = [&](const Event& event) {
    if (event.kind != EventKind::kMountServing || !hold.exchange(false)) return;
    apart = Eventually([&] { return parts.expired(); });
  };
  {
    Node node(
        [&](RuntimeOptions& options) {
          CallbackLauncherOptions never;
          never.start = [](const LaunchSpec&, const StartContext&) {
            return Result<std::shared_ptr<void>>(Status(Code::kUnimplemented, "never", "never"));
          };
          auto launcher = NewCallbackLauncher(std::move(never));
          parts = launcher;
          options.launchers["never"] = std::move(launcher);
        },
        nullptr, host);
    TwoVersions(node);
    node.Mount("", "a/");
    node.Mount("", "b/");
    // The events of these have been told.
    REQUIRE(host->WaitForMount(EventKind::kMountServing, "b/"));
    node.Pin("kv", "v2.0.0");
    hold = true;
    CHECK(node.Reload(Everywhere("kv")).state == ReloadState::kDone);
  }
  CHECK(apart);
  CHECK(host->WaitForMount(EventKind::kMountServing, "b/", 1));
}

TEST_CASE("a close with leases held says so, and succeeds when they are released",
          "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "a/");
  node.Mount("", "b/");
  PluginLease first = node.Lease("", "a/");
  PluginLease second = node.Lease("", "a/");
  const Status status = node.runtime->Close(After(Millis(30)));
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "leases_held");
  CHECK(status.message().find('2') != std::string_view::npos);
  CHECK(node.plugins.WaitFor("stop", "@b/", 1));
  CHECK(node.plugins.Count("stop", "@a/") == 0);
  CHECK(Node::Object(first).Serve());
  first.Release();
  CHECK(node.runtime->Close(After(Millis(30))).reason() == "leases_held");
  CHECK(Node::Object(second).Serve());
  second.Release();
  CHECK(node.runtime->Close(After(kSoon)).ToString() == "OK");
  CHECK(node.plugins.live() == 0);
}

TEST_CASE("a close waits for a lease that another thread releases", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "a/");
  PluginLease lease = node.Lease("", "a/");
  Status closed;
  {
    std::jthread closing([&] { closed = node.runtime->Close(After(kSoon)); });
    CHECK(Eventually(
        [&] { return node.reloads().Acquire("", "a/", Millis(0)).status().reason() == "closed"; }));
    CHECK(Node::Object(lease).Serve());
    lease.Release();
  }
  CHECK(closed.ok());
}

// Catch must not see what happens in the child.
std::string FirstAllowed(Node& node) {
  const auto refused = [](const Status& status) { return status.reason() == "forked"; };
  const PluginSpec spec = *node.registry().Find({PluginType::kSecret, "kv", "v1.0.0"});
  if (!refused(node.registry().Register(spec))) return "Register";
  if (!refused(node.registry().SetPin(spec.ref))) return "SetPin";
  if (!refused(node.namespaces().Create("n"))) return "Create";
  if (!refused(node.TryMount("", "b/").status())) return "Mount";
  if (!refused(node.reloads().Unmount("", "a/", After(kSoon)))) return "Unmount";
  if (!refused(node.reloads().Reload(Everywhere("kv")).status())) return "Reload";
  if (!refused(node.reloads().Acquire("", "a/", kSoon).status())) return "Acquire";
  if (!refused(node.runtime->Close(After(kSoon)))) return "Close";
  if (node.runtime->Dispatch(Request()).status != 503) return "Dispatch";
  node.runtime.reset();
  return "";
}

TEST_CASE("a forked copy of the process refuses to act", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "a/");
  const pid_t child = fork();
  if (child == 0) {
    const std::string allowed = FirstAllowed(node);
    if (!allowed.empty()) std::fprintf(stderr, "not refused: %s\n", allowed.c_str());
    _exit(allowed.empty() ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(Node::Object(node.Lease("", "a/")).Serve());
}

TEST_CASE("after a close every call is refused", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  const MountEntry entry = node.Mount("", "kv/");
  REQUIRE(node.runtime->Close(After(kSoon)).ok());
  const auto refused = [](const Status& status) {
    INFO(status.ToString());
    CHECK(status.code() == Code::kFailedPrecondition);
    CHECK(status.reason() == "closed");
  };
  ReloadCoordinator& reloads = node.reloads();
  refused(reloads.Acquire("", "kv/", kSoon).status());
  refused(reloads.Reload(Everywhere("kv")).status());
  refused(reloads.Submit(Everywhere("kv")).status());
  MountEntry another = entry;
  another.path = "kv2/";
  another.accessor.clear();
  refused(reloads.Mount(another, After(kSoon)).status());
  refused(reloads.Unmount("", "kv/", After(kSoon)));
  refused(reloads.Move("", "kv/", "", "x/"));
  refused(reloads.TuneMount("", "kv/", TuneDescription("x")));
}

TEST_CASE("a close ends a reload that waits for its start", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.reload_id = "mine";
  Result<ReloadReport> result = Status(Code::kUnknown, "none", "none");
  Status closed;
  {
    std::jthread blocked([&] { result = node.reloads().Reload(request); });
    REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 1));
    closed = node.runtime->Close(After(kSoon));
  }
  CHECK(closed.ToString() == "OK");
  CHECK((!result.ok() || result->state == ReloadState::kCancelled ||
         result->state == ReloadState::kFailed));
  CHECK(node.plugins.live() == 0);
}

TEST_CASE("a close ends requests that wait", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
  node.plugins.Hold("");
  Status status;
  {
    std::jthread waiting([&] { status = node.reloads().Acquire("", "kv/", kSoon).status(); });
    REQUIRE(node.plugins.WaitFor("start", "", 1));
    CHECK(node.runtime->Close(After(kSoon)).ok());
  }
  CHECK(status.reason() == "closed");
}

TEST_CASE("a close during a drain waits for the old leases too", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(10);
  CHECK(node.Reload(request).state == ReloadState::kDraining);
  CHECK(node.runtime->Close(After(Millis(20))).reason() == "leases_held");
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  CHECK(node.runtime->Close(After(kSoon)).ok());
}

TEST_CASE("a close ends the wait for a restart", "[runtime][close]") {
  Node node([](RuntimeOptions& options) { options.restart.first = options.restart.max = kSoon; });
  TwoVersions(node);
  node.Mount("", "kv/");
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  CHECK(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kRestarting; }));
  CHECK(node.runtime->Close(After(kSoon)).ok());
  CHECK(node.plugins.Count("start") == 1);
}

TEST_CASE("a runtime that is destroyed without a close stops everything", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.runtime.reset();
  CHECK(node.plugins.live() == 0);
  CHECK(node.plugins.Count("stop") == 1);
}

TEST_CASE("two runtimes of one process do not know of each other", "[runtime][close]") {
  Node first;
  Node second;
  TwoVersions(first);
  TwoVersions(second);
  first.Mount("", "kv/");
  CHECK_FALSE(second.namespaces().FindMount("", "kv/").has_value());
  second.Mount("", "kv/");
  CHECK(first.runtime->Close(After(kSoon)).ok());
  CHECK(Node::Object(second.Lease("", "kv/")).Serve());
}

TEST_CASE("a close does not wait for a start that never returns", "[runtime][close]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.HoldDeaf("v2.0.0");
  node.Submit(Everywhere("kv"));
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 1));
  const Status status = node.runtime->Close(After(Millis(100)));
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(node.plugins.Count("ready", "v2.0.0") == 0);
  node.plugins.HealAll();
  CHECK(node.runtime->Close(After(kSoon)).ToString() == "OK");
  CHECK(node.plugins.live() == 0);
}

TEST_CASE("a close while stop_first holds a mount stops everything", "[runtime][close]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  CHECK(node.runtime->Close(After(Millis(50))).reason() == "leases_held");
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  CHECK(node.runtime->Close(After(kSoon)).ToString() == "OK");
}

}  // namespace
}  // namespace plugreload::test
