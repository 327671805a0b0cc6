// registry/families.hpp - versions and pin of each (type, name), as the store has them.
#ifndef PLUGRELOAD_REGISTRY_FAMILIES_HPP_
#define PLUGRELOAD_REGISTRY_FAMILIES_HPP_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugreload/registry.hpp"
#include "plugreload/store.hpp"
#include "registry/semver.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {

// Everything about one (type, name).
struct Family {
  struct Entry {
    PluginSpec spec;
    Revision revision = 0;
  };
  std::map<std::string, Entry, VersionLess> versions;  // by canonical version
  std::optional<std::string> pin;
  Revision pin_revision = 0;    // 0: no pin
  Revision guard_revision = 0;  // 0: no guard yet

  // Null when it is not registered.
  const PluginSpec* Find(std::string_view version) const;
};

// Thread safety: none of its own.
class Families {
 public:
  // Never null; an empty family when nothing is known.
  const Family& At(PluginType type, std::string_view name) const;

  // Takes one document in (no value: out). Keys that are not the catalog's are passed over; a
  // document that cannot be read, or that does not belong under its key, counts as absent.
  void Put(std::string_view key, const std::optional<std::string>& value, Revision revision);

  std::vector<PluginSpec> List(PluginType type) const;
  std::vector<Pin> Pins() const;

 private:
  std::map<std::pair<PluginType, std::string>, Family> families_;
  Family none_;  // stays empty
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_REGISTRY_FAMILIES_HPP_
