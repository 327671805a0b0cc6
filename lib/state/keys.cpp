#include "state/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace plugreload::internal {
namespace {

// Stands for what is empty: the root namespace, the unversioned entry. No namespace path is "-"
// (canonical ones end with a slash), no version is.
constexpr std::string_view kEmpty = "-";

bool IsPlain(unsigned char c) { return c > 0x20 && c < 0x7F && c != '/' && c != '%'; }

std::string Escape(std::string_view text) {
  if (text.empty()) return std::string(kEmpty);
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (IsPlain(static_cast<unsigned char>(c))) {
      escaped += c;
    } else {
      fmt::format_to(std::back_inserter(escaped), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Accepts exactly what Escape writes: two keys never mean the same document.
std::optional<std::string> Unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsPlain(static_cast<unsigned char>(text[i]))) {
      plain += text[i];
      continue;
    }
    if (text[i] != '%' || i + 2 >= text.size()) return std::nullopt;
    const auto high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    const auto byte = static_cast<unsigned char>(*high * 16 + *low);
    if (IsPlain(byte)) return std::nullopt;
    plain += static_cast<char>(byte);
    i += 2;
  }
  return plain;
}

// As Unescape, and "-" is empty.
std::optional<std::string> UnescapeOrEmpty(std::string_view text) {
  return text == kEmpty ? std::string() : Unescape(text);
}

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::optional<StateKey> PluginPart(KeyKind kind, std::string_view type, std::string_view name) {
  const auto parsed = ParsePluginType(type);
  const auto plain = Unescape(name);
  if (!parsed || *parsed == PluginType::kUnknown || !plain || plain->empty()) return std::nullopt;
  return StateKey{kind, PluginRef{*parsed, *plain, ""}, "", ""};
}

std::optional<StateKey> NamespacePart(KeyKind kind, std::string_view ns) {
  auto plain = UnescapeOrEmpty(ns);
  if (!plain || (plain->empty() && ns != kEmpty)) return std::nullopt;
  return StateKey{kind, {}, *std::move(plain), ""};
}

}  // namespace

std::string PluginKey(const PluginRef& ref) {
  return fmt::format("{}plugins/{}/{}/{}", kStatePrefix, PluginTypeName(ref.type), Escape(ref.name),
                     Escape(ref.version));
}

std::string PluginPrefix(PluginType type, std::string_view name) {
  return fmt::format("{}plugins/{}/{}/", kStatePrefix, PluginTypeName(type), Escape(name));
}

std::string PinKey(PluginType type, std::string_view name) {
  return fmt::format("{}pins/{}/{}", kStatePrefix, PluginTypeName(type), Escape(name));
}

std::string PluginGuardKey(PluginType type, std::string_view name) {
  return fmt::format("{}guards/plugin/{}/{}", kStatePrefix, PluginTypeName(type), Escape(name));
}

std::string NamespaceKey(std::string_view ns) {
  return fmt::format("{}namespaces/{}", kStatePrefix, Escape(ns));
}

std::string MountKey(std::string_view ns, std::string_view path) {
  return fmt::format("{}mounts/{}/{}", kStatePrefix, Escape(ns), Escape(path));
}

std::string NamespaceGuardKey(std::string_view ns) {
  return fmt::format("{}guards/namespace/{}", kStatePrefix, Escape(ns));
}

std::optional<StateKey> ParseStateKey(std::string_view key) {
  if (!key.starts_with(kStatePrefix)) return std::nullopt;
  const auto parts = Split(key.substr(kStatePrefix.size()));
  const std::string_view room = parts[0];
  if (room == "plugins" && parts.size() == 4) {
    auto parsed = PluginPart(KeyKind::kPlugin, parts[1], parts[2]);
    auto version = UnescapeOrEmpty(parts[3]);
    if (!parsed || !version || parts[3].empty()) return std::nullopt;
    parsed->plugin.version = *std::move(version);
    return parsed;
  }
  if (room == "pins" && parts.size() == 3) return PluginPart(KeyKind::kPin, parts[1], parts[2]);
  if (room == "guards" && parts.size() == 4 && parts[1] == "plugin") {
    return PluginPart(KeyKind::kPluginGuard, parts[2], parts[3]);
  }
  if (room == "guards" && parts.size() == 3 && parts[1] == "namespace") {
    return NamespacePart(KeyKind::kNamespaceGuard, parts[2]);
  }
  if (room == "namespaces" && parts.size() == 2) {
    return NamespacePart(KeyKind::kNamespace, parts[1]);
  }
  if (room == "mounts" && parts.size() == 3) {
    auto parsed = NamespacePart(KeyKind::kMount, parts[1]);
    auto path = Unescape(parts[2]);
    if (!parsed || !path || path->empty()) return std::nullopt;
    parsed->path = *std::move(path);
    return parsed;
  }
  return std::nullopt;
}

}  // namespace plugreload::internal
