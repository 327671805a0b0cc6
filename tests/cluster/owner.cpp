// Keeps a document in etcd until it is killed: owner URL KEY TTL_MS. Prints its revision.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "plugreload/etcd.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  plugreload::EtcdOptions options;
  options.endpoints = {argv[1]};
  const auto store = plugreload::NewEtcdStore(options);
  if (!store.ok()) return 1;
  const auto kept = (*store)->Keep(argv[2], "owner", plugreload::Millis(std::atoi(argv[3])),
                                   plugreload::After(plugreload::Millis(20'000)));
  if (!kept.ok()) {
    std::fprintf(stderr, "%s\n", kept.status().ToString().c_str());
    return 1;
  }
  std::printf("%lld\n", static_cast<long long>((*kept)->revision()));
  std::fflush(stdout);
  char ignored = 0;
  return ::read(0, &ignored, 1) == 0 ? 0 : 1;  // ends with whoever holds the other end
}
