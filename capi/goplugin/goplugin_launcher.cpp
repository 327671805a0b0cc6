// The C face of NewGoPluginLauncher.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "goplugin/launch_spec.hpp"
#include "plugreload/goplugin.hpp"
#include "plugreload/plugreload_goplugin.h"
#include "store_table/store_table.hpp"

namespace plugreload::capi {
namespace {

// The user data of a table.
struct User {
  std::shared_ptr<Launcher> launcher;
};

// What stands behind the object of an instance.
struct Held {
  std::unique_ptr<PluginInstance> instance;
  GoPluginEndpoint endpoint;
};
const Held* HeldOf(const void* object) { return static_cast<const Held*>(object); }

// The host's log function with its data; gone with the last who logs.
class Log {
 public:
  explicit Log(const plugreload_goplugin_options& given)
      : log_(given.log), user_data_(given.user_data), destroy_(given.destroy) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() {
    if (destroy_ != nullptr) destroy_(user_data_);
  }

  bool wanted() const { return log_ != nullptr; }
  void Write(const LogRecord& record) const {
    std::vector<const char*> names, values;
    std::vector<std::size_t> name_lens, value_lens;
    for (const LogField& field : record.fields) {
      names.push_back(field.name.data());
      name_lens.push_back(field.name.size());
      values.push_back(field.value.data());
      value_lens.push_back(field.value.size());
    }
    // Terminated, as every text that comes out.
    const std::string instance(record.instance), message(record.message);
    log_(user_data_, static_cast<std::int32_t>(record.level), instance.c_str(), instance.size(),
         message.c_str(), message.size(), names.data(), name_lens.data(), values.data(),
         value_lens.data(), names.size());
  }

 private:
  const plugreload_goplugin_log_fn log_;
  void* const user_data_;
  const plugreload_destroy_fn destroy_;
};

// No exception leaves a function of the table.
template <typename Body>
plugreload_code Launch(plugreload_launch* launch, Body body) noexcept {
  try {
    const Status status = body();
    return status.ok() ? PLUGRELOAD_OK : Refuse(launch, status);
  } catch (const std::bad_alloc&) {
    return PLUGRELOAD_RESOURCE_EXHAUSTED;
  } catch (...) {
    return PLUGRELOAD_INTERNAL;
  }
}

std::function<void(const InstanceExit&)> TellExit(plugreload_launch* launch) {
  const std::shared_ptr<plugreload_exit> end(plugreload_launch_exit(launch), plugreload_exit_free);
  return [end](const InstanceExit& how) {
    const std::int32_t kind = how.exit_code ? PLUGRELOAD_EXIT_CODE
                              : how.signal  ? PLUGRELOAD_EXIT_SIGNAL
                                            : PLUGRELOAD_EXIT_UNKNOWN;
    plugreload_exit_tell(end.get(), kind, how.exit_code.value_or(how.signal.value_or(0)),
                         how.detail.data(), how.detail.size());
  };
}

plugreload_code Start(void* user_data, plugreload_launch* launch) {
  return Launch(launch, [&]() -> Status {
    const LaunchTime time(launch);
    auto held = std::make_unique<Held>();
    StartContext context = time.context();
    context.on_exit = TellExit(launch);
    auto started = static_cast<User*>(user_data)->launcher->Start(SpecOf(launch), context);
    if (!started.ok()) return started.status();
    held->instance = *std::move(started);
    const InstanceInfo& info = held->instance->info();
    held->endpoint = *GoPluginEndpointOf(info);
    const plugreload_code set =
        plugreload_launch_set_endpoint(launch, info.endpoint.data(), info.endpoint.size(),
                                       info.protocol.data(), info.protocol.size());
    if (set != PLUGRELOAD_OK) {
      return Status(static_cast<Code>(set), "endpoint", "its endpoint is not to be kept");
    }
    plugreload_launch_set_process(launch, info.pid, info.protocol_version, info.sealed ? 1 : 0);
    plugreload_launch_set_object(launch, held.release());
    return {};
  });
}

plugreload_code Stop(void*, void* object, std::int64_t timeout_ms) {
  const std::unique_ptr<Held> held(static_cast<Held*>(object));
  try {
    const Status status = held->instance->Stop(After(Millis(timeout_ms)));
    return static_cast<plugreload_code>(status.code());
  } catch (...) {
    return PLUGRELOAD_INTERNAL;
  }
}

plugreload_code Inspect(void* user_data, plugreload_launch* launch) {
  return Launch(launch, [&]() -> Status {
    const LaunchTime time(launch);
    const auto found =
        static_cast<User*>(user_data)->launcher->Inspect(SpecOf(launch), time.context());
    if (!found.ok()) return found.status();
    plugreload_facts facts{};
    facts.struct_size = sizeof facts;
    facts.type = static_cast<std::int32_t>(found->type);
    facts.version = found->version.data();
    facts.version_len = found->version.size();
    std::vector<const char*> env;
    for (const std::string& entry : found->env) env.push_back(entry.c_str());
    facts.env = env.data();
    facts.env_count = env.size();
    if (found->handshake) {
      facts.cookie_key = found->handshake->cookie_key.data();
      facts.cookie_key_len = found->handshake->cookie_key.size();
      facts.cookie_value = found->handshake->cookie_value.data();
      facts.cookie_value_len = found->handshake->cookie_value.size();
      facts.protocol_versions = found->handshake->protocol_versions.data();
      facts.protocol_version_count = found->handshake->protocol_versions.size();
    }
    const plugreload_code set = plugreload_launch_set_facts(launch, &facts);
    if (set == PLUGRELOAD_OK) return {};
    return Status(static_cast<Code>(set), "facts", "what it says of itself is not to be kept");
  });
}

void Destroy(void* user_data) { delete static_cast<User*>(user_data); }

Status FillLauncher(std::shared_ptr<Launcher> launcher, plugreload_launcher_ops* table) {
  const std::size_t size = table->struct_size;
  if (size < offsetof(plugreload_launcher_ops, destroy) + sizeof table->destroy ||
      size > kMaxStructSize) {
    return Status(Code::kInvalidArgument, "struct_size",
                  "struct_size of the table is " + std::to_string(size) +
                      "; set it to the sizeof of the struct");
  }
  auto user = std::make_unique<User>(User{std::move(launcher)});
  plugreload_launcher_ops own{size, user.get(), Start, Stop, Destroy, Inspect};
  // A caller of a newer header has fields that are unknown here: zero, as their default.
  std::memset(static_cast<void*>(table), 0, size);
  std::memcpy(table, &own, std::min(size, sizeof own));
  (void)user.release();
  return {};
}

GoPluginLauncherOptions Convert(const plugreload_goplugin_options& given, Input& input) {
  GoPluginLauncherOptions options;
  options.security = input.Number(given.security, GoPluginSecurity::kAutoMtls,
                                  GoPluginSecurity::kPlain, "security");
  options.process.run_directory =
      input.Text(given.run_directory, given.run_directory_len, "run_directory");
  options.process.env = input.Texts(given.env, given.env_lens, given.env_count, "env");
  if (given.inherit_env != nullptr) {
    options.process.inherit_env = input.Texts(given.inherit_env, given.inherit_env_lens,
                                              given.inherit_env_count, "inherit_env");
  }
  constexpr auto kRefused = Input::Negative::kRefused;
  input.Time(given.health_interval_ms, kRefused, "health_interval_ms", &options.health_interval);
  input.Time(given.health_timeout_ms, kRefused, "health_timeout_ms", &options.health_timeout);
  input.Time(given.shutdown_timeout_ms, kRefused, "shutdown_timeout_ms", &options.shutdown_timeout);
  input.Limit(given.health_failures, &options.health_failures);
  input.Limit(given.max_message_bytes, &options.max_message_bytes);
  return options;
}

const char* Out(const void* object, std::string GoPluginEndpoint::*member, std::size_t* len) {
  if (len != nullptr) *len = object == nullptr ? 0 : (HeldOf(object)->endpoint.*member).size();
  return object == nullptr ? "" : (HeldOf(object)->endpoint.*member).c_str();
}

// A profile in texts of the library's own.
struct Static {
  GoPluginProfile profile;
  std::vector<const char*> env;
};
const Static* FindStatic(std::string_view name) {
  static const std::vector<std::pair<std::string, const Static*>>* const all = [] {
    auto* made = new std::vector<std::pair<std::string, const Static*>>;
    for (const char* known : {"vault_backend", "vault_database"}) {
      auto* entry = new Static{*FindGoPluginProfile(known), {}};
      for (const std::string& text : entry->profile.env) entry->env.push_back(text.c_str());
      made->emplace_back(known, entry);
    }
    return made;
  }();
  for (const auto& [known, entry] : *all) {
    if (known == name) return entry;
  }
  return nullptr;
}

}  // namespace
}  // namespace plugreload::capi

using plugreload::Code;
using plugreload::GoPluginEndpoint;
using plugreload::Status;
using plugreload::capi::Export;
using plugreload::capi::HeldOf;
using plugreload::capi::Input;
using plugreload::capi::Log;
using plugreload::capi::Out;

plugreload_code plugreload_goplugin_launcher(const plugreload_goplugin_options* options,
                                             plugreload_launcher_ops* launcher,
                                             plugreload_error** error) {
  return Export(__func__, error, [&](Input& input) -> Status {
    plugreload_goplugin_options given{};
    if (options != nullptr) given = input.Copy(options, "options");
    const auto log = std::make_shared<Log>(given);
    auto converted = plugreload::capi::Convert(given, input);
    input.Require(launcher, "launcher");
    if (!input.status().ok()) return input.status();
    if (log->wanted()) {
      converted.process.log = [log](const plugreload::LogRecord& record) { log->Write(record); };
    }
    auto made = plugreload::NewGoPluginLauncher(std::move(converted));
    if (!made.ok()) return made.status();
    return plugreload::capi::FillLauncher(*std::move(made), launcher);
  });
}

const char* plugreload_goplugin_target(const void* object, size_t* len) {
  return Out(object, &GoPluginEndpoint::target, len);
}
const char* plugreload_goplugin_server_name(const void* object, size_t* len) {
  return Out(object, &GoPluginEndpoint::server_name, len);
}
const char* plugreload_goplugin_root_pem(const void* object, size_t* len) {
  return Out(object, &GoPluginEndpoint::root_pem, len);
}
const char* plugreload_goplugin_certificate_pem(const void* object, size_t* len) {
  return Out(object, &GoPluginEndpoint::certificate_pem, len);
}
const char* plugreload_goplugin_private_key_pem(const void* object, size_t* len) {
  return Out(object, &GoPluginEndpoint::private_key_pem, len);
}

int32_t plugreload_goplugin_multiplexing(const void* object) {
  try {
    if (object == nullptr) return 0;
    const auto known = plugreload::SupportsMultiplexing(HeldOf(object)->instance->info());
    return known.ok() ? static_cast<int32_t>(*known) : -1;
  } catch (...) {
    return -1;
  }
}

plugreload_code plugreload_goplugin_offer(const void* object, const char* address,
                                          size_t address_len, uint32_t* number,
                                          plugreload_error** error) {
  if (number != nullptr) *number = 0;
  return Export(__func__, error, [&](Input& input) -> Status {
    const auto where = input.View(address, address_len, "address");
    input.Require(object, "object");
    input.Require(number, "number");
    if (!input.status().ok()) return input.status();
    const auto offered = plugreload::OfferService(HeldOf(object)->instance->info(), where);
    if (!offered.ok()) return offered.status();
    *number = *offered;
    return {};
  });
}

plugreload_code plugreload_goplugin_profile(const char* name, size_t name_len,
                                            plugreload_plugin* plugin, plugreload_error** error) {
  return Export(__func__, error, [&](Input& input) -> Status {
    const auto wanted = input.View(name, name_len, "name");
    if (!input.Require(plugin, "plugin")) return input.status();
    const auto* found = plugreload::capi::FindStatic(wanted);
    if (found == nullptr) {
      return Status(Code::kNotFound, "unknown_profile",
                    "there is no handshake of the name \"" + std::string(wanted) +
                        "\"; known are vault_backend and vault_database");
    }
    const std::size_t last =
        offsetof(plugreload_plugin, protocol_version_count) + sizeof plugin->protocol_version_count;
    if (plugin->struct_size < last || plugin->struct_size > plugreload::capi::kMaxStructSize) {
      return Status(Code::kInvalidArgument, "struct_size", "set struct_size of the plugin before");
    }
    if (plugin->env_count != 0) {
      return Status(Code::kFailedPrecondition, "env_given",
                    "the plugin has an environment already, which would be lost");
    }
    const plugreload::Handshake& handshake = found->profile.handshake;
    plugin->cookie_key = handshake.cookie_key.c_str();
    plugin->cookie_key_len = handshake.cookie_key.size();
    plugin->cookie_value = handshake.cookie_value.c_str();
    plugin->cookie_value_len = handshake.cookie_value.size();
    plugin->protocol_versions = handshake.protocol_versions.data();
    plugin->protocol_version_count = handshake.protocol_versions.size();
    plugin->env = found->env.data();
    plugin->env_lens = nullptr;
    plugin->env_count = found->env.size();
    return {};
  });
}
