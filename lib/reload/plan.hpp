// reload/plan.hpp - which mounts a request covers, and what would run in each.
#ifndef PLUGRELOAD_RELOAD_PLAN_HPP_
#define PLUGRELOAD_RELOAD_PLAN_HPP_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "namespaces/tree.hpp"
#include "plugreload/reload.hpp"
#include "registry/catalog.hpp"
#include "reload/slots.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// The mount that a request names, in the forms that Vault takes: "kv", "kv/", "auth/x",
// "sys/auth/x".
std::string MountPathOf(std::string_view path);

struct PlannedMount {
  std::shared_ptr<const MountNode> node;  // made up when there is no such mount
  std::shared_ptr<Slot> slot;             // null: there is no such mount
  Status status;                          // why it cannot be reloaded
  bool skip = false;                      // `status` says why there is nothing to do
  Order order = Order::kStartFirst;
  std::shared_ptr<const Resolution> resolution;  // what would run
  std::size_t group = 0;                         // of Planned::keys
  Slots::Seen now;

  const MountEntry& entry() const { return node->entry; }
};

struct Planned {
  Revision revision = 0;
  std::vector<PlannedMount> mounts;  // by namespace, then path
  // The process keys: mounts with the same one share a new instance.
  std::vector<std::string> keys;
};

// The mounts that would share one new instance.
std::vector<std::shared_ptr<Slot>> SlotsOf(const Planned& planned, std::size_t group);

// Thread safety: safe for concurrent use; const throughout.
class Planner {
 public:
  Planner(const Catalog* catalog, const Tree* tree, const Slots* slots, const Applier* applier)
      : catalog_(catalog), tree_(tree), slots_(slots), applier_(applier) {}

  // What is wrong with the request whatever is mounted.
  Status Check(const ReloadRequest& request) const;
  // kNotFound "namespace_not_found".
  Result<Planned> Plan(const ReloadRequest& request) const;
  // The plan as a caller sees it.
  Result<ReloadPlan> DryRun(const ReloadRequest& request) const;
  // The names of the plugins it concerns: reloads that share one do not run at the same time.
  std::set<std::string> Names(const ReloadRequest& request) const;

 private:
  std::vector<PlannedMount> Find(const ReloadRequest& request, const std::string& ns) const;
  class Resolver;
  static void Complete(const ReloadRequest& request, Resolver& resolver, PlannedMount& mount);

  const Catalog* const catalog_;
  const Tree* const tree_;
  const Slots* const slots_;
  const Applier* const applier_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_PLAN_HPP_
