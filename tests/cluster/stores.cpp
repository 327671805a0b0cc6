// The contract suite of stores on etcd: each store has a server of its own, fresh.
#include <memory>
#include <stdexcept>
#include <utility>

#include "cluster/etcd_server.hpp"
#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

// Destroyed in the reverse order: the store first.
struct Served {
  test::EtcdCluster server;
  std::shared_ptr<StateStore> store;
};

std::shared_ptr<StateStore> Open() {
  auto served = std::make_shared<Served>();
  auto store = NewEtcdStore(served->server.Options());
  if (!store.ok()) throw std::runtime_error(store.status().ToString());
  served->store = *std::move(store);
  StateStore* const raw = served->store.get();
  return {std::move(served), raw};
}

}  // namespace

std::vector<StoreUnderTest> StoresUnderTest() { return {{"etcd", Open, 0}}; }

}  // namespace plugreload::internal
