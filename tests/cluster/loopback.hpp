// cluster/loopback.hpp - sockets of 127.0.0.1 for the networks of tests.
#ifndef PLUGRELOAD_TESTS_CLUSTER_LOOPBACK_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_LOOPBACK_HPP_

#include <cstddef>

namespace plugreload::test {

// A listener on a free port, which `port` becomes; throws when there is none.
int Listen(int* port);
// -1 when nobody is there.
int Connect(int port);
bool WriteAll(int fd, const char* data, std::size_t size);

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_LOOPBACK_HPP_
