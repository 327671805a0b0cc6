#include <algorithm>
#include <string>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("a report names each mount with what ran before and what runs now", "[reload][report]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK_FALSE(report.reload_id.empty());
  CHECK(report.joined.empty());
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.requested_at_ms > 1'500'000'000'000);
  CHECK(report.finished_at_ms >= report.requested_at_ms);
  CHECK(report.reloaded == 1);
  CHECK(report.failed == 0);
  CHECK(report.skipped == 0);
  REQUIRE(report.mounts.size() == 1);
  const MountReport& mount = report.mounts[0];
  CHECK(mount.mount.path == "kv/");
  CHECK(mount.outcome == MountOutcome::kReloaded);
  CHECK(mount.previous_version == "v1.0.0");
  CHECK(mount.running_version == "v2.0.0");
  CHECK(mount.rule == VersionRule::kPin);
  CHECK(mount.previous_generation == 1);
  CHECK(mount.generation == 2);
  CHECK(mount.draining == 0);
  CHECK_FALSE(mount.sealed);
  CHECK(mount.status.ok());
  const PluginLease lease = node.Lease("", "kv/");
  CHECK(mount.instance == lease.instance_name());
  CHECK(mount.generation == lease.generation());
}

TEST_CASE("a report tells the revision of the store that it was planned on", "[reload][report]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  const ReloadReport first = node.Reload(Everywhere("kv"));
  node.Pin("kv", "v2.0.0");
  const ReloadReport second = node.Reload(Everywhere("kv"));
  CHECK(first.revision > 0);
  CHECK(second.revision == first.revision + 1);
}

TEST_CASE("the old instance is stopped when the report is done", "[reload][report]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Reload(Everywhere("kv"));
  CHECK(node.plugins.Count("stop") == 1);
  CHECK(node.plugins.live() == 1);
}

TEST_CASE("a reload that meets the drain deadline returns, tells the leases and ends behind",
          "[reload][drain]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  PluginLease first = node.Lease("", "kv/");
  PluginLease second = node.Lease("", "kv/");
  node.Pin("kv", "v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kDraining);
  CHECK(report.finished_at_ms == 0);
  REQUIRE(report.mounts.size() == 1);
  CHECK(report.mounts[0].outcome == MountOutcome::kReloaded);
  CHECK(report.mounts[0].draining == 2);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.host->WaitForReload(EventKind::kReloadDraining, report.reload_id));
  const auto answered =
      node.reloads().Wait(report.reload_id, After(kSoon), ReloadCoordinator::Until::kAnswer);
  REQUIRE(answered.ok());
  CHECK(answered->state == ReloadState::kDraining);
  CHECK(Node::Object(first).Serve());
  first.Release();
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.reloads().Find(report.reload_id)->state == ReloadState::kDraining);
  CHECK(Node::Object(second).Serve());
  second.Release();
  CHECK(node.host->WaitForReload(EventKind::kReloadFinished, report.reload_id));
  const ReloadReport after = node.Wait(report.reload_id);
  CHECK(after.state == ReloadState::kDone);
  CHECK(after.finished_at_ms > 0);
  CHECK(after.mounts.at(0).draining == 0);
  CHECK(node.plugins.Count("stop") == 1);
}

TEST_CASE("a reload waits for leases that end before the drain deadline", "[reload][drain]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(Eventually([&] { return node.Lease("", "kv/").generation() == 2; }));
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  CHECK(node.Wait(id).state == ReloadState::kDone);
  CHECK(node.plugins.Count("stop") == 1);
}

TEST_CASE("two generations of a mount may drain at the same time", "[reload][drain]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(10);
  PluginLease first = node.Lease("", "kv/");
  const ReloadReport one = node.Reload(request);
  PluginLease second = node.Lease("", "kv/");
  const ReloadReport two = node.Reload(request);
  CHECK(second.generation() == 2);
  CHECK(node.Lease("", "kv/").generation() == 3);
  CHECK(node.plugins.running() == 3);
  second.Release();
  CHECK(node.Wait(two.reload_id).state == ReloadState::kDone);
  CHECK(node.reloads().Find(one.reload_id)->state == ReloadState::kDraining);
  CHECK(node.plugins.running() == 2);
  CHECK(Node::Object(first).Serve());
  first.Release();
  CHECK(node.Wait(one.reload_id).state == ReloadState::kDone);
}

TEST_CASE("a forced reload stops the old instance under its leases at the drain deadline",
          "[reload][drain]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  request.force = true;
  const ReloadReport report = node.Reload(request);
  CHECK(report.mounts.at(0).outcome == MountOutcome::kReloaded);
  CHECK(node.plugins.WaitFor("stop", "v1.0.0", 1));
  CHECK(lease.held());
  CHECK(lease.version() == "v1.0.0");
  CHECK(lease.mount().path == "kv/");
  CHECK(node.Lease("", "kv/").generation() == 2);
  lease.Release();
  CHECK(node.Wait(report.reload_id).state == ReloadState::kDone);
}

TEST_CASE("a submitted reload gives its id at once and an event at its end", "[reload][submit]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK_FALSE(id.empty());
  CHECK(node.host->WaitForReload(EventKind::kReloadStarted, id));
  const auto running = node.reloads().Find(id);
  REQUIRE(running.ok());
  CHECK(running->state == ReloadState::kRunning);
  const auto early = node.reloads().Wait(id, After(Millis(10)));
  REQUIRE(early.ok());
  CHECK(early->state == ReloadState::kRunning);
  CHECK(early->finished_at_ms == 0);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  node.plugins.HealAll();
  CHECK(node.host->WaitForReload(EventKind::kReloadFinished, id));
  CHECK(node.Wait(id).state == ReloadState::kDone);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a reload keeps the id that its caller chose", "[reload][submit]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.reload_id = "change-4711";
  CHECK(node.Reload(request).reload_id == "change-4711");
  CHECK(node.reloads().Find("change-4711").ok());
  const Status again = node.reloads().Reload(request).status();
  CHECK(again.code() == Code::kAlreadyExists);
  CHECK(again.reason() == "reload_id_in_use");
}

TEST_CASE("reports are found by id until the history is full", "[reload][history]") {
  Node node([](RuntimeOptions& options) { options.history = 3; });
  TwoVersions(node);
  node.Mount("", "kv/");
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(node.Reload(Everywhere("kv")).reload_id);
  CHECK_FALSE(node.reloads().Find(ids[0]).ok());
  CHECK_FALSE(node.reloads().Find(ids[1]).ok());
  for (int i = 2; i < 5; ++i) {
    const auto report = node.reloads().Find(ids[static_cast<std::size_t>(i)]);
    REQUIRE(report.ok());
    CHECK(report->mounts.at(0).generation == static_cast<std::uint64_t>(i) + 2);
  }
  CHECK_FALSE(node.reloads().Find("unknown").ok());
  CHECK(node.reloads().Wait("unknown", After(Millis(0))).status().code() == Code::kNotFound);
}

TEST_CASE("a reload skips a lazy mount that was never used and says so", "[reload][lazy]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Mount("", "lazy/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kDone);
  REQUIRE(report.mounts.size() == 2);
  CHECK(report.mounts[1].mount.path == "lazy/");
  CHECK(report.mounts[1].outcome == MountOutcome::kSkipped);
  CHECK(report.skipped == 1);
  CHECK(node.plugins.Count("start", "@lazy/") == 0);
  CHECK(node.VersionAt("", "lazy/") == "v2.0.0");
}

TEST_CASE("the host is told what starts, serves and stops", "[reload][events]") {
  Node node;
  TwoVersions(node);
  node.Create("team");
  node.Mount("team", "kv/");
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(node.host->WaitForReload(EventKind::kReloadFinished, report.reload_id));
  const auto serving = node.host->WaitEvent([](const Event& event) {
    return event.kind == EventKind::kMountServing && event.generation == 2;
  });
  REQUIRE(serving.has_value());
  CHECK(serving->ns == "team/");
  CHECK(serving->mount == "kv/");
  CHECK(serving->plugin == "secret/kv v2.0.0");
  CHECK(serving->instance == report.mounts.at(0).instance);
  CHECK(node.host->WaitEvent(EventKind::kInstanceStarted, 2).has_value());
  CHECK(node.host->WaitEvent(EventKind::kInstanceStopped, 1).has_value());
}

}  // namespace
}  // namespace plugreload::test
