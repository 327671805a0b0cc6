// reload/global.hpp - what the engine needs of reloads that other runtimes of the store take part
// in.
#ifndef PLUGRELOAD_RELOAD_GLOBAL_HPP_
#define PLUGRELOAD_RELOAD_GLOBAL_HPP_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/reload.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use.
class GlobalReloads {
 public:
  virtual ~GlobalReloads() = default;
  // A reload of this runtime has been answered. Called with no lock held.
  virtual void LocalAnswered() = 0;
  // Whether this node has other runtimes: then a local reload is theirs, too.
  virtual bool HasSiblings() const = 0;
  // Commits the request; returns once this runtime has seen it.
  virtual Result<std::string> Submit(const ReloadRequest& request) = 0;
  // False: it is this runtime's alone, or there is none. Not OK: the store has to be asked, and did
  // not answer, or the runtime is closing.
  virtual Result<bool> Knows(std::string_view reload_id) const = 0;
  virtual std::optional<ReloadRequest> RequestOf(std::string_view reload_id) const = 0;
  // kAnswer: until the part of this runtime is done, of a local reload those of its siblings, too;
  // kEnd: until every member's is. OK at the deadline. `seen` is what ended the wait, as Describe
  // fills it without a local part; nullopt when it was something else than a look at the members.
  virtual Status Wait(std::string_view reload_id, Deadline deadline, ReloadCoordinator::Until until,
                      std::optional<ReloadReport>& seen) = 0;
  // Fills in the members and the state of all; makes the report when there is no local part. Not OK
  // as Knows, without one.
  virtual Status Describe(std::string_view reload_id,
                          std::optional<ReloadReport>& report) const = 0;
  virtual Status Cancel(std::string_view reload_id) = 0;
  virtual Result<std::vector<MemberState>> Running(Deadline deadline) const = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_GLOBAL_HPP_
