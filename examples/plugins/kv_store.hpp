// plugins/kv_store.hpp - values in files, and the request ids that were seen.
#ifndef EXAMPLES_PLUGINS_KV_STORE_HPP_
#define EXAMPLES_PLUGINS_KV_STORE_HPP_

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "http/stream.hpp"

namespace example {

// "a%20b" as "a b"; a '%' without two hex digits stays.
std::string PercentDecode(std::string_view text);

// One file per key in one directory per mount. A value is written to a new file that then takes
// the name of the old one, so two versions of the plugin may serve the same mount at once.
//
// Thread safety: safe for concurrent use, also by several processes. Methods throw
// std::system_error when the disk does not do what it should.
class KvStore {
 public:
  explicit KvStore(std::string directory) : directory_(std::move(directory)) {}

  static bool ValidKey(std::string_view key);  // has a file name: not empty, not too long
  // REQUIRES for these three: ValidKey(key).
  std::optional<std::string> Get(std::string_view mount, std::string_view key) const;
  void Put(std::string_view mount, std::string_view key, std::string_view value);
  void Delete(std::string_view mount, std::string_view key);
  // The names directly below `prefix` ("" or "dir/"), sorted; one that has more below ends in '/'.
  std::vector<std::string> List(std::string_view mount, std::string_view prefix) const;

 private:
  std::string Directory(std::string_view mount) const;

  const std::string directory_;
};

// Counts X-Request-Id, so that a request that was lost or sent twice shows.
//
// Thread safety: safe for concurrent use.
class RequestIds {
 public:
  struct Counts {
    std::uint64_t unique = 0;
    std::uint64_t duplicate = 0;
  };
  // Appends each id to `journal` (empty: nowhere), which several processes may share.
  RequestIds(const std::string& journal, std::string version);
  // Counts the id, unless it is empty, and tells the counts so far.
  Counts Add(std::string_view id);

 private:
  const std::string version_;
  Fd journal_;
  std::mutex mutex_;
  std::unordered_set<std::string> seen_;  // guarded by mutex_
  Counts counts_;                         // guarded by mutex_
};

}  // namespace example

#endif  // EXAMPLES_PLUGINS_KV_STORE_HPP_
