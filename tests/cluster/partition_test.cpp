// A member of etcd is cut off from the others, and hosts that had it.
#include <memory>
#include <string>

#include "cluster/fixture.hpp"
#include "cluster/host_process.hpp"

namespace plugreload::test {
namespace {

struct Split {
  ClusterLeaks leaks;
  EtcdCluster etcd{{3, {}, "", "", "", true}};
};

TEST_CASE("a member of etcd without a quorum is left for another, by watch, commit and keeper",
          "[cluster]") {
  Split split;
  for (std::size_t cut = 0; cut < 3; ++cut) {
    INFO("member " << cut << " is cut off");
    split.etcd.AwaitReady();
    // Stores begin with a random member each: some are with the one that goes.
    constexpr std::size_t kStores = 6;
    std::vector<std::shared_ptr<StateStore>> stores;
    std::vector<std::unique_ptr<Recorder>> recorders;
    std::vector<std::unique_ptr<StateStore::Watcher>> watchers;
    std::vector<std::unique_ptr<StateStore::Keeper>> keepers;
    const std::string folder = "cut" + std::to_string(cut) + "/";
    for (std::size_t i = 0; i < kStores; ++i) {
      stores.push_back(OpenStore(split.etcd.Options()));
      recorders.push_back(std::make_unique<Recorder>());
      watchers.push_back(*stores[i]->Watch(folder, 0, recorders[i]->callback()));
      keepers.push_back(
          *stores[i]->Keep(folder + "keep" + std::to_string(i), "x", Millis(10'000), Soon()));
    }
    for (const auto& recorder : recorders) REQUIRE(recorder->WaitBatches(kStores));
    split.etcd.mesh().Isolate(cut);
    for (std::size_t i = 0; i < kStores; ++i) {
      const auto made = Put(*stores[i], folder + "key" + std::to_string(i), "x", 0);
      INFO(made.status().ToString());
      CHECK(made.ok());
    }
    for (const auto& recorder : recorders) CHECK(recorder->WaitBatches(2 * kStores));
    for (const auto& keeper : keepers) CHECK(keeper->revision() != 0);
    split.etcd.mesh().Heal();
    const std::vector<WatchBatch> first = recorders[0]->batches();
    for (const auto& recorder : recorders) CHECK(KeysOf(recorder->batches()) == KeysOf(first));
  }
}

TEST_CASE("hosts on a member of etcd that is cut off reload with the others", "[cluster]") {
  Split split;
  const std::vector<std::string> urls = split.etcd.urls();
  std::vector<std::unique_ptr<HostProcess>> hosts;
  for (const char* node : {"a", "b", "c", "d"}) {
    std::vector<std::string> arguments{node, "10000", "etcd", "plugreload/"};
    arguments.insert(arguments.end(), urls.begin(), urls.end());
    hosts.push_back(std::make_unique<HostProcess>(arguments));
    REQUIRE(hosts.back()->WaitNews("up"));
  }
  const auto must = [&](std::size_t host, const std::string& command) {
    const auto answer = hosts[host]->Call(command);
    INFO(command << ": " << answer.ToString());
    REQUIRE(answer.ok());
    return answer.text;
  };
  must(0, "register kv v1.0.0");
  must(1, "mount - kv/ kv");
  const std::size_t cut = split.etcd.Leader();
  split.etcd.mesh().Isolate(cut);
  // A call that begins on the member that is cut off may end at its deadline.
  REQUIRE(Eventually([&] { return hosts[2]->Call("register kv v2.0.0").ok(); }));
  REQUIRE(Eventually([&] {
    const auto answer = hosts[3]->Call("reload kv global rolling v2.0.0 id");
    return answer.ok() || answer.reason == "reload_id_in_use";
  }));
  // One that was on the member that is cut off has to find another before it knows of this.
  REQUIRE(Eventually([&] { return hosts[1]->Call("wait id 0").ok(); }));
  CHECK(must(1, "wait id 30000").starts_with("done a=done b=done c=done d=done"));
  for (std::size_t host = 0; host < hosts.size(); ++host) {
    CHECK(must(host, "state").find("mount - kv/ kv serving v2.0.0") != std::string::npos);
  }
  split.etcd.mesh().Heal();
  for (auto& host : hosts) CHECK(host->Close() == 0);
}

}  // namespace
}  // namespace plugreload::test
