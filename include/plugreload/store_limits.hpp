// plugreload/store_limits.hpp - what every store takes, for who makes one.
#ifndef PLUGRELOAD_STORE_LIMITS_HPP_
#define PLUGRELOAD_STORE_LIMITS_HPP_

#include <cstddef>
#include <span>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"

namespace plugreload {

// Beside kMaxChangesPerCommit. No store takes more, so that a host can go from one to another.
inline constexpr std::size_t kMaxValueBytes = 512 * 1024;    // of one document
inline constexpr std::size_t kMaxCommitBytes = 1024 * 1024;  // keys and values of one commit

// What Commit and Keep refuse whatever is stored. kInvalidArgument "too_many_changes", "empty_key",
// "duplicate_key", "missing_expected", "value_too_large", "commit_too_large".
PLUGRELOAD_EXPORT Status CheckChanges(std::span<const Change> changes);

}  // namespace plugreload

#endif  // PLUGRELOAD_STORE_LIMITS_HPP_
