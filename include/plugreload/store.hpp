// plugreload/store.hpp - where the catalog, pins, namespaces and mounts live.
#ifndef PLUGRELOAD_STORE_HPP_
#define PLUGRELOAD_STORE_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

// Grows with each commit; 0 is before the first one. A store of its own counts them: 1, 2, 3. One
// that shares its numbers with others (etcd) leaves gaps. A document's revision is that of the
// commit that last wrote it.
using Revision = std::int64_t;

inline constexpr std::size_t kMaxChangesPerCommit = 100;

// One document to write, or to remove (no value).
struct Change {
  std::string key;
  std::optional<std::string> value;
  // Compare: the document must still have this revision; 0 = it must not exist; nullopt = any.
  std::optional<Revision> expected;
  // Only compare, write nothing. REQUIRES: expected.
  bool check_only = false;
};

struct Document {
  std::string key;
  std::string value;
  Revision revision = 0;

  bool operator==(const Document&) const = default;
};

struct Snapshot {
  std::vector<Document> documents;  // sorted by key
  Revision revision = 0;            // of the whole store when it was read
};

// What one commit changed below the watched prefix.
struct WatchBatch {
  struct Item {
    std::string key;
    std::optional<std::string> value;  // nullopt: removed
  };
  Revision revision = 0;
  std::vector<Item> items;
};

// Small documents under keys, in commits. This is a seam: a host may bring its own.
//
// Thread safety: an implementation must be safe for concurrent use.
class PLUGRELOAD_EXPORT StateStore {
 public:
  // Receives batches in revision order, each once, without a gap, from one thread at a time that
  // belongs to the store. A status instead of a batch ends the watch (the store was compacted, or
  // closed): load again and watch from there. It must not call back into the store.
  using WatchCallback = std::function<void(const Result<WatchBatch>&)>;

  // Keeps a watch alive. Its destructor waits for a running callback; none runs after it.
  class PLUGRELOAD_EXPORT Watcher {
   public:
    virtual ~Watcher();
  };

  // A document that is in the store for as long as its owner lives and reaches the store.
  class PLUGRELOAD_EXPORT Keeper {
   public:
    // Removes the document if it is still its own; waits for that a second at most.
    virtual ~Keeper();
    // Of the document: whoever commits something compares it, and cannot act any more once others
    // have seen the document go. 0: it is gone, because the store was out of reach for the time to
    // live or somebody removed it; it does not come back, Keep makes a new one. Safe for
    // concurrent use, does not block.
    virtual Revision revision() const = 0;
  };

  virtual ~StateStore();

  // Applies all changes as one revision, or none. kAborted "revision_mismatch": a compare failed.
  // kInvalidArgument: as CheckChanges (store_limits.hpp). kDeadlineExceeded and kUnavailable:
  // nothing was changed. kUnknown: it may have been.
  virtual Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) = 0;

  // Every document whose key begins with `prefix`, as of one revision.
  virtual Result<Snapshot> Load(std::string_view prefix, Deadline deadline) = 0;

  // Every commit after revision `after` that touches a key beginning with `prefix`.
  virtual Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                                 WatchCallback callback) = 0;

  // Creates the document and keeps it alive. When this process dies without a word the store
  // removes it as soon as it can: at once where it can know (one machine), else after `ttl` at the
  // earliest; never a precise clock. The memory store dies with the process, so it needs no time to
  // live. kAlreadyExists "key_in_use"; codes of Commit otherwise, but never kUnknown.
  virtual Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value,
                                               Millis ttl, Deadline deadline) = 0;
};

// Keeps everything in memory. Runtimes of one process that share it see each other's changes, as
// the nodes of a cluster do; it ends with the last of them.
PLUGRELOAD_EXPORT std::shared_ptr<StateStore> NewMemoryStore();

}  // namespace plugreload

#endif  // PLUGRELOAD_STORE_HPP_
