// A host is killed in every phase of a global reload, on both durable stores: it starts again, and
// everything ends done.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cluster/fixture.hpp"
#include "cluster/host_process.hpp"
#include "plugreload/sqlite.hpp"

namespace plugreload::test {
namespace {

// A store, and hosts "a" and "b" on it.
class Pair {
  mutable ClusterLeaks leaks_;  // destroyed last

 public:
  explicit Pair(const std::string& kind) : sqlite_(kind == "sqlite") {
    if (!sqlite_) etcd_ = std::make_unique<EtcdCluster>();
    b = Start("b");
    a = Start("a");
    for (const char* command : {"register kv v1.0.0", "register kv v2.0.0", "pin kv v1.0.0",
                                "mount - first/ kv", "create team", "mount team last/ kv"}) {
      Must(*a, command);
    }
    REQUIRE(Eventually([&] { return Versions(*b) == "first/ v1.0.0 last/ v1.0.0 "; }));
  }
  ~Pair() {
    for (auto* host : {&a, &b}) {
      if (*host != nullptr) CHECK((*host)->Close() == 0);
    }
    // What they were is gone with them.
    const auto store = Open();
    CHECK(Eventually([&] {
      const auto kept = store->Load("cluster/members/", Soon());
      const auto permits = store->Load("cluster/permits/", Soon());
      return kept.ok() && kept->documents.empty() && permits.ok() && permits->documents.empty();
    }));
  }

  std::unique_ptr<HostProcess> Start(const std::string& node) const {
    std::vector<std::string> arguments{node, "1000", "etcd", "plugreload/"};
    if (sqlite_) {
      arguments = {node, "1000", "sqlite", File()};
    } else {
      for (const std::string& url : etcd_->urls()) arguments.push_back(url);
    }
    auto host = std::make_unique<HostProcess>(arguments);
    REQUIRE(host->WaitNews("up"));
    return host;
  }
  // The store as somebody else sees it.
  std::shared_ptr<StateStore> Open() const {
    if (!sqlite_) return OpenStore(etcd_->Options());
    SqliteOptions options;
    options.path = File();
    auto store = NewSqliteStore(options);
    REQUIRE(store.ok());
    return *std::move(store);
  }
  static std::string Must(HostProcess& host, const std::string& command) {
    const auto answer = host.Call(command);
    INFO(command << ": " << answer.ToString());
    REQUIRE(answer.ok());
    return answer.text;
  }
  // "first/ v1.0.0 last/ v1.0.0 " of the mounts that serve.
  static std::string Versions(HostProcess& host) {
    std::string versions;
    std::istringstream state(Must(host, "state"));
    for (std::string item; std::getline(state, item, ';');) {
      std::istringstream words(item);
      std::string kind, ns, path, plugin, mode, running;
      words >> kind >> ns >> path >> plugin >> mode >> running;
      if (kind == "mount" && mode == "serving") versions.append(path + " ").append(running + " ");
    }
    return versions;
  }

 private:
  std::string File() const { return leaks_.check().scratch() + "/store.db"; }

  const bool sqlite_;
  std::unique_ptr<EtcdCluster> etcd_;

 public:
  std::unique_ptr<HostProcess> a, b;
};

void Walk(const std::string& kind, const std::string& strategy,
          const std::vector<std::string>& phases) {
  Pair pair(kind);
  int number = 0;
  for (const std::string& phase : phases) {
    INFO(kind << ", " << strategy << ", killed at " << phase);
    const std::string version = number % 2 == 0 ? "v2.0.0" : "v1.0.0";
    const std::string id = "reload-" + std::to_string(number++);
    if (phase == "drain") {
      Pair::Must(*pair.b, "lease - first/");
    } else {
      Pair::Must(*pair.b, "die " + phase);
    }
    Pair::Must(*pair.a, "reload kv global " + strategy + " " + version + " " + id);
    if (phase == "drain") {
      REQUIRE(pair.b->WaitNews("draining " + id));
      pair.b->Kill();
    }
    REQUIRE(pair.b->WaitEnd());
    pair.b = pair.Start("b");
    const std::string ended = Pair::Must(*pair.a, "wait " + id + " 30000");
    CHECK(ended.starts_with("done a=done b=done"));
    const std::string all = "first/ " + version + " last/ " + version + " ";
    CHECK(Pair::Versions(*pair.a) == all);
    CHECK(Eventually([&] { return Pair::Versions(*pair.b) == all; }));
    // It is a reload like any other: asked for on the node that was killed, and undone from there.
    CHECK(Pair::Must(*pair.b, "wait " + id + " 30000") == ended);
    CHECK(!pair.b->Saw("started " + id));
  }
  Pair::Must(*pair.b, "rollback reload-" + std::to_string(number - 1) + " back");
  CHECK(Pair::Must(*pair.a, "wait back 30000").starts_with("done"));
  const auto store = pair.Open();
  CHECK(Eventually([&] { return store->Load("cluster/running/", Soon())->documents.size() == 2; }));
}

const std::vector<std::string> kPhases = {"start", "tell", "told",   "commit",
                                          "drain", "stop", "result", "reported"};

TEST_CASE("a host on a shared file that is killed in any phase of a reload ends it when it is back",
          "[cluster][sqlite]") {
  Walk("sqlite", "all", kPhases);
}

TEST_CASE("a host on etcd that is killed in any phase of a reload ends it when it is back",
          "[cluster]") {
  Walk("etcd", "all", kPhases);
}

TEST_CASE("a host that is killed while it holds the permit of a roll stops nobody", "[cluster]") {
  Walk("sqlite", "rolling", {"permit", "start", "reported"});
  Walk("etcd", "rolling", {"permit", "start"});
}

}  // namespace
}  // namespace plugreload::test
