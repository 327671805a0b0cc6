#include "plugreload/types.hpp"

#include <array>
#include <cstddef>

#include "plugreload/host.hpp"

namespace plugreload {
namespace {

template <typename Enum, std::size_t N>
std::string_view NameOf(Enum value, const std::array<std::string_view, N>& names) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "invalid";
}

template <typename Enum, std::size_t N>
std::optional<Enum> ValueOf(std::string_view text, const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 4> kPluginTypes = {"unknown", "auth", "database", "secret"};
constexpr std::array<std::string_view, 3> kSharings = {"mount", "namespace", "global"};
constexpr std::array<std::string_view, 2> kOrders = {"start_first", "stop_first"};
constexpr std::array<std::string_view, 2> kImages = {"sealed", "in_place"};
constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 13> kEvents = {
    "none",         "instance_started", "instance_failed", "instance_stopped", "mount_serving",
    "mount_failed", "reload_started",   "reload_draining", "reload_finished",  "events_lost",
    "mount_state",  "reload_queued",    "reload_progress"};

}  // namespace

Deadline After(Millis timeout) {
  const Deadline now = std::chrono::steady_clock::now();
  if (timeout > std::chrono::duration_cast<Millis>(Deadline::max() - now)) return Deadline::max();
  return now + timeout;
}

std::string_view PluginTypeName(PluginType type) { return NameOf(type, kPluginTypes); }
std::optional<PluginType> ParsePluginType(std::string_view text) {
  return ValueOf<PluginType>(text, kPluginTypes);
}
std::string_view SharingName(Sharing sharing) { return NameOf(sharing, kSharings); }
std::optional<Sharing> ParseSharing(std::string_view text) {
  return ValueOf<Sharing>(text, kSharings);
}
std::string_view OrderName(Order order) { return NameOf(order, kOrders); }
std::optional<Order> ParseOrder(std::string_view text) { return ValueOf<Order>(text, kOrders); }
std::string_view ImageName(Image image) { return NameOf(image, kImages); }
std::optional<Image> ParseImage(std::string_view text) { return ValueOf<Image>(text, kImages); }
std::string_view LogLevelName(LogLevel level) { return NameOf(level, kLevels); }
std::string_view EventKindName(EventKind kind) { return NameOf(kind, kEvents); }

}  // namespace plugreload
