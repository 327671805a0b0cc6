#include "scenario/many_reloads.hpp"

#include "cluster/etcd_server.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("global reloads in a row on etcd leave memory, keys and threads as they were",
          "[cluster]") {
  EtcdCluster etcd;
  ReloadManyTimes("etcd", [&] {
    auto store = NewEtcdStore(etcd.Options());
    if (!store.ok()) FAIL(store.status().ToString());
    return *std::move(store);
  });
}

}  // namespace
}  // namespace plugreload::test
