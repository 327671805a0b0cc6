// registry/catalog.hpp - the image of plugins and pins behind PluginRegistry.
#ifndef PLUGRELOAD_REGISTRY_CATALOG_HPP_
#define PLUGRELOAD_REGISTRY_CATALOG_HPP_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/registry.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

struct CatalogOptions {
  std::string plugin_directory;
  std::set<std::string> launchers;  // names that are bound
  bool allow_unhashed = false;
};

class Catalog : public StateImage {
 public:
  static std::shared_ptr<Catalog> Create(CatalogOptions options);

  // Called once, before the first mutator.
  virtual void Bind(Applier* applier) = 0;

  // What Register would refuse whatever the state; of a spec without type all but that.
  virtual Status Check(PluginSpec spec) const = 0;
  // As in PluginRegistry.
  virtual Status Register(PluginSpec spec, Deadline deadline) = 0;
  virtual Status Deregister(const PluginRef& ref, Deadline deadline) = 0;
  virtual Status SetPin(const PluginRef& ref, Deadline deadline) = 0;
  // What SetPin would commit now, or Unpin for an empty version, to be committed with something
  // else; inside an Applier::Edit.
  virtual Result<std::vector<Change>> PinChanges(const PluginRef& ref) const = 0;
  virtual Status Unpin(PluginType type, std::string_view name, Deadline deadline) = 0;
  virtual std::optional<Pin> FindPin(PluginType type, std::string_view name) const = 0;
  virtual std::vector<Pin> Pins() const = 0;
  virtual Result<Resolution> ResolveForMount(PluginType type, std::string_view name,
                                             std::string_view requested,
                                             bool override_pinned) const = 0;
  // For what is committed because ResolveForMount chose this version: a compare that fails when the
  // pin has become another one. kAborted "version_changed" when it would choose another version
  // now. Inside an Applier::Edit.
  virtual Result<std::vector<Change>> WhileChosen(PluginType type, std::string_view name,
                                                  std::string_view requested, bool override_pinned,
                                                  std::string_view chosen) const = 0;
  virtual Result<Resolution> Resolve(PluginType type, std::string_view name,
                                     std::string_view stored, bool override_pinned) const = 0;
  virtual std::optional<PluginSpec> Find(const PluginRef& ref) const = 0;
  virtual std::vector<PluginSpec> List(PluginType type) const = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_REGISTRY_CATALOG_HPP_
