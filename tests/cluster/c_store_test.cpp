#include <string>

#include "cluster/fixture.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("a host of the C ABI has its state in etcd", "[cluster][c]") {
  EtcdCluster etcd;
  // Throws with what the program said when it does not end well.
  CHECK(Shell(std::string(PLUGRELOAD_TEST_C_STORE) + " " + etcd.url(0)).find("0 failed") !=
        std::string::npos);
}

}  // namespace
}  // namespace plugreload::test
