// etcd/settings.hpp - the options of a store, checked and with their files read.
#ifndef PLUGRELOAD_ETCD_SETTINGS_HPP_
#define PLUGRELOAD_ETCD_SETTINGS_HPP_

#include <string>
#include <vector>

#include "plugreload/etcd.hpp"

namespace plugreload::etcd {

struct Endpoint {
  std::string url;     // as it was given, for messages
  std::string target;  // "host:port"
  bool tls = false;
};

struct Settings {
  std::vector<Endpoint> endpoints;
  std::string ca, certificate, key;  // PEM texts
  std::string server_name;
  std::string user, password;
  std::string prefix;
  Millis try_timeout;
};

// Errors as NewEtcdStore says.
Result<Settings> Check(EtcdOptions options);

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_SETTINGS_HPP_
