// cluster/fixture.hpp - what the cases about failures of etcd share.
#ifndef PLUGRELOAD_TESTS_CLUSTER_FIXTURE_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_FIXTURE_HPP_

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/etcd_server.hpp"
#include "contract/store_suite.hpp"
#include "support/leaks.hpp"

namespace plugreload::test {

using internal::Erase;
using internal::Put;
using internal::Recorder;
using internal::Soon;
using internal::Write;

// A leak check behind the first use of gRPC in this process, of which two descriptors stay until it
// exits. Everything after that is counted, gRPC's threads too. Declare it first.
class ClusterLeaks {
 public:
  ClusterLeaks();
  LeakCheck& check() { return *check_; }

 private:
  std::unique_ptr<LeakCheck> check_;
};

inline std::shared_ptr<StateStore> OpenStore(EtcdOptions options) {
  auto store = NewEtcdStore(std::move(options));
  REQUIRE(store.ok());
  return *std::move(store);
}

// The value of a document, or "-".
inline std::string ValueOf(StateStore& store, const std::string& key) {
  const auto snapshot = store.Load(key, Soon());
  REQUIRE(snapshot.ok());
  for (const Document& document : snapshot->documents) {
    if (document.key == key) return document.value;
  }
  return "-";
}

// A wait for something that has no event.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const Deadline deadline = Soon();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // lint: allow-sleep what is waited for has no event; the deadline above ends it
    std::this_thread::sleep_for(Millis(5));
  }
  return true;
}

// The keys in the order of their commits; fails when a revision comes twice or out of order.
inline std::vector<std::string> KeysOf(const std::vector<WatchBatch>& batches) {
  std::vector<std::string> keys;
  Revision last = 0;
  for (const WatchBatch& batch : batches) {
    CHECK(batch.revision > last);
    last = batch.revision;
    for (const auto& item : batch.items) keys.push_back(item.key);
  }
  return keys;
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_FIXTURE_HPP_
