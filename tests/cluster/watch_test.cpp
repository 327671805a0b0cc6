// What a watch does when etcd has forgotten, cut or refuses what it asks for.
#include "cluster/fixture.hpp"
#include "cluster/proxy.hpp"

namespace plugreload::test {
namespace {

// etcd's number of a revision.
std::string Compact(EtcdCluster& cluster, Revision revision) {
  return cluster.Control("compact " + std::to_string(revision + 1));
}

TEST_CASE("a watch that was away while etcd compacted ends as compacted", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  Proxy proxy(cluster.url(0));
  EtcdOptions options = cluster.Options();
  options.endpoints = {proxy.url()};
  options.try_timeout = Millis(300);
  const auto away = OpenStore(options);
  const auto store = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = away->Watch("", 0, recorder.callback());
  REQUIRE(Put(*store, "a", "1").ok());
  REQUIRE(recorder.WaitBatches(1));
  proxy.LoseAnswers();
  Revision last = 0;
  for (int i = 0; i < 20; ++i) last = *Put(*store, "a", std::to_string(i));
  Compact(cluster, last);
  proxy.Mend();
  REQUIRE(recorder.WaitEnd());
  CHECK(recorder.end().code() == Code::kOutOfRange);
  CHECK(recorder.end().reason() == "compacted");
  CHECK(recorder.batches().size() == 1);
  // As an applier goes on.
  const auto now = away->Load("", Soon());
  REQUIRE(now.ok());
  CHECK(now->documents.at(0).value == "19");
  Recorder fresh;
  const auto again = away->Watch("", now->revision, fresh.callback());
  REQUIRE(Put(*store, "a", "new").ok());
  REQUIRE(fresh.WaitBatches(1));
  CHECK(fresh.batches()[0].items[0].value == "new");
}

TEST_CASE("a watch behind a compaction ends as compacted", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  Revision last = 0;
  for (int i = 0; i < 5; ++i) last = *Put(*store, "a", std::to_string(i));
  Compact(cluster, last);
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(recorder.WaitEnd());
  CHECK(recorder.end().reason() == "compacted");
}

TEST_CASE("a quiet watch learns that it is up to date, and survives a compaction", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdSetup setup;
  setup.flags = {"--experimental-watch-progress-notify-interval", "100ms"};
  EtcdCluster cluster(setup);
  Proxy proxy(cluster.url(0));
  EtcdOptions options = cluster.Options();
  options.endpoints = {proxy.url()};
  options.try_timeout = Millis(300);
  const auto away = OpenStore(options);
  const auto store = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = away->Watch("quiet/", 0, recorder.callback());
  REQUIRE(Put(*store, "quiet/a", "1").ok());
  REQUIRE(recorder.WaitBatches(1));
  Revision last = 0;
  for (int i = 0; i < 5; ++i) last = *Put(*store, "loud", std::to_string(i));
  // Nothing else comes to the quiet store than how far its watch is, and now and then a ping.
  const int before = proxy.answers();
  REQUIRE(Eventually([&] { return proxy.answers() >= before + 4; }));
  Compact(cluster, last);
  proxy.LoseAnswers();
  REQUIRE(Eventually([&] { return proxy.disturbed() > 0; }));
  proxy.Mend();
  REQUIRE(Put(*store, "quiet/b", "2").ok());
  REQUIRE(recorder.WaitBatches(2));
  CHECK(recorder.end().ok());
  CHECK(recorder.batches()[1].items[0].key == "quiet/b");
}

TEST_CASE("commits that etcd cuts into pieces reach a watch whole", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  constexpr std::size_t kCommits = 10, kEach = 9;
  for (std::size_t commit = 0; commit < kCommits; ++commit) {
    std::vector<Change> changes;
    for (std::size_t i = 0; i < kEach; ++i) {
      changes.push_back(Write("k" + std::to_string(i), std::string(100'000, 'x')));
    }
    REQUIRE(store->Commit(changes, Soon()).ok());
  }
  // To one that comes late etcd sends them all at once, and cuts after every 1.5 MB.
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(recorder.WaitBatches(kCommits));
  CHECK(recorder.batches().size() == kCommits);
  for (const WatchBatch& batch : recorder.batches()) CHECK(batch.items.size() == kEach);
}

TEST_CASE("what this etcd finds too large is refused as such", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdSetup setup;
  setup.flags = {"--max-request-bytes=100000"};  // less than what every store takes otherwise
  EtcdCluster cluster(setup);
  const auto store = OpenStore(cluster.Options());
  const auto commit = Put(*store, "a", std::string(300'000, 'x'));
  INFO(commit.status().ToString());
  CHECK((commit.status().code() == Code::kInvalidArgument ||
         commit.status().code() == Code::kResourceExhausted));
  CHECK(Put(*store, "a", std::string(50'000, 'x')).ok());
}

TEST_CASE("stores with prefixes of their own do not see each other", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  EtcdOptions options = cluster.Options();
  options.prefix = "one/";
  const auto one = OpenStore(options);
  options.prefix = "two/";
  const auto two = OpenStore(options);
  Recorder recorder;
  const auto watcher = one->Watch("", 0, recorder.callback());
  REQUIRE(Put(*two, "a", "2").ok());
  REQUIRE(Put(*one, "a", "1").ok());
  REQUIRE(recorder.WaitBatches(1));
  CHECK(recorder.batches()[0].items[0].value == "1");
  CHECK(one->Load("", Soon())->documents.size() == 1);
  CHECK(cluster.Control("get --print-value-only two/doc/a") == "2\n");
}

TEST_CASE("removing what is not there is no commit that anybody could wait for", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  const auto other = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  const auto put = Put(*store, "a", "1");
  REQUIRE(recorder.WaitBatches(1));
  const Change erase = Erase("absent");
  const auto nothing = store->Commit({&erase, 1}, Soon());
  REQUIRE(nothing.ok());
  CHECK(*nothing == *put);
  const auto elsewhere = other->Commit({&erase, 1}, Soon());
  REQUIRE(elsewhere.ok());
  CHECK(*elsewhere <= *put);
}

}  // namespace
}  // namespace plugreload::test
