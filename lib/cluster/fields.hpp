// cluster/fields.hpp - reading and writing the members of this room's documents.
#ifndef PLUGRELOAD_CLUSTER_FIELDS_HPP_
#define PLUGRELOAD_CLUSTER_FIELDS_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// What is missing or of another kind reads as empty, 0 or false: a document of a newer version has
// more members, never fewer.
inline std::string Text(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}
inline std::optional<std::int64_t> Number(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value == nullptr ? std::nullopt : value->integer();
}
inline bool Flag(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->boolean().value_or(false);
}
inline std::size_t Size(const Json& json, std::string_view key) {
  return static_cast<std::size_t>(Number(json, key).value_or(0));
}
inline std::optional<Millis> Timeout(const Json& json, std::string_view key) {
  const auto number = Number(json, key);
  return number ? std::optional(Millis(*number)) : std::nullopt;
}
template <typename Enum>
Enum Choice(const Json& json, std::string_view key) {
  return static_cast<Enum>(Number(json, key).value_or(0));
}
template <typename Enum>
std::int64_t Plain(Enum value) {
  return static_cast<std::int64_t>(value);
}

inline Json PluginToJson(const PluginRef& ref) {
  return Json::Object{{"type", Plain(ref.type)}, {"name", ref.name}, {"version", ref.version}};
}
inline PluginRef PluginFromJson(const Json& json) {
  return {Choice<PluginType>(json, "type"), Text(json, "name"), Text(json, "version")};
}

// Calls `take` with each element of an array member.
template <typename Take>
void ForEach(const Json& json, std::string_view key, const Take& take) {
  const Json* list = json.Find(key);
  if (list == nullptr || list->array() == nullptr) return;
  for (const Json& item : *list->array()) take(item);
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_CLUSTER_FIELDS_HPP_
