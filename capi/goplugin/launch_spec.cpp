#include "goplugin/launch_spec.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace plugreload::capi {
namespace {

template <typename Get>
std::string Text(const plugreload_launch* launch, Get get) {
  std::size_t size = 0;
  const char* data = get(launch, &size);
  return {data, size};
}
template <typename Get>
std::string TextAt(const plugreload_launch* launch, Get get, std::size_t index) {
  std::size_t size = 0;
  const char* data = get(launch, index, &size);
  return {data, size};
}

PluginTimeouts TimeoutsOf(const plugreload_launch* launch) {
  const auto time = [launch](std::int32_t which) {
    return Millis(plugreload_launch_timeout_ms(launch, which));
  };
  PluginTimeouts timeouts;
  timeouts.start = time(PLUGRELOAD_TIMEOUT_START);
  timeouts.attach = time(PLUGRELOAD_TIMEOUT_ATTACH);
  timeouts.drain = time(PLUGRELOAD_TIMEOUT_DRAIN);
  timeouts.graceful = time(PLUGRELOAD_TIMEOUT_GRACEFUL);
  timeouts.terminate = time(PLUGRELOAD_TIMEOUT_TERMINATE);
  timeouts.kill = time(PLUGRELOAD_TIMEOUT_KILL);
  return timeouts;
}

}  // namespace

LaunchSpec SpecOf(const plugreload_launch* launch) {
  LaunchSpec spec;
  PluginSpec& plugin = spec.plugin;
  plugin.ref.type = static_cast<PluginType>(plugreload_launch_type(launch));
  plugin.ref.name = Text(launch, plugreload_launch_plugin);
  plugin.ref.version = Text(launch, plugreload_launch_version);
  spec.command = plugin.command = Text(launch, plugreload_launch_command);
  for (std::size_t i = 0; i < plugreload_launch_arg_count(launch); ++i) {
    plugin.args.push_back(TextAt(launch, plugreload_launch_arg, i));
  }
  for (std::size_t i = 0; i < plugreload_launch_env_count(launch); ++i) {
    plugin.env.push_back(TextAt(launch, plugreload_launch_env, i));
  }
  plugin.sha256 = Text(launch, plugreload_launch_sha256);
  plugin.image = static_cast<Image>(plugreload_launch_image(launch));
  plugin.sharing = static_cast<Sharing>(plugreload_launch_sharing(launch));
  plugin.timeouts = TimeoutsOf(launch);
  spec.handshake.cookie_key = Text(launch, plugreload_launch_cookie_key);
  spec.handshake.cookie_value = Text(launch, plugreload_launch_cookie_value);
  for (std::size_t i = 0; i < plugreload_launch_protocol_version_count(launch); ++i) {
    spec.handshake.protocol_versions.push_back(plugreload_launch_protocol_version(launch, i));
  }
  if (plugreload_launch_own_handshake(launch) != 0) plugin.handshake = spec.handshake;
  spec.instance = Text(launch, plugreload_launch_instance);
  spec.mount.ns = Text(launch, plugreload_launch_namespace);
  spec.mount.path = Text(launch, plugreload_launch_mount_path);
  spec.mount.accessor = Text(launch, plugreload_launch_accessor);
  spec.mount.type = plugin.ref.type;
  spec.mount.plugin = plugin.ref.name;
  for (std::size_t i = 0; i < plugreload_launch_option_count(launch); ++i) {
    spec.mount.options[TextAt(launch, plugreload_launch_option_key, i)] =
        TextAt(launch, plugreload_launch_option_value, i);
  }
  return spec;
}

LaunchTime::LaunchTime(plugreload_launch* launch) : launch_(launch) {
  plugreload_launch_on_cancel(
      launch_, [](void* context) { static_cast<std::stop_source*>(context)->request_stop(); },
      &cancel_);
}

LaunchTime::~LaunchTime() { plugreload_launch_on_cancel(launch_, nullptr, nullptr); }

StartContext LaunchTime::context() const {
  StartContext context;
  context.deadline = After(Millis(plugreload_launch_remaining_ms(launch_)));
  context.cancel = cancel_.get_token();
  return context;
}

plugreload_code Refuse(plugreload_launch* launch, const Status& status) {
  const std::string_view reason = status.reason(), message = status.message();
  plugreload_launch_set_error(launch, reason.data(), reason.size(), message.data(), message.size());
  return static_cast<plugreload_code>(status.code());
}

}  // namespace plugreload::capi
