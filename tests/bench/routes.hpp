// tests/bench/routes.hpp - the library's tables of a data set, alone: what a look-up is that nobody
// protects.
#ifndef PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_
#define PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_

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
    auto node = std::make_unique<internal::MountNode>();
    node->entry.ns = mount.ns;
    node->entry.path = mount.path;
    node->entry.plugin = "kv";
    node->entry.accessor = "kv_01234567";
    auto slot = std::make_shared<internal::Slot>();
    generations_.push_back(std::make_unique<internal::Generation>());
    generations_.back()->number = 1;
    slot->current.store(generations_.back().get());
    node->attachment = std::move(slot);
    return node;
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
  std::vector<std::unique_ptr<internal::Generation>> generations_;
  std::vector<std::unique_ptr<internal::MountNode>> nodes_;
  internal::Publisher publisher_;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_ROUTES_HPP_
