// plugreload/registry.hpp - the versioned plugin catalog with pins.
#ifndef PLUGRELOAD_REGISTRY_HPP_
#define PLUGRELOAD_REGISTRY_HPP_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

namespace internal {
class Catalog;
}

// Which rule decided what runs. "pin", "requested", "stored", "unversioned", "highest".
enum class VersionRule : std::int32_t {
  kPin = 0,          // the pin of (type, name)
  kRequested = 1,    // the version the mount call asked for
  kStored = 2,       // the version stored on the mount
  kUnversioned = 3,  // the unversioned entry
  kHighest = 4,      // the highest registered version; only when mounting
};
PLUGRELOAD_EXPORT std::string_view VersionRuleName(VersionRule rule);

struct Resolution {
  PluginSpec spec;
  VersionRule rule = VersionRule::kUnversioned;
};

struct Pin {
  PluginType type = PluginType::kSecret;
  std::string name;
  std::string version;

  auto operator<=>(const Pin&) const = default;
};

// The catalog: plugins by (type, name, version), and the pinned version of each (type, name).
// One per runtime, owned by it; an image of the runtime's StateStore, so changes of other nodes
// appear by themselves.
//
// Mutators block until the change is in the store and visible here, at most until the deadline:
// kDeadlineExceeded (nothing was changed) or kUnknown (it may have been). No mutator touches a
// running instance: a new version or pin takes effect at the next start or reload.
//
// Thread safety: safe for concurrent use; readers never wait for a writer's I/O.
class PLUGRELOAD_EXPORT PluginRegistry {
 public:
  explicit PluginRegistry(std::shared_ptr<internal::Catalog> catalog);
  ~PluginRegistry();
  PluginRegistry(const PluginRegistry&) = delete;
  PluginRegistry& operator=(const PluginRegistry&) = delete;

  // Adds the entry, or replaces the one with the same type, name and version. The version is made
  // canonical as Vault does ("1.2" becomes "v1.2.0"). kInvalidArgument, with the reason of the
  // field, when: the name is empty, longer than 256 bytes or has a NUL; the version is not
  // semantic ("invalid_version") or claims the metadata "builtin" ("reserved_version"); the
  // launcher is not bound; the command has "..", a NUL, is relative without a plugin directory, or
  // leaves that directory through a symlink, or is empty for the process launcher; an env entry
  // is not KEY=value; sha256 is not 64 hex digits ("invalid_sha256"), or is missing although the
  // runtime does not allow that ("missing_sha256"). Whether the file matches its sha256 is checked
  // when it is started.
  Status Register(PluginSpec spec, Deadline deadline = After(kDefaultMutationTimeout));

  // Removes one version ("" = the unversioned entry). kFailedPrecondition: "pinned_version".
  // kNotFound when there is none. Running instances go on; the next reload of a mount that still
  // resolves to it fails and keeps its old instance. Whether it is in use is the coordinator's to
  // know: see ReloadCoordinator::InUse.
  Status Deregister(const PluginRef& ref, Deadline deadline = After(kDefaultMutationTimeout));

  // Makes ref.version what runs at the next start or reload of (type, name), whatever a mount
  // says. A restart after a crash is neither: it runs the version that ran, so that nobody gets a
  // new version who has not asked for it. kNotFound when it is not registered; kInvalidArgument for
  // a version that is empty ("missing_version") or not semantic.
  Status SetPin(const PluginRef& ref, Deadline deadline = After(kDefaultMutationTimeout));
  // Idempotent.
  Status Unpin(PluginType type, std::string_view name,
               Deadline deadline = After(kDefaultMutationTimeout));
  // nullopt: not pinned.
  std::optional<Pin> FindPin(PluginType type, std::string_view name) const;
  // Sorted by type, then name.
  std::vector<Pin> Pins() const;

  // What a new mount of (type, name) runs: the pin, else `requested` (when not empty), else the
  // unversioned entry, else the highest version. kFailedPrecondition "pinned_version" when a
  // version is requested and another one is pinned; kNotFound "plugin_not_found". With
  // `override_pinned` a version that is requested beats the pin.
  Result<Resolution> ResolveForMount(PluginType type, std::string_view name,
                                     std::string_view requested,
                                     bool override_pinned = false) const;
  // What an existing mount runs at start and reload: the pin, else `stored` (when not empty), else
  // the unversioned entry. kNotFound "plugin_not_found". With `override_pinned` a stored version
  // beats the pin.
  Result<Resolution> Resolve(PluginType type, std::string_view name, std::string_view stored,
                             bool override_pinned = false) const;

  // Exactly this entry; nullopt when it is not registered.
  std::optional<PluginSpec> Find(const PluginRef& ref) const;
  // All entries of a type (kUnknown: of all types), by type, name and semantic version ascending;
  // the unversioned entry before the versions.
  std::vector<PluginSpec> List(PluginType type) const;

 private:
  std::shared_ptr<internal::Catalog> catalog_;
};

// Vault's canonical form of a version: "v" and three numbers or more, pre-release and metadata
// kept. kInvalidArgument "invalid_version".
PLUGRELOAD_EXPORT Result<std::string> CanonicalVersion(std::string_view text);

}  // namespace plugreload

#endif  // PLUGRELOAD_REGISTRY_HPP_
