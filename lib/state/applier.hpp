// state/applier.hpp - keeps the in-memory images equal to the store, in the order of its commits.
#ifndef PLUGRELOAD_STATE_APPLIER_HPP_
#define PLUGRELOAD_STATE_APPLIER_HPP_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plugreload/status.hpp"
#include "plugreload/store.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// A part of the store's state in memory (the catalog, the tree).
class StateImage {
 public:
  virtual ~StateImage() = default;
  // Replaces everything by these documents; keys that are not its own are passed over.
  virtual void Reset(const Snapshot& snapshot) = 0;
  // One commit. Called with increasing revisions.
  virtual void Apply(const WatchBatch& batch) = 0;
};

// The only writer of the images, own changes included: a change commits first, then comes back by
// the watch. When the watch ends it loads again and goes on.
//
// Thread safety: safe for concurrent use. The images are called from one thread at a time.
class Applier {
 public:
  // Loads `store` into the images and begins to watch. The images must outlive the applier.
  static Result<std::unique_ptr<Applier>> Open(std::shared_ptr<StateStore> store,
                                               std::vector<StateImage*> images, Deadline deadline);
  // Stops watching; waits for a running Apply.
  virtual ~Applier() = default;

  // What an edit wants to commit, computed from the images as they are now. An empty list: nothing
  // to do.
  using Edit = std::function<Result<std::vector<Change>>()>;

  // Computes, commits, and waits until the change is applied here. A lost compare waits for the
  // images to catch up and computes anew, until the deadline. So does, once, an edit that finds
  // something not to be there (kNotFound): `needs` are the keys, or prefixes of them, that it looks
  // for, because another node may have just made it. Errors: the edit's own; the store's;
  // kDeadlineExceeded (nothing was changed); kUnknown "outcome_unknown" (it may have been, or it is
  // committed but not yet visible here, as the message says).
  virtual Status Commit(const Edit& edit, Deadline deadline,
                        const std::vector<std::string>& needs = {}) = 0;

  // Waits until what is below these prefixes of the store now is applied here. Codes of Load;
  // kDeadlineExceeded.
  virtual Status CatchUp(const std::vector<std::string>& prefixes, Deadline deadline) = 0;

  // The newest revision that the images reflect.
  virtual Revision applied() const = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_STATE_APPLIER_HPP_
