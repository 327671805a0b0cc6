// plugreload/etcd.hpp - the state store of a cluster, kept in etcd 3.4 or newer.
#ifndef PLUGRELOAD_ETCD_HPP_
#define PLUGRELOAD_ETCD_HPP_

#include <memory>
#include <string>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

// How to reach etcd. Certificates and keys are PEM: the text itself, or the absolute path of a file
// that is read once.
struct EtcdOptions {
  // "http://host:port" or "https://host:port" of every member, so that one may go. Each store
  // begins with a random one, and stays with it while it answers.
  std::vector<std::string> endpoints;

  std::string ca;           // whom to trust; empty: the roots of the system
  std::string certificate;  // of this client, if etcd asks for one; with its key
  std::string key;
  std::string server_name;  // that the certificate must have instead of the endpoint's host

  std::string user;  // empty: no authentication by password
  std::string password;

  // Every key begins with it, so that a role in etcd can be granted exactly these. Documents are
  // below <prefix>doc/; <prefix>writer/ has what tells a retried commit from a new one.
  std::string prefix = "plugreload/";

  // For one endpoint to accept a connection, and then to answer, before the next one is asked.
  // Calls go on until their own deadline. etcd needs about a second to elect a leader.
  Millis try_timeout{1'000};
};

// Does not wait for etcd: a cluster out of reach shows in the calls. kInvalidArgument
// "invalid_etcd_options": no endpoint, a malformed one, certificates for one without TLS, a file
// that cannot be read.
//
// As StateStore says, and besides:
// - A revision is etcd's minus one, because etcd begins at 1 and the store at 0. Others who write
//   to the same etcd make it jump.
// - Commit is exact although it retries: a change is made once or not at all, and kUnknown is only
//   returned when the deadline passed, or etcd was out of reach for a minute, before its fate could
//   be seen. The limits of StateStore are below etcd's own.
// - A watch goes on at another endpoint when one dies or loses its leader; it ends when etcd has
//   compacted what it has yet to see, or refuses it.
// - Keep rounds the time to live up to whole seconds, and etcd may lengthen it: it knows no lease
//   below 1.5 election timeouts, and starts them anew with a new leader.
// - The last owner's end gives up to one second for what was committed to reach the watchers, and
//   up to another to take the store's marks out of etcd.
//
// Threads: one per watch, one for the leases, all with every signal blocked, gone with the store.
// gRPC has about ten for the whole process, which end a moment after the last store; they are
// started in here with every signal blocked, but gRPC may add some later. Two of its descriptors
// stay until the process exits. It writes errors of connections to stderr unless the environment
// says GRPC_VERBOSITY=NONE. Make the store after fork: gRPC does not survive one.
PLUGRELOAD_EXPORT Result<std::shared_ptr<StateStore>> NewEtcdStore(EtcdOptions options);

}  // namespace plugreload

#endif  // PLUGRELOAD_ETCD_HPP_
