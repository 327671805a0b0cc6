// etcd asks who is there: certificates, passwords and what a role may see.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster/fixture.hpp"

namespace plugreload::test {
namespace {

// A certificate authority of the test, and what it has signed, as files in `folder`.
struct Authority {
  explicit Authority(std::string where) : folder(std::move(where)) {
    std::filesystem::create_directories(folder);
    Shell("cd " + folder +
          " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key"
          " -out ca.pem -days 2 -subj /CN=plugreload-test-ca");
    Sign("server", "subjectAltName=IP:127.0.0.1,DNS:etcd.test");
    Sign("client", "extendedKeyUsage=clientAuth");
  }
  void Sign(const std::string& name, const std::string& extension) const {
    std::ofstream(folder + "/" + name + ".ext") << extension << "\n";
    Shell("cd " + folder + " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes" +
          " -keyout " + name + ".key -out " + name + ".csr -subj /CN=" + name +
          " && openssl x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial" +
          " -days 2 -extfile " + name + ".ext -out " + name + ".pem");
  }
  std::string File(const std::string& name) const { return folder + "/" + name; }
  std::string Text(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(File(name)).rdbuf();
    return text.str();
  }

  const std::string folder;
};

Code CodeOfLoad(const EtcdOptions& options, Millis timeout = Millis(1'500)) {
  const auto store = OpenStore(options);
  return store->Load("", After(timeout)).status().code();
}

TEST_CASE("etcd with TLS and client certificates takes who has one, from files and from memory",
          "[cluster]") {
  ClusterLeaks leaks;
  const Authority authority(leaks.check().scratch() + "/ca");
  EtcdSetup setup;
  setup.ca = authority.File("ca.pem");
  setup.certificate = authority.File("server.pem");
  setup.key = authority.File("server.key");
  EtcdCluster cluster(setup);  // whose own options present the server's certificate
  EtcdOptions options = cluster.Options();
  options.certificate = authority.File("client.pem");
  options.key = authority.File("client.key");
  {
    const auto store = OpenStore(options);
    Recorder recorder;
    const auto watcher = store->Watch("", 0, recorder.callback());
    const auto kept = store->Keep("k", "v", Millis(2'000), Soon());
    CHECK(kept.ok());
    CHECK(Put(*store, "a", "1").ok());
    CHECK(recorder.WaitBatches(2));
  }
  options.ca = authority.Text("ca.pem");
  options.certificate = authority.Text("client.pem");
  options.key = authority.Text("client.key");
  CHECK(CodeOfLoad(options) == Code::kOk);
  options.server_name = "etcd.test";
  CHECK(CodeOfLoad(options) == Code::kOk);
  options.server_name = "other.test";
  CHECK(CodeOfLoad(options) == Code::kUnavailable);
  options.server_name.clear();
  EtcdOptions nobody = options;
  nobody.certificate.clear();
  nobody.key.clear();
  CHECK(CodeOfLoad(nobody) == Code::kUnavailable);
  const Authority other(leaks.check().scratch() + "/other");
  EtcdOptions stranger = options;
  stranger.certificate = other.Text("client.pem");
  stranger.key = other.Text("client.key");
  CHECK(CodeOfLoad(stranger) == Code::kUnavailable);
  EtcdOptions deceived = options;
  deceived.ca = other.Text("ca.pem");
  const auto untrusted = OpenStore(deceived)->Load("", After(Millis(1'500)));
  INFO(untrusted.status().ToString());
  CHECK(untrusted.status().code() == Code::kUnavailable);
}

// A user who may only do what a store with the prefix "mine/" needs.
void TurnOnPasswords(EtcdCluster& cluster) {
  cluster.Control("user add root:secret");
  cluster.Control("user grant-role root root");
  cluster.Control("user add app:word");
  cluster.Control("role add app");
  cluster.Control("role grant-permission app readwrite --prefix=true mine/");
  cluster.Control("user grant-role app app");
  cluster.Control("auth enable");
}

TEST_CASE("a user sees what the role allows, with the right password only", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  EtcdOptions options = cluster.Options();
  options.user = "app";
  options.password = "word";
  options.prefix = "mine/";
  const auto before = OpenStore(options);  // no authentication yet: a password does no harm
  REQUIRE(Put(*before, "early", "1").ok());
  TurnOnPasswords(cluster);
  REQUIRE(Put(*before, "early", "2").ok());
  const auto store = OpenStore(options);
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  const auto kept = store->Keep("k", "v", Millis(1'000), Soon());
  INFO(kept.status().ToString());
  REQUIRE(kept.ok());
  REQUIRE(Put(*store, "a", "1").ok());
  REQUIRE(recorder.WaitBatches(4));

  EtcdOptions wrong = options;
  wrong.password = "world";
  const auto refused = OpenStore(wrong)->Load("", Soon());
  CHECK(refused.status().code() == Code::kUnauthenticated);
  CHECK(refused.status().reason() == "store_login_failed");
  Recorder denied;
  EtcdOptions elsewhere = options;
  elsewhere.prefix = "yours/";
  const auto stranger = OpenStore(elsewhere);
  CHECK(stranger->Load("", Soon()).status().code() == Code::kPermissionDenied);
  CHECK(Put(*stranger, "a", "1").status().code() == Code::kPermissionDenied);
  const auto watched = stranger->Watch("", 0, denied.callback());
  REQUIRE(denied.WaitEnd());
  CHECK(denied.end().code() == Code::kPermissionDenied);
  EtcdOptions nobody = options;
  nobody.user.clear();
  nobody.password.clear();
  CHECK_FALSE(OpenStore(nobody)->Load("", Soon()).ok());
}

TEST_CASE("a token that etcd has forgotten is replaced by a new one", "[cluster]") {
  const ClusterLeaks leaks;
  EtcdCluster cluster;
  TurnOnPasswords(cluster);
  EtcdOptions options = cluster.Options();
  options.user = "app";
  options.password = "word";
  options.prefix = "mine/";
  const auto store = OpenStore(options);
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  const auto kept = store->Keep("k", "v", Millis(20'000), Soon());
  REQUIRE(kept.ok());
  REQUIRE(Put(*store, "a", "1").ok());
  REQUIRE(recorder.WaitBatches(2));
  // Tokens are in the memory of etcd alone.
  cluster.Kill(0);
  cluster.Restart(0);
  const auto revision = Put(*store, "a", "2");
  INFO(revision.status().ToString());
  REQUIRE(revision.ok());
  REQUIRE(recorder.WaitBatches(3));
  CHECK(recorder.end().ok());
  CHECK((*kept)->revision() != 0);
}

TEST_CASE("options that cannot work are refused with the reason", "[cluster]") {
  ClusterLeaks leaks;
  const Authority authority(leaks.check().scratch() + "/ca");
  const auto refused = [](const auto& change) {
    EtcdOptions options;
    options.endpoints = {"https://127.0.0.1:2379"};
    change(options);
    const auto store = NewEtcdStore(options);
    INFO(store.status().ToString());
    CHECK(store.status().code() == Code::kInvalidArgument);
    CHECK(store.status().reason() == "invalid_etcd_options");
  };
  refused([](EtcdOptions& options) { options.endpoints.clear(); });
  for (const char* url : {"", "127.0.0.1:2379", "http://", "http://host", "http://host:",
                          "http://host:port", "ftp://host:1", "http://host:1/path", "http://:1"}) {
    refused([&](EtcdOptions& options) { options.endpoints = {url}; });
  }
  refused([](EtcdOptions& options) { options.ca = "relative.pem"; });
  refused([](EtcdOptions& options) { options.ca = "/absent.pem"; });
  refused([&](EtcdOptions& options) { options.ca = authority.File("ca.srl"); });
  refused([&](EtcdOptions& options) { options.certificate = authority.File("client.pem"); });
  refused([&](EtcdOptions& options) { options.key = authority.File("client.key"); });
  refused([&](EtcdOptions& options) {
    options.ca = authority.File("ca.pem");
    options.endpoints = {"http://127.0.0.1:2379"};
  });
  refused([](EtcdOptions& options) { options.password = "word"; });
  refused([](EtcdOptions& options) { options.prefix = ""; });
  refused([](EtcdOptions& options) { options.try_timeout = Millis(0); });
}

}  // namespace
}  // namespace plugreload::test
