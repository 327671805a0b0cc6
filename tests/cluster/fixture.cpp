#include "cluster/fixture.hpp"

namespace plugreload::test {

ClusterLeaks::ClusterLeaks() {
  EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:9"};  // nobody listens there
  (void)OpenStore(options)->Load("", After(Millis(50)));
  check_ = std::make_unique<LeakCheck>();
}

}  // namespace plugreload::test
