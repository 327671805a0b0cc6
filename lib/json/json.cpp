#include "json/json.hpp"

#include <algorithm>
#include <cmath>

namespace plugreload::internal {

Json::Json() = default;

Json::Json(std::nullptr_t) {}

Json::Json(const Scalar& value) {
  std::visit([this](auto scalar) { value_ = scalar; }, value);
}

Json::Json(double value) : value_(value) {}

Json::Json(const char* value) : value_(std::string(value)) {}

Json::Json(std::string value) : value_(std::move(value)) {}

Json::Json(std::string_view value) : value_(std::string(value)) {}

Json::Json(Array value) : value_(std::move(value)) {}

Json::Json(Object value) : value_(std::move(value)) {}

Json::Json(const std::map<std::string, std::string>& value) {
  Object object;
  object.reserve(value.size());
  for (const auto& [key, text] : value) object.push_back({key, text});
  value_ = std::move(object);
}

Json::Json(const std::vector<std::string>& value) : value_(Array(value.begin(), value.end())) {}

std::optional<bool> Json::boolean() const {
  const bool* value = std::get_if<bool>(&value_);
  return value == nullptr ? std::nullopt : std::optional<bool>(*value);
}

std::optional<std::int64_t> Json::integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  const double* value = std::get_if<double>(&value_);
  // 2^63 itself is out of range; both bounds are exact doubles.
  if (value == nullptr || !(*value >= -0x1p63 && *value < 0x1p63)) return std::nullopt;
  if (std::trunc(*value) != *value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> Json::number() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  const double* value = std::get_if<double>(&value_);
  return value == nullptr ? std::nullopt : std::optional<double>(*value);
}

std::string_view Json::kind() const {
  static constexpr std::string_view kKinds[] = {"null",   "bool",  "number", "number",
                                                "string", "array", "object"};
  return kKinds[value_.index()];
}

const Json* Json::Find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == members->end() ? nullptr : &found->value;
}

Json& Json::Set(std::string_view key, Json value) {
  if (is_null()) value_ = Object();
  Object& members = std::get<Object>(value_);
  for (Member& member : members) {
    if (member.key != key) continue;
    member.value = std::move(value);
    return *this;
  }
  members.push_back({std::string(key), std::move(value)});
  return *this;
}

Json& Json::Add(Json value) {
  if (is_null()) value_ = Array();
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

bool Json::operator==(const Json& other) const { return value_ == other.value_; }

}  // namespace plugreload::internal
