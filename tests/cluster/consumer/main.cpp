#include <plugreload/etcd.hpp>
#include <plugreload/runtime.hpp>

#include <cstdio>

// Nobody listens there: what the store says of it shows that all of it is linked.
int main() {
  plugreload::EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:9"};
  const auto store = plugreload::NewEtcdStore(options);
  if (!store.ok()) return 1;
  const auto loaded = (*store)->Load("", plugreload::After(plugreload::Millis{200}));
  std::printf("%s\n", std::string(loaded.status().reason()).c_str());
  return 0;
}
