#include "goplugin/hclog.hpp"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace plugreload::goplugin {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxFields = 64;

struct Name {
  std::string_view text;
  LogLevel level;
};
constexpr std::array<Name, 6> kLevels = {{{"trace", LogLevel::kTrace},
                                          {"debug", LogLevel::kDebug},
                                          {"info", LogLevel::kInfo},
                                          {"warn", LogLevel::kWarn},
                                          {"warning", LogLevel::kWarn},
                                          {"error", LogLevel::kError}}};

// A level that nobody knows is no reason to lose the line's message.
LogLevel LevelOf(std::string_view text) {
  for (const Name& name : kLevels) {
    if (name.text == text) return name.level;
  }
  return LogLevel::kInfo;
}

// A record is a line to the host, and a plugin must not be able to write others'.
std::string InOneLine(std::string text) {
  if (text.find('\n') == std::string::npos) return text;
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

// Takes the members of the outer object; a value that is no string is written again as it came.
// Returning false ends the parse.
class Handler {
 public:
  explicit Handler(HclogLine& line) : line_(line), writer_(buffer_) {}

  bool complete() const { return has_message_; }

  bool Null() {
    return Scalar([this] { return writer_.Null(); });
  }
  bool Bool(bool value) {
    return Scalar([&] { return writer_.Bool(value); });
  }
  bool Int(int value) {
    return Scalar([&] { return writer_.Int(value); });
  }
  bool Uint(unsigned value) {
    return Scalar([&] { return writer_.Uint(value); });
  }
  bool Int64(std::int64_t value) {
    return Scalar([&] { return writer_.Int64(value); });
  }
  bool Uint64(std::uint64_t value) {
    return Scalar([&] { return writer_.Uint64(value); });
  }
  bool Double(double value) {
    return Scalar([&] { return writer_.Double(value); });
  }
  // Numbers come as their text (kParseNumbersAsStringsFlag), so none is rounded.
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return Scalar([&] { return writer_.RawValue(text, size, rapidjson::kNumberType); });
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ > 1) return writer_.String(text, size);
    return depth_ == 1 && TakeText(std::string(text, size));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ > 1) return writer_.Key(text, size);
    key_.assign(text, size);
    return line_.fields.size() < kMaxFields;
  }
  bool StartObject() {
    if (!Open()) return false;
    return depth_ == 1 || writer_.StartObject();
  }
  bool EndObject(rapidjson::SizeType count) {
    if (--depth_ == 0) return true;
    return writer_.EndObject(count) && Close();
  }
  bool StartArray() { return depth_ > 0 && Open() && writer_.StartArray(); }
  bool EndArray(rapidjson::SizeType count) {
    --depth_;
    return writer_.EndArray(count) && Close();
  }

 private:
  bool reserved() const { return key_ == "@message" || key_ == "@level"; }
  // Of something nested; the object itself is the first.
  bool Open() { return !(depth_ == 1 && reserved()) && ++depth_ <= kMaxDepth; }
  template <typename Write>
  bool Scalar(Write write) {
    if (depth_ == 0 || (depth_ == 1 && reserved())) return false;
    return write() && Close();
  }
  // A value of the outer object is complete.
  bool Close() {
    if (depth_ > 1) return true;
    line_.fields.emplace_back(key_, std::string(buffer_.GetString(), buffer_.GetSize()));
    buffer_.Clear();
    writer_.Reset(buffer_);
    return true;
  }
  bool TakeText(std::string text) {
    if (key_ == "@message") {
      if (has_message_) return false;
      has_message_ = true;
      line_.message = InOneLine(std::move(text));
    } else if (key_ == "@level") {
      line_.level = LevelOf(text);
    } else {
      line_.fields.emplace_back(key_, std::move(text));
    }
    return true;
  }

  HclogLine& line_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
  std::size_t depth_ = 0;
  std::string key_;
  bool has_message_ = false;
};

}  // namespace

std::optional<HclogLine> ParseHclog(std::string_view line) {
  if (line.empty() || line.front() != '{') return std::nullopt;
  if (line.find('\0') != std::string_view::npos) return std::nullopt;  // the reader's end
  HclogLine parsed;
  Handler handler(parsed);
  rapidjson::MemoryStream stream(line.data(), line.size());
  rapidjson::Reader reader;
  // Iterative: a line of brackets must not use up the stack.
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, handler);
  if (result.IsError() || !handler.complete()) return std::nullopt;
  return parsed;
}

}  // namespace plugreload::goplugin
