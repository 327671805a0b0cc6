#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>
#include <unordered_set>

#include "json/json.hpp"

namespace plugreload::internal {
namespace {

namespace rj = rapidjson;

// A destructor of nested values recurses once per level.
constexpr std::size_t kDeepest = 1000;
// From this many members on, names are looked up in a set instead of one after the other.
constexpr std::size_t kManyMembers = 16;

Status Invalid(std::string_view detail) {
  return Status(Code::kInvalidArgument, "invalid_json",
                fmt::format("error parsing JSON: {}", detail));
}

// What the builder refuses, without the place, which the reader knows.
Status Refused(std::string_view detail) {
  return Status(Code::kInvalidArgument, "invalid_json", detail);
}

Status TooLarge(std::string_view detail) {
  return Status(Code::kResourceExhausted, "json_too_large",
                fmt::format("error parsing JSON: {}", detail));
}

// Builds values from the reader's events; the open containers are on a stack of its own.
class Builder : public rj::BaseReaderHandler<rj::UTF8<>, Builder> {
 public:
  explicit Builder(const JsonLimits& limits)
      : max_depth_(std::min(limits.max_depth, kDeepest)), max_values_(limits.max_values) {}

  bool Null() { return Put(Json()); }
  bool Bool(bool value) { return Put(Json(value)); }
  // The reader's own conversion is inexact, or undefined for "0E40".
  bool RawNumber(const char* text, rj::SizeType size, bool) {
    std::int64_t integer = 0;
    const auto read = std::from_chars(text, text + size, integer);
    if (read.ec == std::errc() && read.ptr == text + size) return Put(Json(integer));
    double number = 0;
    if (absl::SimpleAtod(absl::string_view(text, size), &number) && std::isfinite(number)) {
      return Put(Json(number));
    }
    failure_ = Refused(fmt::format("the number {} cannot be represented",
                                   std::string_view(text, std::min<std::size_t>(size, 40))));
    return false;
  }
  bool String(const char* text, rj::SizeType size, bool) {
    return Put(Json(std::string_view(text, size)));
  }
  bool StartArray() { return Open(Json(Json::Array())); }
  bool EndArray(rj::SizeType) { return Close(); }
  bool StartObject() { return Open(Json(Json::Object())); }
  bool Key(const char* text, rj::SizeType size, bool) {
    open_.back().key.assign(text, size);
    return true;
  }
  bool EndObject(rj::SizeType) { return Close(); }

  const Status& failure() const { return failure_; }
  Json TakeRoot() { return std::move(root_); }

 private:
  struct Container {
    Json value;
    std::string key;                        // of the member that comes next
    std::unordered_set<std::string> names;  // of all members, once there are many
  };

  bool Open(Json value) {
    if (open_.size() >= max_depth_) {
      failure_ = Refused(fmt::format("nested deeper than {} levels", max_depth_));
      return false;
    }
    if (!Count()) return false;
    open_.push_back({std::move(value), {}, {}});
    return true;
  }

  bool Close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    Store(std::move(value));
    return true;
  }

  bool Put(Json value) {
    if (!Count()) return false;
    Store(std::move(value));
    return true;
  }

  bool Count() {
    if (++values_ <= max_values_) return true;
    failure_ = TooLarge(fmt::format("more than {} values", max_values_));
    return false;
  }

  void Store(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Container& parent = open_.back();
    if (Json::Array* array = parent.value.array()) {
      array->push_back(std::move(value));
    } else if (IsNew(parent)) {
      parent.value.object()->push_back({std::move(parent.key), std::move(value)});
    }
  }

  static bool IsNew(Container& container) {
    const Json::Object& members = *container.value.object();
    if (members.size() < kManyMembers) return container.value.Find(container.key) == nullptr;
    if (container.names.empty()) {
      for (const Json::Member& member : members) container.names.insert(member.key);
    }
    return container.names.insert(container.key).second;
  }

  const std::size_t max_depth_;
  const std::size_t max_values_;
  std::size_t values_ = 0;
  std::vector<Container> open_;
  Json root_;
  Status failure_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return TooLarge(
        fmt::format("{} bytes, at most {} are accepted", text.size(), limits.max_bytes));
  }
  constexpr unsigned kFlags =
      rj::kParseIterativeFlag | rj::kParseValidateEncodingFlag | rj::kParseNumbersAsStringsFlag;
  rj::MemoryStream stream(text.data() == nullptr ? "" : text.data(), text.size());
  rj::Reader reader;
  Builder builder(limits);
  const rj::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (result.IsError()) {
    if (builder.failure().code() == Code::kResourceExhausted) return builder.failure();
    if (!builder.failure().ok()) {
      return Invalid(fmt::format("{} (offset {})", builder.failure().message(), result.Offset()));
    }
    return Invalid(
        fmt::format("{} (offset {})", rj::GetParseError_En(result.Code()), result.Offset()));
  }
  // The reader takes a NUL byte for the end of the text.
  if (stream.Tell() != text.size()) {
    return Invalid(fmt::format("a NUL byte behind the document (offset {})", stream.Tell()));
  }
  return builder.TakeRoot();
}

}  // namespace plugreload::internal
