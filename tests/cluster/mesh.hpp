// cluster/mesh.hpp - the network between members of etcd, from which one can be cut off.
#ifndef PLUGRELOAD_TESTS_CLUSTER_MESH_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_MESH_HPP_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace plugreload::test {

// Members reach each other at ports of the mesh, which knows who comes by whose socket it is. So it
// needs neither rights nor a name space of its own.
//
// Thread safety: safe for concurrent use.
class Mesh {
 public:
  // `targets`: the members' own ports. `pid_of` tells a member's process, -1 when there is none.
  Mesh(std::vector<int> targets, std::function<pid_t(std::size_t)> pid_of);
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  int port(std::size_t member) const { return doors_.at(member).port; }
  // From now on nothing passes from it or to it, until Heal.
  void Isolate(std::size_t member) { Set(static_cast<int>(member)); }
  void Heal() { Set(-1); }

 private:
  struct Door {
    int port = 0, listener = -1;
  };
  struct Link {
    std::size_t from = 0, to = 0;
    int client = -1, server = -1;
  };
  void Set(int isolated);
  void Run();
  void Accept(std::size_t to);
  std::size_t Caller(int socket, int door) const;  // the number of members: nobody knows
  bool Cut(const Link& link) const;

  const std::vector<int> targets_;
  const std::function<pid_t(std::size_t)> pid_of_;
  std::vector<Door> doors_;
  std::vector<Link> links_;  // the thread's
  int wake_ = -1;
  std::atomic<int> isolated_{-1};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_MESH_HPP_
