// namespaces/publisher.hpp - the one pointer that readers of the tree follow.
#ifndef PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
#define PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/section.hpp"
#include "namespaces/routes.hpp"

namespace plugreload::internal {

// Keeps the published tables, and the replaced ones until no reader can hold them.
//
// Thread safety: Resolve from any thread inside a section of the domain; Publish from one thread
// at a time, outside of any.
class Publisher {
 public:
  explicit Publisher(SectionDomain* domain) : domain_(domain) {}
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // A change in two steps: Prepare makes the routes of these namespaces anew (or drops them, when
  // the model does not have them); Commit publishes and returns when no reader uses the old ones.
  void Prepare(const TreeModel& model, const std::set<std::string>& touched);
  void Commit();

  Tree::Lookup Resolve(std::string_view ns, std::string_view path) const {
    const RouteTable* table = table_.load(kSectionAcquire);
    return table == nullptr ? Tree::Lookup{nullptr, false, path} : table->Resolve(ns, path);
  }

 private:
  SectionDomain* const domain_;
  std::atomic<const RouteTable*> table_{nullptr};
  // The publishing thread's.
  std::map<std::string, std::unique_ptr<const NamespaceRoutes>> routes_;
  std::vector<std::unique_ptr<const NamespaceRoutes>> replaced_;
  std::unique_ptr<const RouteTable> next_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PUBLISHER_HPP_
