// json/json.hpp - JSON values, read with limits and written; the only room that knows RapidJSON.
#ifndef PLUGRELOAD_JSON_JSON_HPP_
#define PLUGRELOAD_JSON_JSON_HPP_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "plugreload/status.hpp"

namespace plugreload::internal {

template <typename Value>
struct JsonMember {
  std::string key;
  Value value;

  bool operator==(const JsonMember&) const = default;
};

// One JSON value. Objects keep the order in which their members were added.
//
//   Json reply(Json::Object{{"data", Json::Object{{"keys", Json::Array{"a", "b"}}}}});
//   reply.Set("warnings", nullptr);
//   if (const Json* version = body.Find("version")) ... version->string() ...
//
// Thread safety: a const Json may be shared; distinct copies are independent.
class Json {
 public:
  using Member = JsonMember<Json>;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  // Implicit on purpose, so that builders read like JSON.
  // NOLINTBEGIN(google-explicit-constructor)
  Json();  // null
  Json(std::nullptr_t);
  Json(std::same_as<bool> auto value) : Json(Scalar{value}) {}
  // An integer above the range of int64 becomes a double.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value)
      : Json(std::in_range<std::int64_t>(value) ? Scalar{static_cast<std::int64_t>(value)}
                                                : Scalar{static_cast<double>(value)}) {}
  Json(double value);
  Json(const char* value);
  Json(std::string value);
  Json(std::string_view value);
  Json(Array value);
  Json(Object value);
  Json(const std::map<std::string, std::string>& value);  // an object of strings
  Json(const std::vector<std::string>& value);            // an array of strings
  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // Each is empty when the value is of another kind. The pointers are borrowed.
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;  // also a double with an integral value
  std::optional<double> number() const;         // any number
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  Array* array() { return std::get_if<Array>(&value_); }
  Object* object() { return std::get_if<Object>(&value_); }
  // "null", "bool", "number", "string", "array", "object".
  std::string_view kind() const;

  // The member of this name; null when there is none, or when this is not an object.
  const Json* Find(std::string_view key) const;
  // Replaces or appends a member. A null becomes an object first. REQUIRES: null or object.
  Json& Set(std::string_view key, Json value);
  // Appends an element. A null becomes an array first. REQUIRES: null or array.
  Json& Add(Json value);

  bool operator==(const Json& other) const;

 private:
  using Scalar = std::variant<bool, std::int64_t, double>;
  explicit Json(const Scalar& value);

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  std::size_t max_depth = 64;                // of nested arrays and objects; at most 1000
  std::size_t max_bytes = 32 * 1024 * 1024;  // of the text
  std::size_t max_values = 1'000'000;  // in the whole document: a value costs 40 bytes or more
};

// Reads one document. Of members with the same name the first wins. kInvalidArgument
// "invalid_json" with the message "error parsing JSON: <detail>", detail naming the offset;
// kResourceExhausted "json_too_large" when max_bytes or max_values is exceeded.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Compact text. Bytes that are not UTF-8 become U+FFFD, a number that is not finite becomes null.
std::string ToJson(const Json& value);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_JSON_JSON_HPP_
