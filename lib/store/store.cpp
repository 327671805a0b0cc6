// What all stores have in common.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "plugreload/store_limits.hpp"

namespace plugreload {
namespace {

Status Bad(std::string_view reason, std::string message) {
  return Status(Code::kInvalidArgument, reason, std::move(message));
}

}  // namespace

Status CheckChanges(std::span<const Change> changes) {
  if (changes.size() > kMaxChangesPerCommit) {
    return Bad("too_many_changes", fmt::format("{} changes in one commit, at most {} are accepted",
                                               changes.size(), kMaxChangesPerCommit));
  }
  std::set<std::string_view> keys;
  std::size_t bytes = 0;
  for (const Change& change : changes) {
    if (change.key.empty()) return Bad("empty_key", "a change without a key");
    if (!keys.insert(change.key).second) {
      return Bad("duplicate_key", fmt::format("two changes of key '{}'", change.key));
    }
    if (change.check_only && !change.expected) {
      return Bad("missing_expected",
                 fmt::format("key '{}' is only to be compared, but with no revision", change.key));
    }
    const std::size_t size = change.value ? change.value->size() : 0;
    if (size > kMaxValueBytes) {
      return Bad("value_too_large", fmt::format("the value of key '{}' has {} bytes, at most {} "
                                                "are accepted",
                                                change.key, size, kMaxValueBytes));
    }
    bytes += change.key.size() + size;
  }
  if (bytes > kMaxCommitBytes) {
    return Bad("commit_too_large", fmt::format("the keys and values of one commit have {} bytes, "
                                               "at most {} are accepted",
                                               bytes, kMaxCommitBytes));
  }
  return {};
}

StateStore::~StateStore() = default;

StateStore::Watcher::~Watcher() = default;

StateStore::Keeper::~Keeper() = default;

}  // namespace plugreload
