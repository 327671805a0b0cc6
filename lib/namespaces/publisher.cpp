#include "namespaces/publisher.hpp"

#include <utility>

namespace plugreload::internal {

Publisher::~Publisher() { delete table_.load(std::memory_order_relaxed); }

void Publisher::Prepare(const TreeModel& model, const std::set<std::string>& touched) {
  const RouteTable* present = table_.load(std::memory_order_relaxed);
  auto table =
      present == nullptr ? std::make_unique<RouteTable>() : std::make_unique<RouteTable>(*present);
  for (const std::string& ns : touched) {
    std::unique_ptr<const NamespaceRoutes>& slot = routes_[ns];
    if (slot != nullptr) {
      // The key in the table is a part of the old routes: it goes before they do.
      table->Remove(slot->path());
      replaced_.push_back(std::move(slot));
    }
    if (model.FindNamespace(ns) == nullptr) {
      routes_.erase(ns);
      continue;
    }
    slot = std::make_unique<const NamespaceRoutes>(ns, model);
    table->Put(slot.get());
  }
  next_ = std::move(table);
}

void Publisher::Commit() {
  const std::unique_ptr<const RouteTable> old(table_.load(std::memory_order_relaxed));
  table_.store(next_.release(), kSectionRelease);
  domain_->Grace();
  replaced_.clear();
}

}  // namespace plugreload::internal
