// etcd/keys.hpp - how keys and revisions of a store are written in etcd.
#ifndef PLUGRELOAD_ETCD_KEYS_HPP_
#define PLUGRELOAD_ETCD_KEYS_HPP_

#include <cstdint>
#include <string>
#include <string_view>

#include "plugreload/store.hpp"

namespace plugreload::etcd {

// etcd is at 1 before its first commit, and says 0 of a key that is not there; a store is at 0
// before its first commit, and says 0 of a document that is not there.
inline std::int64_t ToEtcd(Revision document) { return document == 0 ? 0 : document + 1; }
inline Revision FromEtcd(std::int64_t revision) { return revision - 1; }

class Keys {
 public:
  explicit Keys(const std::string& prefix)
      : documents_(prefix + "doc/"), writers_(prefix + "writer/") {}

  std::string Document(std::string_view key) const { return documents_ + std::string(key); }
  // REQUIRES: made by Document.
  std::string NameOf(const std::string& key) const { return key.substr(documents_.size()); }
  const std::string& writers() const { return writers_; }

 private:
  const std::string documents_;
  const std::string writers_;
};

// The first key behind all that begin with `prefix`, for a range of etcd.
inline std::string EndOf(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // etcd's word for: to the last key
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_KEYS_HPP_
