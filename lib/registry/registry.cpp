#include "plugreload/registry.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "registry/catalog.hpp"

namespace plugreload {

std::string_view VersionRuleName(VersionRule rule) {
  static constexpr std::array<std::string_view, 5> kNames = {"pin", "requested", "stored",
                                                             "unversioned", "highest"};
  const auto index = static_cast<std::size_t>(rule);
  return index < kNames.size() ? kNames[index] : "invalid";
}

PluginRegistry::PluginRegistry(std::shared_ptr<internal::Catalog> catalog)
    : catalog_(std::move(catalog)) {}

PluginRegistry::~PluginRegistry() = default;

Status PluginRegistry::Register(PluginSpec spec, Deadline deadline) {
  return catalog_->Register(std::move(spec), deadline);
}

Status PluginRegistry::Deregister(const PluginRef& ref, Deadline deadline) {
  return catalog_->Deregister(ref, deadline);
}

Status PluginRegistry::SetPin(const PluginRef& ref, Deadline deadline) {
  return catalog_->SetPin(ref, deadline);
}

Status PluginRegistry::Unpin(PluginType type, std::string_view name, Deadline deadline) {
  return catalog_->Unpin(type, name, deadline);
}

std::optional<Pin> PluginRegistry::FindPin(PluginType type, std::string_view name) const {
  return catalog_->FindPin(type, name);
}

std::vector<Pin> PluginRegistry::Pins() const { return catalog_->Pins(); }

Result<Resolution> PluginRegistry::ResolveForMount(PluginType type, std::string_view name,
                                                   std::string_view requested,
                                                   bool override_pinned) const {
  return catalog_->ResolveForMount(type, name, requested, override_pinned);
}
Result<Resolution> PluginRegistry::Resolve(PluginType type, std::string_view name,
                                           std::string_view stored, bool override_pinned) const {
  return catalog_->Resolve(type, name, stored, override_pinned);
}
std::optional<PluginSpec> PluginRegistry::Find(const PluginRef& ref) const {
  return catalog_->Find(ref);
}

std::vector<PluginSpec> PluginRegistry::List(PluginType type) const { return catalog_->List(type); }

}  // namespace plugreload
