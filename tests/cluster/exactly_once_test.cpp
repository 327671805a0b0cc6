// Answers are lost and requests late: a commit is made once or not at all, and says which.
#include <atomic>
#include <chrono>
#include <random>

#include "cluster/fixture.hpp"
#include "cluster/proxy.hpp"

namespace plugreload::test {
namespace {

// A store that talks to etcd through two proxies, and another that talks to it directly.
struct Disturbed {
  EtcdCluster cluster;
  Proxy first{cluster.url(0)};
  Proxy second{cluster.url(0)};
  std::shared_ptr<StateStore> store = OpenStore(Through());
  std::shared_ptr<StateStore> direct = OpenStore(cluster.Options());

  EtcdOptions Through() const {
    EtcdOptions options = cluster.Options();
    options.endpoints = {first.url(), second.url()};
    options.try_timeout = Millis(150);
    return options;
  }
  void LoseAnswers() {
    first.LoseAnswers();
    second.LoseAnswers();
  }
  void DelayRequests() {
    first.DelayRequests();
    second.DelayRequests();
  }
  void Mend() {
    first.Mend();
    second.Mend();
  }
  bool WaitDisturbed(int more_than) const {
    return Eventually([&] { return first.disturbed() + second.disturbed() > more_than; });
  }
};

TEST_CASE("a commit whose answer was lost is found to be made", "[cluster]") {
  const ClusterLeaks leaks;
  Disturbed net;
  const auto before = Put(*net.store, "a", "0");
  REQUIRE(before.ok());
  net.LoseAnswers();
  Result<Revision> made = Revision(0);
  std::thread committer([&] { made = Put(*net.store, "a", "1", *before); });
  const bool arrived = Eventually([&] { return ValueOf(*net.direct, "a") == "1"; });
  net.Mend();
  committer.join();
  REQUIRE(arrived);
  INFO(made.status().ToString());
  REQUIRE(made.ok());
  const auto now = net.direct->Load("a", Soon());
  CHECK(now->documents == std::vector<Document>{{"a", "1", *made}});
}

TEST_CASE("a commit that was aborted is not made by an attempt that arrives later", "[cluster]") {
  const ClusterLeaks leaks;
  Disturbed net;
  EtcdOptions options = net.Through();
  options.try_timeout = Millis(1'000);
  for (int round = 0; round < 3; ++round) {
    const auto store = OpenStore(options);
    // From now on it prefers the first.
    net.second.LoseAnswers();
    REQUIRE(Put(*store, "warm", "x").ok());
    net.second.Mend();
    const int before = net.first.disturbed();
    net.first.DelayRequests();
    Result<Revision> lost = Revision(0);
    std::thread committer([&] { lost = Put(*store, "a", "late", 0); });
    const bool waits = Eventually([&] { return net.first.disturbed() > before; });
    const bool raced = Put(*net.direct, "a", "early", 0).ok();
    committer.join();
    REQUIRE(waits);
    REQUIRE(raced);
    REQUIRE(lost.status().code() == Code::kAborted);
    // Gone, so that the compare of the attempt that waits would be right again.
    const Change erase = Erase("a");
    REQUIRE(net.direct->Commit({&erase, 1}, Soon()).ok());
    net.first.Mend();
    net.second.LoseAnswers();
    REQUIRE(Put(*store, "warm", "behind it").ok());
    net.second.Mend();
    CHECK(ValueOf(*net.direct, "a") == "-");
  }
}

TEST_CASE("an attempt that arrives late does not undo what came after it", "[cluster]") {
  const ClusterLeaks leaks;
  Disturbed net;
  Recorder recorder;
  const auto watcher = net.direct->Watch("a", 0, recorder.callback());
  for (int round = 0; round < 5; ++round) {
    const std::string value = std::to_string(round);
    REQUIRE(Put(*net.store, "warm", value).ok());
    const int before = net.first.disturbed() + net.second.disturbed();
    net.DelayRequests();
    Result<Revision> made = Revision(0);
    std::thread committer([&] { made = Put(*net.store, "a", value); });
    const bool waits = net.WaitDisturbed(before + 1);  // the second attempt waits too
    net.Mend();
    committer.join();
    REQUIRE(waits);
    REQUIRE(made.ok());
    REQUIRE(Put(*net.direct, "a", "after " + value).ok());
    // Through both proxies, behind whatever is still on its way.
    REQUIRE(Put(*net.store, "warm", "again").ok());
    CHECK(ValueOf(*net.direct, "a") == "after " + value);
  }
  REQUIRE(recorder.WaitBatches(10));
  CHECK(recorder.batches().size() == 10);
}

TEST_CASE("a commit that nobody can tell the fate of says so", "[cluster]") {
  const ClusterLeaks leaks;
  Disturbed net;
  REQUIRE(Put(*net.store, "a", "0").ok());
  net.LoseAnswers();
  const Change change = Write("a", "1");
  const auto commit = net.store->Commit({&change, 1}, After(Millis(600)));
  CHECK(commit.status().code() == Code::kUnknown);
  CHECK(commit.status().reason() == "outcome_unknown");
  net.Mend();
  // The same writer goes on, and is exact again.
  const auto next = Put(*net.store, "a", "2");
  INFO(next.status().ToString());
  REQUIRE(next.ok());
  CHECK(ValueOf(*net.direct, "a") == "2");
}

TEST_CASE("counting through a bad network counts every success once", "[cluster][slow]") {
  const ClusterLeaks leaks;
  Disturbed net;
  REQUIRE(Put(*net.direct, "count", "0").ok());
  Recorder recorder;
  const auto watcher = net.store->Watch("count", 0, recorder.callback());
  std::atomic<bool> done{false};
  std::thread trouble([&] {
    std::mt19937 random(7);
    while (!done) {
      Proxy& proxy = random() % 2 == 0 ? net.first : net.second;
      random() % 2 == 0 ? proxy.LoseAnswers() : proxy.DelayRequests();
      // lint: allow-sleep the trouble itself lasts for a while; nothing waits for its end
      std::this_thread::sleep_for(Millis(random() % 60));
      proxy.Mend();
      // lint: allow-sleep as above
      std::this_thread::sleep_for(Millis(random() % 60));
    }
  });
  std::atomic<int> counted{0}, unexpected{0};
  using Clock = std::chrono::steady_clock;
  const Deadline deadline = Soon();
  const auto disturbed = [&] { return net.first.disturbed() + net.second.disturbed(); };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      // On, when the machine is quick, until there was trouble enough.
      for (int i = 0; i < 40 || (disturbed() <= 5 && Clock::now() < deadline);) {
        const auto now = net.store->Load("count", Soon());
        if (!now.ok()) {
          ++unexpected;
          return;
        }
        const Document& document = now->documents.at(0);
        const auto made = Put(*net.store, "count", std::to_string(std::stoi(document.value) + 1),
                              document.revision);
        if (made.ok()) {
          ++counted;
          ++i;
        } else if (made.status().code() != Code::kAborted) {
          UNSCOPED_INFO(made.status().ToString());
          ++unexpected;
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  trouble.join();
  CHECK(disturbed() > 5);
  CHECK(unexpected == 0);
  CHECK(counted >= 160);
  CHECK(ValueOf(*net.direct, "count") == std::to_string(counted));
  const auto commits = static_cast<std::size_t>(counted) + 1;
  REQUIRE(recorder.WaitBatches(commits));
  const auto batches = recorder.batches();
  bool in_order = batches.size() == commits;
  for (std::size_t i = 0; in_order && i < batches.size(); ++i) {
    in_order = batches[i].items[0].value == std::to_string(i);
  }
  CHECK(in_order);
}

}  // namespace
}  // namespace plugreload::test
