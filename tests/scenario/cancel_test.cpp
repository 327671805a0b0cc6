#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

void Start(Node& node) {
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
}

TEST_CASE("a cancel while the new instance starts gives the start up and the old one serves",
          "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  CHECK(node.reloads().Cancel(id).ToString() == "OK");
  CHECK(node.plugins.WaitFor("cancelled", "v2.0.0", 1));
  const ReloadReport report = node.Wait(id);
  CHECK(report.state == ReloadState::kCancelled);
  CHECK(report.mounts.at(0).outcome == MountOutcome::kCancelled);
  CHECK(report.mounts.at(0).running_version == "v1.0.0");
  CHECK(report.mounts.at(0).generation == 1);
  CHECK(node.Lease("", "kv/").generation() == 1);
  CHECK(node.plugins.Count("stop") == 0);
  node.plugins.HealAll();
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
}

TEST_CASE("a cancel does not wait for a start that hears nothing", "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.HoldDeaf("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  CHECK(node.reloads().Cancel(id).ok());
  CHECK(node.Wait(id).state == ReloadState::kCancelled);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.Count("ready", "v2.0.0") == 0);
  // Its late result is discarded.
  node.plugins.HealAll();
  CHECK(node.plugins.WaitFor("stop", "v2.0.0", 1));
  CHECK(node.plugins.WaitLive(1));
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("a cancelled reload discards the instances that were ready already", "[reload][cancel]") {
  Node node;
  Start(node);
  node.Pin("kv", "v1.0.0");
  node.Mount("", "second/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0@second/");
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const std::string id = node.Submit(request);
  CHECK(node.plugins.WaitFor("ready", "v2.0.0@kv/", 1));
  CHECK(node.plugins.WaitFor("start", "v2.0.0@second/", 1));
  CHECK(node.reloads().Cancel(id).ok());
  CHECK(node.Wait(id).state == ReloadState::kCancelled);
  CHECK(node.plugins.WaitFor("stop", "v2.0.0", 1));
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.VersionAt("", "second/") == "v1.0.0");
}

TEST_CASE("a reload that waits in the queue can be cancelled", "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  const std::string first = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  const std::string second = node.Submit(Everywhere("kv"));
  CHECK(node.reloads().Cancel(second).ok());
  CHECK(node.Wait(second).state == ReloadState::kCancelled);
  node.plugins.HealAll();
  CHECK(node.Wait(first).reloaded == 1);
  CHECK(node.plugins.Count("start", "v2.0.0") == 1);
}

TEST_CASE("to cancel one of several that share a run leaves the others their result",
          "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  const std::string first = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  const std::string second = node.Submit(Everywhere("kv"));
  const std::string third = node.Submit(Everywhere("kv"));
  CHECK(node.reloads().Cancel(second).ok());
  CHECK(node.Wait(second).state == ReloadState::kCancelled);
  node.plugins.HealAll();
  CHECK(node.Wait(first).reloaded == 1);
  CHECK(node.Wait(third).state == ReloadState::kDone);
  CHECK(node.Wait(third).mounts.at(0).generation == 3);
}

TEST_CASE("a reload that has committed cannot be cancelled", "[reload][cancel]") {
  Node node;
  Start(node);
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(10);
  const std::string id = node.Reload(request).reload_id;
  const Status draining = node.reloads().Cancel(id);
  CHECK(draining.code() == Code::kFailedPrecondition);
  CHECK(draining.reason() == "already_committed");
  lease.Release();
  CHECK(node.Wait(id).state == ReloadState::kDone);
  const Status finished = node.reloads().Cancel(id);
  CHECK(finished.code() == Code::kFailedPrecondition);
  CHECK(finished.reason() == "already_finished");
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a cancel of a reload that nobody knows is told so", "[reload][cancel]") {
  Node node;
  CHECK(node.reloads().Cancel("unknown").code() == Code::kNotFound);
}

TEST_CASE("a cancelled blocking reload returns to its caller", "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.reload_id = "mine";
  ReloadReport report;
  {
    std::jthread blocked([&] {
      auto result = node.reloads().Reload(request);
      if (result.ok()) report = *std::move(result);
    });
    CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
    CHECK(node.reloads().Cancel("mine").ok());
  }
  CHECK(report.state == ReloadState::kCancelled);
}

TEST_CASE("a cancel while stop_first drains is carried out or refused, and costs no instance",
          "[reload][cancel]") {
  Node node;
  Start(node);
  PluginLease lease = node.Lease("", "kv/");
  const std::uint64_t serial = Node::Object(lease).serial();
  ReloadRequest request = Everywhere("kv");
  request.order = Order::kStopFirst;
  const std::string id = node.Submit(request);
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  const Status cancelled = node.reloads().Cancel(id);
  lease.Release();
  const ReloadReport report = node.Wait(id);
  if (cancelled.ok()) {
    CHECK(report.state == ReloadState::kCancelled);
    CHECK(node.SerialAt("", "kv/") == serial);
    CHECK(node.plugins.Count("start", "v2.0.0") == 0);
  } else {
    CHECK(cancelled.reason() == "already_committed");
    CHECK(report.state == ReloadState::kDone);
    CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  }
}

TEST_CASE("a cancel after stop_first has stopped does not leave the mount without an instance",
          "[reload][cancel]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.order = Order::kStopFirst;
  const std::string id = node.Submit(request);
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 1));
  const Status cancelled = node.reloads().Cancel(id);
  node.plugins.HealAll();
  const ReloadReport report = node.Wait(id);
  if (cancelled.ok()) {
    CHECK(report.state == ReloadState::kCancelled);
    CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  } else {
    CHECK(cancelled.code() == Code::kFailedPrecondition);
    CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  }
}

}  // namespace
}  // namespace plugreload::test
