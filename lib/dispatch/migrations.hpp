// dispatch/migrations.hpp - the last remounts, for clients that ask how one went.
#ifndef PLUGRELOAD_DISPATCH_MIGRATIONS_HPP_
#define PLUGRELOAD_DISPATCH_MIGRATIONS_HPP_

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use.
class Migrations {
 public:
  struct Migration {
    std::string id, from, to;  // whole paths, namespace included
  };

  void Add(Migration migration) {
    const MutexLock lock(mutex_);
    if (last_.size() == kKept) last_.pop_front();
    last_.push_back(std::move(migration));
  }
  std::optional<Migration> Find(std::string_view id) const {
    const MutexLock lock(mutex_);
    const auto found = std::find_if(last_.begin(), last_.end(),
                                    [id](const Migration& known) { return known.id == id; });
    return found == last_.end() ? std::nullopt : std::optional(*found);
  }

 private:
  static constexpr std::size_t kKept = 256;
  mutable Mutex mutex_;
  std::deque<Migration> last_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_MIGRATIONS_HPP_
