// tests/bench/routes.hpp - the library's tables of a data set, alone: what a look-up is that nobody
// protects.
#ifndef PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_
#define PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/section.hpp"
#include "mounts.hpp"
#include "namespaces/publisher.hpp"
#include "reload/slot.hpp"

namespace plugreload::bench {

class Routes {
 public:
  explicit Routes(const DataSet& data) : publisher_(&domain_) {
    for (const std::string& ns : data.namespaces) publisher_.PutNamespace(ns);
    nodes_.reserve(data.mounts.size());
    for (const MountPath& mount : data.mounts) Put(NewNode(mount));
    publisher_.Commit();
  }

  // With a slot and the generation that serves it.
  std::unique_ptr<internal::MountNode> NewNode(const MountPath& mount) {
    MountEntry entry;
    entry.ns = mount.ns;
    entry.path = mount.path;
    entry.plugin = "kv";
    entry.accessor = "kv_01234567";
    auto shared = std::make_shared<const MountEntry>(std::move(entry));
    auto slot = std::make_shared<internal::Slot>(cells_);
    slot->entry = shared;
    internal::Generation* generation = generations_.Take();
    if (generation == nullptr) std::abort();
    generation->number = 1;
    generation->mount = shared;
    slot->current().store(generation);
    return std::make_unique<internal::MountNode>(std::move(shared), std::move(slot), 0);
  }
  void Put(std::unique_ptr<internal::MountNode> node) {
    node->place = publisher_.next();
    publisher_.PutMount(*node);
    nodes_.push_back(std::move(node));
  }
  internal::SectionDomain& domain() { return domain_; }
  internal::Publisher& publisher() { return publisher_; }
  const std::vector<std::unique_ptr<internal::MountNode>>& nodes() const { return nodes_; }

 private:
  internal::SectionDomain domain_;
  std::shared_ptr<internal::SlotCells> cells_ = std::make_shared<internal::SlotCells>();
  internal::GenerationSlab generations_{&domain_, nullptr};
  std::vector<std::unique_ptr<internal::MountNode>> nodes_;
  internal::Publisher publisher_;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_
