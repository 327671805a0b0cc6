#include "registry/families.hpp"

#include "state/documents.hpp"

namespace plugreload::internal {
namespace {

void PutVersion(Family& family, const PluginRef& ref, const std::optional<std::string>& value,
                Revision revision) {
  family.versions.erase(ref.version);
  if (!value) return;
  Result<PluginSpec> spec = DecodePlugin(*value);
  if (spec.ok() && spec->ref == ref) family.versions[ref.version] = {*std::move(spec), revision};
}

void PutPin(Family& family, const PluginRef& ref, const std::optional<std::string>& value,
            Revision revision) {
  family.pin.reset();
  family.pin_revision = value ? revision : 0;
  if (!value) return;
  Result<Pin> pin = DecodePin(*value);
  if (pin.ok() && pin->type == ref.type && pin->name == ref.name) family.pin = pin->version;
}

}  // namespace

const PluginSpec* Family::Find(std::string_view version) const {
  const auto found = versions.find(version);
  return found == versions.end() ? nullptr : &found->second.spec;
}

const Family& Families::At(PluginType type, std::string_view name) const {
  const auto found = families_.find({type, std::string(name)});
  return found == families_.end() ? none_ : found->second;
}

void Families::Put(std::string_view key, const std::optional<std::string>& value,
                   Revision revision) {
  const std::optional<StateKey> parsed = ParseStateKey(key);
  if (!parsed) return;
  const auto id = std::pair(parsed->plugin.type, parsed->plugin.name);
  switch (parsed->kind) {
    case KeyKind::kPlugin:
      return PutVersion(families_[id], parsed->plugin, value, revision);
    case KeyKind::kPin:
      return PutPin(families_[id], parsed->plugin, value, revision);
    case KeyKind::kPluginGuard:
      families_[id].guard_revision = value ? revision : 0;
      return;
    case KeyKind::kNamespace:
    case KeyKind::kMount:
    case KeyKind::kNamespaceGuard:
      return;
  }
}

std::vector<PluginSpec> Families::List(PluginType type) const {
  std::vector<PluginSpec> specs;
  for (const auto& [id, family] : families_) {
    if (type != PluginType::kUnknown && id.first != type) continue;
    for (const auto& [version, entry] : family.versions) specs.push_back(entry.spec);
  }
  return specs;
}

std::vector<Pin> Families::Pins() const {
  std::vector<Pin> pins;
  for (const auto& [id, family] : families_) {
    if (family.pin) pins.push_back({id.first, id.second, *family.pin});
  }
  return pins;
}

}  // namespace plugreload::internal
