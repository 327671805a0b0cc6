// Documents that live as long as their owner, and what becomes of them without one.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "cluster/fixture.hpp"

namespace plugreload::test {
namespace {

// Another process that keeps a document.
class Owner {
 public:
  Owner(const EtcdCluster& cluster, std::string key, Millis ttl, std::string marker) {
    std::array<int, 2> in{}, out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    std::string program = PLUGRELOAD_TEST_OWNER, url = cluster.url(0);
    std::string ttl_ms = std::to_string(ttl.count());
    std::array<char*, 5> argv{program.data(), url.data(), key.data(), ttl_ms.data(), nullptr};
    std::array<char*, 2> envp{marker.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    REQUIRE(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), envp.data()) ==
            0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    std::array<char, 64> text{};
    REQUIRE(::read(out[0], text.data(), text.size() - 1) > 0);  // ends with the process
    ::close(out[0]);
    revision_ = std::atoll(text.data());
  }
  ~Owner() { End(SIGKILL); }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  Revision revision() const { return revision_; }
  void Signal(int signal) { ::kill(pid_, signal); }
  void End(int signal) {
    if (pid_ < 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    ::close(input_);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  Revision revision_ = 0;
};

Result<Revision> Fenced(StateStore& store, const std::string& guard, Revision epoch) {
  const std::vector<Change> changes{{guard, std::nullopt, epoch, true}, Write("result", "x")};
  return store.Commit(changes, Soon());
}

TEST_CASE("the document of a killed owner vanishes, and what it fences is refused", "[cluster]") {
  ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = store->Watch("members/", 0, recorder.callback());
  Owner owner(cluster, "members/a", Millis(1'000), leaks.check().marker());
  REQUIRE(owner.revision() > 0);
  CHECK(ValueOf(*store, "members/a") == "owner");
  CHECK(Fenced(*store, "members/a", owner.revision()).ok());
  CHECK(store->Keep("members/a", "thief", Millis(1'000), Soon()).status().code() ==
        Code::kAlreadyExists);
  owner.End(SIGKILL);
  REQUIRE(recorder.WaitBatches(2));
  CHECK_FALSE(recorder.batches()[1].items[0].value.has_value());
  CHECK(Fenced(*store, "members/a", owner.revision()).status().code() == Code::kAborted);
  CHECK(ValueOf(*store, "members/a") == "-");
}

TEST_CASE("a keeper outlives its time to live as long as it lives, and takes its document along",
          "[cluster]") {
  ClusterLeaks leaks;
  EtcdCluster cluster;
  auto store = OpenStore(cluster.Options());
  const auto other = OpenStore(cluster.Options());
  Recorder recorder;
  const auto watcher = other->Watch("members/", 0, recorder.callback());
  auto kept = store->Keep("members/a", "v", Millis(1'000), Soon());
  REQUIRE(kept.ok());
  const Revision revision = (*kept)->revision();
  CHECK(revision > 0);
  // A document of the same time to live whose owner is dead measures the time.
  Owner dead(cluster, "members/dead", Millis(1'000), leaks.check().marker());
  dead.End(SIGKILL);
  REQUIRE(recorder.WaitBatches(3));
  CHECK(recorder.batches()[2].items[0].key == "members/dead");
  CHECK((*kept)->revision() == revision);
  // It may outlive its store.
  store.reset();
  CHECK((*kept)->revision() == revision);
  CHECK(ValueOf(*other, "members/a") == "v");
  kept->reset();
  CHECK(ValueOf(*other, "members/a") == "-");
}

TEST_CASE("a keeper whose document somebody removed or replaced says so", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  const auto other = OpenStore(cluster.Options());
  const auto removed = store->Keep("a", "v", Millis(1'000), Soon());
  const auto replaced = store->Keep("b", "v", Millis(1'000), Soon());
  REQUIRE(removed.ok());
  REQUIRE(replaced.ok());
  const std::vector<Change> changes{Erase("a"), Write("b", "other")};
  REQUIRE(other->Commit(changes, Soon()).ok());
  CHECK(Eventually([&] { return (*removed)->revision() == 0; }));
  CHECK(Eventually([&] { return (*replaced)->revision() == 0; }));
}

TEST_CASE("the end of a keeper leaves a document alone that is no longer its own", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  {
    const auto kept = store->Keep("a", "v", Millis(5'000), Soon());
    REQUIRE(kept.ok());
    REQUIRE(Put(*store, "a", "other").ok());
  }
  CHECK(ValueOf(*store, "a") == "other");
}

TEST_CASE("a keeper out of reach for its time to live is gone for good, even if etcd kept it",
          "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  const auto kept = store->Keep("a", "v", Millis(2'000), Soon());
  REQUIRE(kept.ok());
  const Revision revision = (*kept)->revision();
  cluster.Signal(0, SIGSTOP);
  CHECK(Eventually([&] { return (*kept)->revision() == 0; }));
  cluster.Signal(0, SIGCONT);
  // etcd did not run either, so the document may still be there; nobody prolongs it.
  REQUIRE(Put(*store, "b", "x").ok());
  CHECK((*kept)->revision() == 0);
  CHECK(Eventually([&] { return ValueOf(*store, "a") == "-"; }));
  CHECK(Fenced(*store, "a", revision).status().code() == Code::kAborted);
}

TEST_CASE("the marks of a store are gone with it", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  auto store = OpenStore(cluster.Options());
  std::vector<std::thread> threads;
  for (int t = 0; t < 24; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (!Put(*store, "k" + std::to_string(t), "x").ok()) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto marks = [&] {
    const std::string keys = cluster.Control("get --prefix --keys-only plugreload/writer/");
    std::size_t count = 0;
    for (std::size_t at = 0; (at = keys.find("plugreload/writer/", at)) != std::string::npos; ++at)
      ++count;
    return count;
  };
  CHECK(marks() > 0);
  CHECK(marks() <= 16);
  // Documents are never among them, nor they among documents.
  CHECK(store->Load("", Soon())->documents.size() == 24);
  store.reset();
  CHECK(marks() == 0);
}

TEST_CASE("a store whose marks or lease somebody takes away commits on", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  REQUIRE(Put(*store, "a", "1").ok());
  cluster.Control("del --prefix plugreload/writer/");
  REQUIRE(Put(*store, "a", "2", 1).ok());
  // "found 1 leases", then their numbers.
  const std::string leases = cluster.Control("lease list");
  cluster.Control("lease revoke " + leases.substr(leases.find('\n') + 1));
  const auto after = Put(*store, "a", "3");
  INFO(after.status().ToString());
  REQUIRE(after.ok());
  CHECK(ValueOf(*store, "a") == "3");
}

TEST_CASE("a commit of as many compared changes as there may be fits into one transaction",
          "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  const auto store = OpenStore(cluster.Options());
  std::vector<Change> changes;
  for (std::size_t i = 0; i < kMaxChangesPerCommit; ++i) {
    changes.push_back(Write("k" + std::to_string(i), "x", 0));
  }
  CHECK(store->Commit(changes, Soon()).ok());
  const auto again = store->Commit(changes, Soon());
  CHECK(again.status().code() == Code::kAborted);
  CHECK(std::string(again.status().message()).find("key 'k0' has revision 1, expected 0") !=
        std::string::npos);
}

}  // namespace
}  // namespace plugreload::test
