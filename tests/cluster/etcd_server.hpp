// cluster/etcd_server.hpp - real etcd servers for tests: started, killed, restarted and taken away.
#ifndef PLUGRELOAD_TESTS_CLUSTER_ETCD_SERVER_HPP_
#define PLUGRELOAD_TESTS_CLUSTER_ETCD_SERVER_HPP_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cluster/mesh.hpp"
#include "plugreload/etcd.hpp"

namespace plugreload::test {

struct EtcdSetup {
  std::size_t members = 1;
  std::vector<std::string> flags;  // besides names, addresses and directories
  // Files of the members, who then speak TLS with clients and ask them for a certificate.
  std::string ca, certificate, key;
  // Their connections to each other lead over a Mesh.
  bool mesh = false;
};

// Members of one cluster in a private directory, on free ports of 127.0.0.1. The constructor
// returns when every member answers, and throws after twenty seconds. The destructor kills, reaps
// and removes everything; should it never run, the members die with this process.
//
// Thread safety: one thread.
class EtcdCluster {
 public:
  explicit EtcdCluster(EtcdSetup setup = {});
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  std::size_t size() const { return members_.size(); }
  std::string url(std::size_t member) const;
  std::vector<std::string> urls() const;
  // Of one endpoint, or of all.
  EtcdOptions Options() const;

  // With EtcdSetup::mesh.
  Mesh& mesh() { return *mesh_; }

  // Nothing happens to a member that is dead.
  void Kill(std::size_t member);  // SIGKILL, reaped
  void Signal(std::size_t member, int signal);
  // With what it had on disk, unless it runs; does not wait until it answers.
  void Restart(std::size_t member);
  // Until the members that run answer reads that a leader has confirmed.
  void AwaitReady();
  std::size_t Leader();

  // What etcdctl prints; throws when it fails.
  std::string Control(const std::string& arguments);

 private:
  struct Member {
    std::string name;
    int client_port = 0;
    int peer_port = 0;
    int door = 0;  // the port where the others find it
    pid_t pid = -1;
  };
  void Start(Member& member);
  void Stop();
  void Reap(Member& member);
  std::string Log(const Member& member) const;

  const EtcdSetup setup_;
  std::string directory_;
  std::vector<Member> members_;
  std::unique_ptr<Mesh> mesh_;
};

// The output of a command line for sh; throws when it fails.
std::string Shell(const std::string& command);

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CLUSTER_ETCD_SERVER_HPP_
