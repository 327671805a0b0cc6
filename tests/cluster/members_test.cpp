// Members of etcd die, and come back: nothing that was acknowledged is lost, or made twice.
#include <signal.h>

#include <set>

#include "cluster/fixture.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("commits and watches go on over a killed leader, without loss, repeat or gap",
          "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster({3, {}, "", "", ""});
  const auto writer = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watched = OpenStore(cluster.Options());
  const auto watcher = watched->Watch("log/", 0, recorder.callback());
  REQUIRE(watcher.ok());
  constexpr int kCommits = 600;
  std::vector<std::string> written;
  std::set<Revision> revisions;
  for (int i = 0; i < kCommits; ++i) {
    if (i == kCommits / 4 || i == kCommits / 2) cluster.Kill(cluster.Leader());
    if (i == kCommits / 4 + 50) {
      for (std::size_t m = 0; m < 3; ++m) cluster.Restart(m);
      cluster.AwaitReady();
    }
    const std::string key = "log/" + std::to_string(i);
    const auto revision = Put(*writer, key, "x", 0);
    INFO(key << ": " << revision.status().ToString());
    REQUIRE(revision.ok());
    CHECK(revisions.insert(*revision).second);
    written.push_back(key);
  }
  REQUIRE(recorder.WaitBatches(kCommits));
  CHECK(KeysOf(recorder.batches()) == written);
  CHECK(recorder.end().ok());
  std::set<Revision> seen;
  for (const WatchBatch& batch : recorder.batches()) seen.insert(batch.revision);
  CHECK(seen == revisions);
  CHECK(writer->Load("log/", Soon())->documents.size() == kCommits);
}

TEST_CASE("without a quorum calls end at their deadline and say why, and go on when it is back",
          "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster({3, {}, "", "", ""});
  const auto store = OpenStore(cluster.Options());
  REQUIRE(Put(*store, "a", "1").ok());
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(watcher.ok());
  REQUIRE(recorder.WaitBatches(1));
  cluster.Kill(0);
  cluster.Kill(1);
  const Change change = Write("a", "2");
  const auto commit = store->Commit({&change, 1}, After(Millis(2'500)));
  INFO(commit.status().ToString());
  // It was given to a member that could not know yet, or the member knew.
  CHECK((commit.status().code() == Code::kUnknown || commit.status().code() == Code::kUnavailable));
  const auto load = store->Load("", After(Millis(1'500)));
  CHECK(load.status().code() == Code::kUnavailable);
  CHECK(load.status().reason() == "store_unreachable");
  CHECK(std::string(load.status().message()).find("http://127.0.0.1:") != std::string::npos);
  cluster.Restart(0);
  cluster.Restart(1);
  REQUIRE(Put(*store, "b", "3").ok());
  REQUIRE(Eventually([&] { return ValueOf(*store, "b") == "3"; }));
  // The one of unknown fate was made or not, but it is not made behind this one.
  REQUIRE(Put(*store, "a", "4").ok());
  REQUIRE(Eventually([&] {
    const auto batches = recorder.batches();
    return !batches.empty() && batches.back().items[0].value == "4";
  }));
  CHECK(ValueOf(*store, "a") == "4");
  (void)KeysOf(recorder.batches());
  CHECK(recorder.batches().size() <= 4);
}

TEST_CASE("a store finds the member that lives, whichever of its endpoints it is", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  EtcdOptions options = cluster.Options();
  // Nobody listens at the first; the second never answers.
  options.endpoints.insert(options.endpoints.begin(), {"http://127.0.0.1:9", "http://192.0.2.1:9"});
  for (int i = 0; i < 6; ++i) {
    const auto store = OpenStore(options);
    const auto revision = Put(*store, "a", std::to_string(i));
    INFO(revision.status().ToString());
    CHECK(revision.ok());
    Recorder recorder;
    const auto watcher = store->Watch("a", *revision - 1, recorder.callback());
    CHECK(recorder.WaitBatches(1));
  }
}

TEST_CASE("a member that hangs is left for another one", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster({3, {}, "", "", ""});
  const auto store = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(Put(*store, "before", "x").ok());
  REQUIRE(recorder.WaitBatches(1));
  const std::size_t leader = cluster.Leader();
  for (std::size_t m = 0; m < 3; ++m) {
    if (m == leader) continue;
    cluster.Signal(m, SIGSTOP);
    for (int i = 0; i < 5; ++i) {
      const auto revision = Put(*store, "k" + std::to_string(m), std::to_string(i));
      INFO(revision.status().ToString());
      CHECK(revision.ok());
    }
    cluster.Signal(m, SIGCONT);
  }
  CHECK(recorder.WaitBatches(11));
}

TEST_CASE("without any member a store is made, and a commit is certainly not", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:9"};
  const auto store = OpenStore(options);
  const Change change = Write("a", "1");
  const auto commit = store->Commit({&change, 1}, After(Millis(300)));
  CHECK(commit.status().code() == Code::kUnavailable);
  CHECK(commit.status().reason() == "store_unreachable");
  CHECK(std::string(commit.status().message()).find("Connection refused") != std::string::npos);
  INFO(commit.status().ToString());
  const auto kept = store->Keep("k", "v", Millis(1'000), After(Millis(300)));
  CHECK(kept.status().code() == Code::kUnavailable);
}

}  // namespace
}  // namespace plugreload::test
