#include "dispatch/route.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsUrlName(std::string_view text) {
  return !text.empty() && IsWord(text.front()) && IsWord(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsWord(c) || c == '-' || c == '.'; });
}

// Whether `text` may stand for the placeholder called `kind`.
bool Fits(std::string_view kind, std::string_view text) {
  if (kind == "name") return IsUrlName(text);
  const auto type = ParsePluginType(text);
  return type && (kind == "reload_type" || *type != PluginType::kUnknown);
}

// What a placeholder with a star takes: everything but the literal rest of the pattern.
std::optional<std::string_view> TakeAll(std::string_view& pattern, std::string_view path) {
  if (path.size() <= pattern.size() || path.starts_with('/') || !path.ends_with(pattern)) {
    return std::nullopt;
  }
  path.remove_suffix(pattern.size());
  pattern = {};
  return path;
}

}  // namespace

bool MatchRoute(std::string_view pattern, std::string_view path, Captures& captures) {
  Captures found;
  while (!pattern.empty()) {
    if (pattern == "/?" && (path.empty() || path == "/")) {
      path = pattern = {};
    } else if (pattern.front() != '{') {
      const std::size_t literal = std::min({pattern.size(), pattern.find('{'), pattern.find("/?")});
      if (literal == 0 || !path.starts_with(pattern.substr(0, literal))) return false;
      path.remove_prefix(literal);
      pattern.remove_prefix(literal);
    } else {
      const std::size_t end = pattern.find('}');
      std::string_view kind = pattern.substr(1, end - 1);
      pattern.remove_prefix(end + 1);
      if (kind.ends_with('*')) {
        kind.remove_suffix(1);
        const auto taken = TakeAll(pattern, path);
        if (!taken) return false;
        found[std::string(kind)] = std::string(*taken);
        path = {};
      } else {
        const std::string_view segment = path.substr(0, path.find('/'));
        if (!Fits(kind, segment)) return false;
        found[kind == "reload_type" ? "type" : std::string(kind)] = std::string(segment);
        path.remove_prefix(segment.size());
      }
    }
  }
  if (!path.empty()) return false;
  captures = std::move(found);
  return true;
}

std::optional<Reply> CheckPathBytes(const ApiCall& call, std::string_view path) {
  const std::size_t limit = call.backend.options.max_mount_bytes;
  if (path.size() <= limit) return std::nullopt;
  return Refuse(400, fmt::format("the path {}... has {} bytes, the limit is {}",
                                 Quote(path.substr(0, 40)), path.size(), limit));
}

std::optional<Reply> CheckCaptures(const ApiCall& call) {
  if (const auto path = call.captures.find("path"); path != call.captures.end()) {
    return CheckPathBytes(call, path->second);
  }
  const auto name = call.captures.find("name");
  const std::size_t limit = call.backend.options.max_name_bytes;
  if (name == call.captures.end() || name->second.size() <= limit) return std::nullopt;
  return Refuse(400, fmt::format("the name {}... has {} bytes, the limit is {}",
                                 Quote(name->second.substr(0, 40)), name->second.size(), limit));
}

Handler Route::HandlerOf(Verb verb) const {
  switch (verb) {
    case Verb::kRead:
      return read;
    case Verb::kHead:
      return head;
    case Verb::kList:
      return list;
    case Verb::kUpdate:
      return update;
    case Verb::kPatch:
      return patch;
    case Verb::kDelete:
      return remove;
  }
  return nullptr;
}

}  // namespace plugreload::internal
