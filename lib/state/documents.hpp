// state/documents.hpp - what stands in the store's documents, as JSON.
#ifndef PLUGRELOAD_STATE_DOCUMENTS_HPP_
#define PLUGRELOAD_STATE_DOCUMENTS_HPP_

#include <string>
#include <string_view>

#include "plugreload/namespaces.hpp"
#include "plugreload/registry.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// A document carries the whole object, its identity included. Fields that are missing have their
// defaults and unknown ones are passed over, so that nodes of neighbouring versions share a store.
std::string EncodePlugin(const PluginSpec& spec);
std::string EncodePin(const Pin& pin);
std::string EncodeNamespace(const NamespaceInfo& info);
std::string EncodeMount(const MountEntry& entry);

// kDataLoss "invalid_document": not JSON, without identity, or with a value of the wrong kind.
Result<PluginSpec> DecodePlugin(std::string_view text);
Result<Pin> DecodePin(std::string_view text);
Result<NamespaceInfo> DecodeNamespace(std::string_view text);
Result<MountEntry> DecodeMount(std::string_view text);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_STATE_DOCUMENTS_HPP_
