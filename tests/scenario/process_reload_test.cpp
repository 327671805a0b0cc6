#include <signal.h>

#include <string>

#include "scenario/process_node.hpp"
#include "support/no_threads.hpp"

namespace plugreload::test {
namespace {

void TwoGood(ProcessNode& node, const std::function<void(PluginSpec&)>& tweak = {}) {
  node.Register("good", "v1.0.0", tweak);
  node.Register("good", "v2.0.0", tweak);
  Node::Must(node.runtime->namespaces().Create("a"));
  Node::Must(node.runtime->namespaces().Create("b"));
  for (const char* ns : {"", "a", "b"}) node.Mount(ns, "kv/");
}

void TenReloads(ProcessNode& node) {
  HttpLoad load(node, {"", "a", "b"});
  REQUIRE(load.WaitRequests(20));
  for (int i = 0; i < 10; ++i) {
    const std::string version = i % 2 == 0 ? "v2.0.0" : "v1.0.0";
    node.Pin(version);
    const ReloadReport report = node.Reload(Everywhere("kv"));
    CHECK(report.reloaded == 3);
    CHECK(node.Ask("version", "b") == version);
    if (!load.WaitRequests(5)) FAIL("requests have stopped");
  }
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
  CHECK(load.answered() >= 70);
}

TEST_CASE("processes are replaced under load in three namespaces and no request fails",
          "[process][load]") {
  ProcessNode node;
  TwoGood(node);
  TenReloads(node);
  CHECK(node.leaks.MarkedProcesses().size() == 3);
}

TEST_CASE("a host that can make no thread any more reloads, unmounts and closes all the same",
          "[process]") {
  ProcessNode node;
  TwoGood(node);
  const NoThreads none;
  CHECK(Runtime::Create(TestOptions(node.leaks, node.host)).status().reason() == "threads");
  node.Pin("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).reloaded == 3);
  CHECK(node.Ask("version", "b") == "v2.0.0");
  CHECK(node.reloads().Unmount("b", "kv/", After(kSoon)).ok());
}

TEST_CASE("processes are stopped first under load and no request fails", "[process][load]") {
  ProcessNode node;
  TwoGood(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  TenReloads(node);
  CHECK(node.leaks.MarkedProcesses().size() == 3);
}

TEST_CASE("a shared process is replaced for one namespace and goes on for the others",
          "[process][sharing]") {
  ProcessNode node;
  TwoGood(node, [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; });
  CHECK(node.leaks.MarkedProcesses().size() == 1);
  const std::string old = node.Ask("pid", "b");
  node.Pin("v2.0.0");
  {
    HttpLoad load(node, {"", "a", "b"});
    REQUIRE(load.WaitRequests(10));
    CHECK(node.Reload(InNamespace("a", "kv")).reloaded == 1);
    CHECK(load.WaitRequests(10));
    load.Stop();
    INFO(load.why());
    CHECK(load.failed() == 0);
  }
  CHECK(node.Ask("version", "a") == "v2.0.0");
  CHECK(node.Ask("pid", "b") == old);
  CHECK(node.Ask("pid", "") == old);
  CHECK(node.leaks.MarkedProcesses().size() == 2);
}

TEST_CASE("a lease keeps its process until it is released", "[process][drain]") {
  ProcessNode node;
  node.Register("good", "v2.0.0");
  node.Mount("", "kv/");
  PluginLease lease = node.Lease();
  node.Pin("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kDraining);
  CHECK(report.mounts.at(0).sealed);
  CHECK(node.Ask("version") == "v2.0.0");
  const HttpAnswer answer = HttpGet(lease.instance().endpoint, "/x");
  CHECK(JsonField(answer.body, "version") == "v1.0.0");
  CHECK(node.leaks.MarkedProcesses().size() == 2);
  lease.Release();
  const auto after = node.reloads().Wait(report.reload_id, After(kSoon));
  CHECK(after.ok());
  CHECK(node.leaks.MarkedProcesses().size() == 1);
}

TEST_CASE("a plugin that is killed is started again and answers", "[process][crash]") {
  ProcessNode node;
  node.Mount("", "kv/");
  const std::string old = node.Ask("pid");
  REQUIRE(kill(std::stoi(old), SIGKILL) == 0);
  const auto failed = node.host->WaitEvent(EventKind::kInstanceFailed);
  REQUIRE(failed.has_value());
  INFO(failed->message);
  CHECK(failed->message.find("9") != std::string::npos);
  CHECK(node.host->WaitEvent(EventKind::kMountServing, 2).has_value());
  CHECK(node.Ask("pid") != old);
  CHECK(node.Lease().generation() == 2);
  CHECK(node.leaks.MarkedProcesses().size() == 1);
}

TEST_CASE("a plugin that is killed during the reload that replaces it does no harm",
          "[process][crash]") {
  ProcessNode node;
  node.Register("slow_start", "v2.0.0", [](PluginSpec& spec) { spec.env = {"START_MS=300"}; });
  node.Mount("", "kv/");
  const std::string old = node.Ask("pid");
  node.Pin("v2.0.0");
  auto id = node.reloads().Submit(Everywhere("kv"));
  REQUIRE(id.ok());
  REQUIRE(Eventually([&] { return node.leaks.MarkedProcesses().size() == 2; }));
  REQUIRE(kill(std::stoi(old), SIGKILL) == 0);
  const auto report = node.reloads().Wait(*id, After(kSoon));
  REQUIRE(report.ok());
  CHECK(report->reloaded == 1);
  CHECK(node.Ask("version") == "v2.0.0");
  CHECK(Eventually([&] { return node.leaks.MarkedProcesses().size() == 1; }));
}

TEST_CASE("a cancelled reload leaves no process of its own", "[process][cancel]") {
  ProcessNode node;
  node.Register("never_prints", "v2.0.0");
  node.Mount("", "kv/");
  const std::string old = node.Ask("pid");
  node.Pin("v2.0.0");
  auto id = node.reloads().Submit(Everywhere("kv"));
  REQUIRE(id.ok());
  REQUIRE(Eventually([&] { return node.leaks.MarkedProcesses().size() == 2; }));
  CHECK(node.reloads().Cancel(*id).ok());
  const auto report = node.reloads().Wait(*id, After(kSoon));
  REQUIRE(report.ok());
  CHECK(report->state == ReloadState::kCancelled);
  CHECK(Eventually([&] { return node.leaks.MarkedProcesses().size() == 1; }));
  CHECK(node.Ask("pid") == old);
}

TEST_CASE("a runtime that is closed leaves no process", "[process][close]") {
  ProcessNode node;
  node.Mount("", "kv/");
  node.Mount("", "kv2/");
  CHECK(node.leaks.MarkedProcesses().size() == 2);
  CHECK(node.runtime->Close(After(kSoon)).ok());
  CHECK(node.leaks.MarkedProcesses().empty());
}

}  // namespace
}  // namespace plugreload::test
