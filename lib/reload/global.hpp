// reload/global.hpp - what the engine needs of reloads that reach every runtime of the store.
#ifndef PLUGRELOAD_RELOAD_GLOBAL_HPP_
#define PLUGRELOAD_RELOAD_GLOBAL_HPP_

#include <optional>
#include <string>
#include <string_view>

#include "plugreload/reload.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use.
class GlobalReloads {
 public:
  virtual ~GlobalReloads() = default;
  // Commits the request; returns once this runtime has seen it.
  virtual Result<std::string> Submit(const ReloadRequest& request) = 0;
  virtual bool Knows(std::string_view reload_id) const = 0;
  // kAnswer: until this runtime's part is done; kEnd: until every member's is. OK at the deadline.
  virtual Status Wait(std::string_view reload_id, Deadline deadline,
                      ReloadCoordinator::Until until) = 0;
  // Fills in the members and the state of all; makes the report when there is no local part.
  virtual void Describe(std::string_view reload_id, std::optional<ReloadReport>& report) const = 0;
  virtual Status Cancel(std::string_view reload_id) = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_GLOBAL_HPP_
