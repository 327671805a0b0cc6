#include <set>
#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// kv/ in the root and in a/ with v1; a reload to v2 is under way and waits for its start.
std::string Busy(Node& node) {
  TwoVersions(node);
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("a", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 2));
  return id;
}

ReloadState StateOf(Node& node, const std::string& id) {
  const auto report = node.reloads().Find(id);
  REQUIRE(report.ok());
  return report->state;
}

TEST_CASE("a reload during a reload is not dropped", "[reload][queue]") {
  Node node;
  const std::string first = Busy(node);
  const std::string second = node.Submit(Everywhere("kv"));
  CHECK(first != second);
  CHECK(StateOf(node, second) == ReloadState::kQueued);
  CHECK(node.plugins.Count("start", "v2.0.0") == 2);
  node.plugins.HealAll();
  const ReloadReport one = node.Wait(first), two = node.Wait(second);
  CHECK(one.reloaded == 2);
  CHECK(two.reloaded == 2);
  CHECK(two.joined.empty());
  CHECK(one.mounts.at(0).generation == 2);
  CHECK(two.mounts.at(0).generation == 3);
  CHECK(node.plugins.Count("start", "v2.0.0") == 4);
}

TEST_CASE("equal reloads that wait share one run and all get its result", "[reload][queue]") {
  Node node;
  const std::string first = Busy(node);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(node.Submit(Everywhere("kv")));
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 5);
  node.plugins.HealAll();
  CHECK(node.Wait(first).reloaded == 2);
  std::size_t joined = 0;
  for (const std::string& id : ids) {
    const ReloadReport report = node.Wait(id);
    CHECK(report.reload_id == id);
    CHECK(report.state == ReloadState::kDone);
    CHECK(report.reloaded == 2);
    CHECK(report.mounts.at(0).generation == 3);
    CHECK(node.host->WaitForReload(EventKind::kReloadFinished, id));
    if (!report.joined.empty()) {
      ++joined;
      CHECK(report.joined != id);
      CHECK(report.joined != first);
    }
  }
  CHECK(joined == 4);
  CHECK(node.plugins.Count("start", "v2.0.0") == 4);
}

TEST_CASE("a reload that waited runs the version that is pinned by then", "[reload][queue]") {
  Node node;
  const std::string first = Busy(node);
  node.Register("kv", "v3.0.0");
  node.Pin("kv", "v3.0.0");
  const std::string second = node.Submit(Everywhere("kv"));
  node.plugins.HealAll();
  CHECK(node.Wait(first).mounts.at(0).running_version == "v2.0.0");
  const ReloadReport report = node.Wait(second);
  CHECK(report.mounts.at(0).previous_version == "v2.0.0");
  CHECK(report.mounts.at(0).running_version == "v3.0.0");
  CHECK(node.VersionAt("a", "kv/") == "v3.0.0");
}

TEST_CASE("a reload of fewer mounts does not join a wider one that started before it",
          "[reload][queue]") {
  Node node;
  const std::string first = Busy(node);
  const std::string second = node.Submit(OfMounts("a", {"kv/"}));
  node.plugins.HealAll();
  CHECK(node.Wait(first).reloaded == 2);
  const ReloadReport report = node.Wait(second);
  CHECK(report.reloaded == 1);
  CHECK(report.mounts.at(0).generation == 3);
  CHECK(node.Lease("", "kv/").generation() == 2);
}

TEST_CASE("a reload of another plugin does not wait", "[reload][queue]") {
  Node node;
  const std::string first = Busy(node);
  node.Register("other", "v1.0.0");
  node.Mount("", "other/", "other");
  CHECK(node.Reload(Everywhere("other")).reloaded == 1);
  CHECK(StateOf(node, first) == ReloadState::kRunning);
  node.plugins.HealAll();
  CHECK(node.Wait(first).reloaded == 2);
}

TEST_CASE("blocking reloads from many threads each reflect a start after their request",
          "[reload][queue]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  std::vector<std::string> problems(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& problem : problems) {
      threads.emplace_back([&node, &problem] {
        for (int i = 0; i < 10; ++i) {
          const std::size_t before = node.plugins.Count("start");
          const auto report = node.reloads().Reload(Everywhere("kv"));
          if (!report.ok()) {
            problem = report.status().ToString();
          } else if (report->state != ReloadState::kDone || report->reloaded != 1) {
            problem = "not reloaded";
          } else if (node.plugins.Count("start") <= before) {
            problem = "no start after the request";
          } else if (auto lease = node.reloads().Acquire("", "kv/", kSoon); !lease.ok()) {
            problem = lease.status().ToString();
          } else if (Node::Object(*lease).serial() <= before) {
            problem = "the instance is older than the request";
          }
        }
      });
    }
  }
  for (const std::string& problem : problems) CHECK(problem.empty());
}

TEST_CASE("a runtime that has too many reloads waiting refuses the next", "[reload][queue]") {
  Node node([](RuntimeOptions& options) { options.max_queued_reloads = 2; });
  const std::string first = Busy(node);
  Status refused;
  std::vector<std::string> taken;
  for (int i = 0; i < 6 && refused.ok(); ++i) {
    // Different targets, so that none joins another.
    std::vector<std::string> paths;
    for (int j = 0; j <= i; ++j) paths.push_back(j == 0 ? "kv/" : "none" + std::to_string(j));
    auto id = node.reloads().Submit(OfMounts("", paths));
    if (id.ok()) {
      taken.push_back(*id);
    } else if (id.status().code() != Code::kNotFound) {
      refused = id.status();
    }
  }
  CHECK(refused.code() == Code::kResourceExhausted);
  CHECK(refused.reason() == "too_many_reloads");
  node.plugins.HealAll();
  for (const std::string& id : taken) CHECK(node.Wait(id).reloaded == 1);
  CHECK(node.Wait(first).reloaded == 2);
  CHECK(node.Reload(Everywhere("kv")).reloaded == 2);
}

TEST_CASE("a reload of many mounts starts no more instances at once than allowed",
          "[reload][queue]") {
  Node node([](RuntimeOptions& options) { options.max_concurrent_starts = 2; });
  TwoVersions(node);
  for (int i = 0; i < 6; ++i) node.Mount("", "kv" + std::to_string(i) + "/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 2));
  node.plugins.HealAll();
  CHECK(node.Wait(id).reloaded == 6);
  // Never more than two between "start" and "ready".
  int starting = 0, most = 0;
  for (const Happening& happening : node.plugins.journal()) {
    if (happening.what == "start") most = std::max(most, ++starting);
    if (happening.what == "ready") --starting;
  }
  CHECK(most == 2);
}

}  // namespace
}  // namespace plugreload::test
