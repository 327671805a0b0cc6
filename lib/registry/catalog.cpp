#include "registry/catalog.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/mutex.hpp"
#include "registry/families.hpp"
#include "registry/validate.hpp"
#include "state/documents.hpp"

namespace plugreload::internal {
namespace {

Status NotInCatalog(std::string_view name, std::string_view version) {
  return Status(Code::kNotFound, "plugin_not_found",
                fmt::format("plugin not found in the catalog: {}{}{}", name,
                            version.empty() ? "" : ", version=", version));
}

// "" stays "", the unversioned entry.
Result<std::string> CanonicalOrEmpty(std::string_view version) {
  return version.empty() ? std::string() : CanonicalVersion(version);
}

Change Guard(PluginType type, std::string_view name, const Family& family) {
  return {PluginGuardKey(type, name), std::string(kGuardText), family.guard_revision};
}

Result<Resolution> Choose(const Family& family, std::string_view name, std::string_view version,
                          VersionRule rule) {
  const PluginSpec* spec = family.Find(version);
  if (spec == nullptr) return NotInCatalog(name, version);
  return Resolution{*spec, rule};
}

class StoreCatalog : public Catalog {
 public:
  explicit StoreCatalog(CatalogOptions options) : options_(std::move(options)) {}

  void Bind(Applier* applier) override { applier_ = applier; }

  void Reset(const Snapshot& snapshot) override {
    Families fresh;
    for (const Document& document : snapshot.documents) {
      fresh.Put(document.key, document.value, document.revision);
    }
    MutexLock lock(mutex_);
    std::swap(families_, fresh);
  }

  void Apply(const WatchBatch& batch) override {
    MutexLock lock(mutex_);
    for (const auto& item : batch.items) families_.Put(item.key, item.value, batch.revision);
  }

  Status Check(PluginSpec spec) const override {
    if (spec.ref.type == PluginType::kUnknown) spec.ref.type = PluginType::kSecret;
    return ValidateSpec(options_, spec);
  }

  Status Register(PluginSpec spec, Deadline deadline) override {
    if (Status valid = ValidateSpec(options_, spec); !valid.ok()) return valid;
    const Change change{PluginKey(spec.ref), EncodePlugin(spec), std::nullopt};
    return applier_->Commit([&] { return std::vector{change}; }, deadline);
  }

  Status Deregister(const PluginRef& ref, Deadline deadline) override;
  Status SetPin(const PluginRef& ref, Deadline deadline) override;
  Result<std::vector<Change>> PinChanges(const PluginRef& ref) const override;
  Status Unpin(PluginType type, std::string_view name, Deadline deadline) override;

  std::optional<Pin> FindPin(PluginType type, std::string_view name) const override {
    MutexLock lock(mutex_);
    const Family& family = families_.At(type, name);
    if (!family.pin) return std::nullopt;
    return Pin{type, std::string(name), *family.pin};
  }

  std::vector<Pin> Pins() const override {
    MutexLock lock(mutex_);
    return families_.Pins();
  }

  Result<Resolution> ResolveForMount(PluginType type, std::string_view name,
                                     std::string_view requested,
                                     bool override_pinned) const override;
  Result<std::vector<Change>> WhileChosen(PluginType type, std::string_view name,
                                          std::string_view requested, bool override_pinned,
                                          std::string_view chosen) const override;
  Result<Resolution> Resolve(PluginType type, std::string_view name, std::string_view stored,
                             bool override_pinned) const override;

  std::optional<PluginSpec> Find(const PluginRef& ref) const override {
    const Result<std::string> version = CanonicalOrEmpty(ref.version);
    if (!version.ok()) return std::nullopt;
    MutexLock lock(mutex_);
    const PluginSpec* spec = families_.At(ref.type, ref.name).Find(*version);
    return spec == nullptr ? std::nullopt : std::optional(*spec);
  }

  std::vector<PluginSpec> List(PluginType type) const override {
    MutexLock lock(mutex_);
    return families_.List(type);
  }

 private:
  const CatalogOptions options_;
  Applier* applier_ = nullptr;
  // Held for look-ups and updates in memory only.
  mutable Mutex mutex_;
  Families families_ PLUGRELOAD_GUARDED_BY(mutex_);
};

Status StoreCatalog::Deregister(const PluginRef& ref, Deadline deadline) {
  if (Status valid = ValidateIdentity(ref.type, ref.name); !valid.ok()) return valid;
  const Result<std::string> version = CanonicalOrEmpty(ref.version);
  if (!version.ok()) return version.status();
  const auto edit = [&]() -> Result<std::vector<Change>> {
    MutexLock lock(mutex_);
    const Family& family = families_.At(ref.type, ref.name);
    const auto found = family.versions.find(*version);
    if (found == family.versions.end()) return NotInCatalog(ref.name, *version);
    if (family.pin == *version) {
      return Status(Code::kFailedPrecondition, "pinned_version", "cannot delete a pinned version");
    }
    return std::vector{
        Change{PluginKey({ref.type, ref.name, *version}), std::nullopt, found->second.revision},
        Guard(ref.type, ref.name, family)};
  };
  return applier_->Commit(edit, deadline, {PluginKey({ref.type, ref.name, *version})});
}

Status StoreCatalog::SetPin(const PluginRef& ref, Deadline deadline) {
  if (ref.version.empty()) {
    return Status(Code::kInvalidArgument, "missing_version", "missing plugin version");
  }
  return applier_->Commit([&] { return PinChanges(ref); }, deadline,
                          {PluginPrefix(ref.type, ref.name)});
}

Result<std::vector<Change>> StoreCatalog::PinChanges(const PluginRef& ref) const {
  if (Status valid = ValidateIdentity(ref.type, ref.name); !valid.ok()) return valid;
  const Result<std::string> version = CanonicalOrEmpty(ref.version);
  if (!version.ok()) return version.status();
  MutexLock lock(mutex_);
  const Family& family = families_.At(ref.type, ref.name);
  if (version->empty()) {
    if (family.pin_revision == 0) return std::vector<Change>();
    return std::vector{Change{PinKey(ref.type, ref.name), std::nullopt, family.pin_revision},
                       Guard(ref.type, ref.name, family)};
  }
  if (family.Find(*version) == nullptr) {
    return Status(Code::kNotFound, "plugin_not_found",
                  fmt::format("plugin not found in the catalog; {} plugin \"{}\" version {} does "
                              "not exist",
                              PluginTypeName(ref.type), ref.name, *version));
  }
  return std::vector{
      Change{PinKey(ref.type, ref.name), EncodePin({ref.type, ref.name, *version}), std::nullopt},
      Guard(ref.type, ref.name, family)};
}

Status StoreCatalog::Unpin(PluginType type, std::string_view name, Deadline deadline) {
  const PluginRef none{type, std::string(name), ""};
  return applier_->Commit([&] { return PinChanges(none); }, deadline);
}

Result<Resolution> StoreCatalog::ResolveForMount(PluginType type, std::string_view name,
                                                 std::string_view requested,
                                                 bool override_pinned) const {
  const Result<std::string> version = CanonicalOrEmpty(requested);
  if (!version.ok()) return version.status();
  MutexLock lock(mutex_);
  const Family& family = families_.At(type, name);
  if (family.pin && !(override_pinned && !version->empty())) {
    if (version->empty() || *version == *family.pin) {
      return Choose(family, name, *family.pin, VersionRule::kPin);
    }
    return Status(Code::kFailedPrecondition, "pinned_version",
                  fmt::format("cannot specify plugin_version for {} plugin \"{}\", as it is pinned "
                              "to version {}",
                              PluginTypeName(type), name, *family.pin));
  }
  if (!version->empty()) return Choose(family, name, *version, VersionRule::kRequested);
  if (family.Find("") != nullptr || family.versions.empty()) {
    return Choose(family, name, "", VersionRule::kUnversioned);
  }
  return Choose(family, name, family.versions.rbegin()->first, VersionRule::kHighest);
}

Result<std::vector<Change>> StoreCatalog::WhileChosen(PluginType type, std::string_view name,
                                                      std::string_view requested,
                                                      bool override_pinned,
                                                      std::string_view chosen) const {
  const Result<Resolution> now = ResolveForMount(type, name, requested, override_pinned);
  if (!now.ok()) return now.status();
  if (now->spec.ref.version != chosen) {
    return Status(Code::kAborted, "version_changed",
                  fmt::format("the plugin {} is to run as {} by now", name, now->spec.ref.version));
  }
  MutexLock lock(mutex_);
  return std::vector{
      Change{PinKey(type, name), std::nullopt, families_.At(type, name).pin_revision, true}};
}

Result<Resolution> StoreCatalog::Resolve(PluginType type, std::string_view name,
                                         std::string_view stored, bool override_pinned) const {
  const Result<std::string> version = CanonicalOrEmpty(stored);
  if (!version.ok()) return version.status();
  MutexLock lock(mutex_);
  const Family& family = families_.At(type, name);
  const bool overridden = override_pinned && !version->empty();
  if (family.pin && !overridden) return Choose(family, name, *family.pin, VersionRule::kPin);
  return Choose(family, name, *version,
                version->empty() ? VersionRule::kUnversioned : VersionRule::kStored);
}

}  // namespace

std::shared_ptr<Catalog> Catalog::Create(CatalogOptions options) {
  return std::make_shared<StoreCatalog>(std::move(options));
}

}  // namespace plugreload::internal
