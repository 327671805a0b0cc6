// contract/store_node.hpp - catalog and tree on a store: what one node of a cluster has.
#ifndef PLUGRELOAD_TESTS_CONTRACT_STORE_NODE_HPP_
#define PLUGRELOAD_TESTS_CONTRACT_STORE_NODE_HPP_

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/section.hpp"
#include "namespaces/tree.hpp"
#include "registry/catalog.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// Parts are destroyed in the reverse order: the applier first.
struct StoreNode {
  explicit StoreNode(std::shared_ptr<StateStore> on = NewMemoryStore(),
                     MountObserver* observer = nullptr,
                     CatalogOptions options = {"/plugins", {"process", "callback"}, true})
      : store(std::move(on)), catalog(Catalog::Create(std::move(options))) {
    if (observer != nullptr) tree->Observe(observer);
    auto opened = Applier::Open(store, {catalog.get(), tree.get()}, After(Millis(30'000)));
    if (!opened.ok()) throw std::runtime_error(opened.status().ToString());
    applier = *std::move(opened);
    catalog->Bind(applier.get());
    tree->Bind(applier.get());
  }

  std::shared_ptr<StateStore> store;
  SectionDomain domain;
  std::shared_ptr<Catalog> catalog;
  std::shared_ptr<Tree> tree = Tree::Create(&domain);
  std::unique_ptr<Applier> applier;
};

inline PluginSpec Spec(std::string name, std::string version,
                       PluginType type = PluginType::kSecret) {
  PluginSpec spec;
  spec.ref = {type, std::move(name), std::move(version)};
  spec.command = "/plugins/program";
  return spec;
}

inline MountEntry Entry(std::string ns, std::string path, std::string plugin = "kv",
                        PluginType type = PluginType::kSecret) {
  MountEntry entry;
  entry.ns = std::move(ns);
  entry.path = std::move(path);
  entry.type = type;
  entry.plugin = std::move(plugin);
  return entry;
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_TESTS_CONTRACT_STORE_NODE_HPP_
