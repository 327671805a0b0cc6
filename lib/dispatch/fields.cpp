#include "dispatch/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

Status Expected(std::string_view what, const Json& value) {
  return Status(Code::kInvalidArgument, "invalid_field",
                fmt::format("expected {}, got {}", what, value.kind()));
}

Result<Json> ToText(const Json& value) {
  if (value.string() != nullptr) return value;
  if (const auto flag = value.boolean()) return Json(*flag ? "1" : "0");
  if (const auto integer = value.integer()) return Json(fmt::format("{}", *integer));
  if (const auto number = value.number()) return Json(fmt::format("{}", *number));
  return Expected("a string", value);
}

Result<Json> ToBool(const Json& value) {
  if (value.boolean()) return value;
  if (const auto number = value.number()) return Json(*number != 0);
  if (const std::string* text = value.string()) {
    static constexpr std::array<std::string_view, 6> kTrue = {"1",    "t",    "T",
                                                              "true", "TRUE", "True"};
    static constexpr std::array<std::string_view, 7> kFalse = {"",      "0",     "f",    "F",
                                                               "false", "FALSE", "False"};
    if (std::find(kTrue.begin(), kTrue.end(), *text) != kTrue.end()) return Json(true);
    if (std::find(kFalse.begin(), kFalse.end(), *text) != kFalse.end()) return Json(false);
    return Status(Code::kInvalidArgument, "invalid_field",
                  fmt::format("expected true or false, got {}", Quote(*text)));
  }
  return Expected("true or false", value);
}

// Kept as milliseconds.
Result<Json> ToDuration(const Json& value) {
  const auto text = ToText(value);
  if (!text.ok() || value.boolean()) return Expected("a duration", value);
  // A number may have a fraction; a string of digits with one is not Go's.
  const std::string written = *text->string() + (value.number() && !value.integer() ? "s" : "");
  if (const auto duration = ParseDuration(written)) return Json(duration->count());
  return Status(Code::kInvalidArgument, "invalid_field",
                fmt::format("expected a duration such as \"10s\", \"500ms\" or seconds, got {}",
                            Quote(*text->string())));
}

Result<Json> ToStrings(const Json& value) {
  Json::Array list;
  if (value.array() == nullptr) {
    const auto text = ToText(value);
    if (!text.ok()) return Expected("an array of strings", value);
    if (!text->string()->empty()) list.push_back(*text);
    return Json(std::move(list));
  }
  for (const Json& element : *value.array()) {
    auto text = element.is_null() ? Result<Json>(Json("")) : ToText(element);
    if (!text.ok()) return text.status().WithContext(fmt::format("element {}", list.size()));
    list.push_back(*std::move(text));
  }
  return Json(std::move(list));
}

// Elements of an array are not split at commas, a string is.
Result<Json> ToList(const Json& value) {
  Json::Array list;
  if (value.array() != nullptr) {
    auto strings = ToStrings(value);
    if (!strings.ok()) return strings;
    for (const Json& element : *strings->array()) list.push_back(Json(Trim(*element.string())));
    return Json(std::move(list));
  }
  const auto text = ToText(value);
  if (!text.ok()) return Expected("an array or a comma separated string", value);
  std::string_view rest = *text->string();
  if (rest.empty()) return Json(std::move(list));
  for (;;) {
    const std::size_t comma = rest.find(',');
    list.push_back(Json(Trim(rest.substr(0, comma))));
    if (comma == std::string_view::npos) return Json(std::move(list));
    rest.remove_prefix(comma + 1);
  }
}

Result<Json> ToPairs(const Json& value) {
  std::map<std::string, std::string> pairs;
  if (const Json::Object* object = value.object()) {
    for (const Json::Member& member : *object) {
      const auto text = member.value.is_null() ? Result<Json>(Json("")) : ToText(member.value);
      if (!text.ok()) return text.status().WithContext(Quote(member.key));
      pairs.emplace(member.key, *text->string());
    }
    return Json(pairs);
  }
  const auto list = ToStrings(value);
  if (!list.ok()) return Expected("an object or an array of \"key=value\"", value);
  for (const Json& element : *list->array()) {
    const std::string& text = *element.string();
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      // Not shown: it may be a secret, and errors are audited.
      return Status(Code::kInvalidArgument, "invalid_field", "expected \"key=value\"");
    }
    pairs[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return Json(pairs);
}

}  // namespace

Result<Json> ConvertField(FieldKind kind, const Json& value) {
  switch (kind) {
    case FieldKind::kString:
      return ToText(value);
    case FieldKind::kBool:
      return ToBool(value);
    case FieldKind::kDuration:
      return ToDuration(value);
    case FieldKind::kList:
      return ToList(value);
    case FieldKind::kStrings:
      return ToStrings(value);
    case FieldKind::kPairs:
      return ToPairs(value);
    case FieldKind::kMap:
      break;
  }
  if (value.object() == nullptr) return Expected("an object", value);
  return value;
}

std::string TextOf(const Json& object, std::string_view name) {
  const Json* value = object.Find(name);
  if (value == nullptr || value->is_null()) return {};
  const auto text = ToText(*value);
  return text.ok() ? *text->string() : std::string();
}

Result<Fields> Fields::Decode(const Json& raw, std::span<const FieldSpec> specs,
                              const std::map<std::string, std::string>& captures) {
  Fields fields;
  std::vector<std::string> ignored, replaced;
  for (const Json::Member& member : *raw.object()) {
    if (captures.contains(member.key)) {
      if (!member.value.is_null()) replaced.push_back(member.key);
      continue;
    }
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const FieldSpec& candidate) {
      return candidate.name == member.key;
    });
    if (spec == specs.end()) {
      ignored.push_back(member.key);
      continue;
    }
    if (member.value.is_null()) continue;
    auto value = ConvertField(spec->kind, member.value);
    if (!value.ok()) {
      return Status(Code::kInvalidArgument, "invalid_field",
                    fmt::format("Field validation failed: error converting input for field {}: {}",
                                Quote(member.key), value.status().message()));
    }
    fields.values_.Set(member.key, *std::move(value));
  }
  std::sort(ignored.begin(), ignored.end());
  std::sort(replaced.begin(), replaced.end());
  if (!ignored.empty()) {
    fields.warnings_.push_back(
        fmt::format("Endpoint ignored these unrecognized parameters: [{}]", Join(ignored, " ")));
  }
  if (!replaced.empty()) {
    fields.warnings_.push_back(
        fmt::format("Endpoint replaced the value of these parameters with the values captured "
                    "from the endpoint's path: [{}]",
                    Join(replaced, " ")));
  }
  return fields;
}

std::string Fields::String(std::string_view name) const {
  const Json* value = values_.Find(name);
  return value != nullptr ? *value->string() : std::string();
}

bool Fields::Bool(std::string_view name) const {
  const Json* value = values_.Find(name);
  return value != nullptr && *value->boolean();
}

std::vector<std::string> Fields::List(std::string_view name) const {
  std::vector<std::string> list;
  if (const Json* value = values_.Find(name)) {
    for (const Json& element : *value->array()) list.push_back(*element.string());
  }
  return list;
}

std::map<std::string, std::string> Fields::Pairs(std::string_view name) const {
  std::map<std::string, std::string> pairs;
  if (const Json* value = values_.Find(name)) {
    for (const Json::Member& member : *value->object()) {
      pairs.emplace(member.key, *member.value.string());
    }
  }
  return pairs;
}

std::optional<Millis> Fields::Duration(std::string_view name) const {
  const Json* value = values_.Find(name);
  if (value == nullptr) return std::nullopt;
  return Millis(*value->integer());
}

}  // namespace plugreload::internal
