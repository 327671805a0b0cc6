// namespaces/edits.hpp - what a change of the tree commits, and the rules that it checks.
#ifndef PLUGRELOAD_NAMESPACES_EDITS_HPP_
#define PLUGRELOAD_NAMESPACES_EDITS_HPP_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "namespaces/model.hpp"

namespace plugreload::internal {

// Each is computed against a model and holds only if the guards it names are still the same when
// it is committed. A namespace lives as long as its guard: whatever adds to it compares that.
using Edit = Result<std::vector<Change>>;

Edit EditCreate(const TreeModel& model, const NamespaceInfo& info);
Edit EditMetadata(const TreeModel& model, std::string_view ns,
                  const std::map<std::string, std::string>& custom_metadata);
Edit EditRemove(const TreeModel& model, std::string_view ns);

// `entry` is canonical; an empty accessor is filled in.
Edit EditAddMount(const TreeModel& model, MountEntry& entry);
Edit EditRemoveMount(const TreeModel& model, std::string_view ns, std::string_view path);
// `to` is canonical but for its mount: where that type may lie is checked here.
Edit EditMove(const TreeModel& model, const MountId& from, const MountId& to);
Edit EditTune(const TreeModel& model, std::string_view ns, std::string_view path,
              const MountTune& tune);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_EDITS_HPP_
