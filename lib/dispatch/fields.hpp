// dispatch/fields.hpp - the typed fields of an endpoint, converted as leniently as Vault does.
#ifndef PLUGRELOAD_DISPATCH_FIELDS_HPP_
#define PLUGRELOAD_DISPATCH_FIELDS_HPP_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// kString takes numbers and booleans; kBool takes numbers and "true"; kDuration "10s" or seconds;
// kList an array, or a string that is split at commas, elements trimmed; kStrings an array or one
// string, as they are; kPairs an object, or an array of "key=value"; kMap an object as it is.
enum class FieldKind { kString, kBool, kDuration, kList, kStrings, kPairs, kMap };

struct FieldSpec {
  std::string_view name;
  FieldKind kind = FieldKind::kString;
};

// What an endpoint was given, by the names it declares. null is the same as absent.
//
// Thread safety: a const Fields may be shared.
class Fields {
 public:
  // `captures` (from the path) win over what has the same name in `raw`. kInvalidArgument
  // "Field validation failed: ..." for a value that cannot be converted. REQUIRES: raw is an
  // object.
  static Result<Fields> Decode(const Json& raw, std::span<const FieldSpec> specs,
                               const std::map<std::string, std::string>& captures);

  bool Has(std::string_view name) const { return values_.Find(name) != nullptr; }
  // The empty value when absent. REQUIRES: the field is declared with that kind.
  std::string String(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;
  std::map<std::string, std::string> Pairs(std::string_view name) const;
  std::optional<Millis> Duration(std::string_view name) const;
  const Json* Map(std::string_view name) const { return values_.Find(name); }

  // The framework's warnings: unrecognised fields, and fields replaced by captures.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Json values_{Json::Object{}};
  std::vector<std::string> warnings_;
};

// One value converted to the form of its kind. kInvalidArgument with what was expected.
Result<Json> ConvertField(FieldKind kind, const Json& value);

// The text that a kString of this name becomes; empty when there is none, or one that is refused.
std::string TextOf(const Json& object, std::string_view name);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_FIELDS_HPP_
