#include "options.hpp"

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "host_bridge.hpp"
#include "plugreload/authoriser.hpp"
#include "store_bridge.hpp"

namespace plugreload::capi {
namespace {

void ConvertHandshake(const plugreload_options& given, Input& input, Handshake* handshake) {
  if (auto key = input.Maybe(given.cookie_key, given.cookie_key_len, "cookie_key")) {
    handshake->cookie_key = std::move(*key);
  }
  if (auto value = input.Maybe(given.cookie_value, given.cookie_value_len, "cookie_value")) {
    handshake->cookie_value = std::move(*value);
  }
  if (given.protocol_version_count != 0) {
    handshake->protocol_versions =
        input.Numbers(given.protocol_versions, given.protocol_version_count, "protocol_versions");
  }
}

void ConvertLimits(const plugreload_options& given, Input& input, RuntimeOptions* options) {
  using Negative = Input::Negative;
  input.Limit(given.max_notifications, &options->max_notifications);
  input.Limit(given.max_concurrent_starts, &options->max_concurrent_starts);
  input.Limit(given.max_concurrent_reloads, &options->max_concurrent_reloads);
  input.Limit(given.max_queued_reloads, &options->max_queued_reloads);
  input.Limit(given.history, &options->history);
  input.Limit(given.max_body_bytes, &options->max_body_bytes);
  input.Limit(given.max_json_depth, &options->max_json_depth);
  input.Limit(given.max_mounts_per_request, &options->max_mounts_per_request);
  input.Limit(given.max_path_bytes, &options->max_path_bytes);
  input.Limit(given.max_name_bytes, &options->max_name_bytes);
  input.Limit(given.max_mount_bytes, &options->max_mount_bytes);
  input.Limit(given.global_history, &options->global_history);
  input.Limit(given.max_log_bytes_per_second, &options->process.max_log_bytes_per_second);
  input.Limit(given.max_image_bytes, &options->process.max_image_bytes);
  input.Limit(given.restart_limit, &options->restart.limit);
  input.Time(given.restart_first_ms, Negative::kRefused, "restart_first_ms",
             &options->restart.first);
  input.Time(given.restart_max_ms, Negative::kRefused, "restart_max_ms", &options->restart.max);
  input.Time(given.restart_stable_ms, Negative::kRefused, "restart_stable_ms",
             &options->restart.stable);
  input.Time(given.dispatch_timeout_ms, Negative::kRefused, "dispatch_timeout_ms",
             &options->dispatch_timeout);
  input.Time(given.member_ttl_ms, Negative::kRefused, "member_ttl_ms", &options->member_ttl);
  input.Time(given.global_history_ttl_ms, Negative::kRefused, "global_history_ttl_ms",
             &options->global_history_ttl);
}

// One launcher of the array. The user data is held before anything that may throw.
std::shared_ptr<Launcher> TakeLauncher(const plugreload_launcher_ops* given, Input& input) {
  const auto table = input.Copy(given, "a launcher's table");
  UserData user_data(table.user_data, table.destroy);
  input.Require(reinterpret_cast<const void*>(table.start), "start of a launcher's table");
  return std::make_shared<LauncherBridge>(table, std::move(user_data));
}

void TakeLaunchers(const plugreload_options& given, Input& input, RuntimeOptions* options) {
  if (given.launcher_count == 0 || !input.Require(given.launchers, "launchers")) return;
  bool memory_short = false;
  for (std::size_t i = 0; i < given.launcher_count; ++i) {
    // Whatever fails, the tables behind this one must be taken too.
    try {
      std::size_t first = 0;
      while (given.launchers[first] != given.launchers[i]) ++first;
      const auto name = [&](std::size_t index) {
        if (!input.Require(given.launcher_names, "launcher_names") ||
            !input.Require(given.launcher_names[index], "a name of a launcher")) {
          return std::string();
        }
        return input.Text(
            given.launcher_names[index],
            given.launcher_name_lens == nullptr ? PLUGRELOAD_NTS : given.launcher_name_lens[index],
            "a name of a launcher");
      };
      std::shared_ptr<Launcher> launcher;
      if (first == i) {
        launcher = TakeLauncher(given.launchers[i], input);
      } else if (const auto same = options->launchers.find(name(first));
                 same != options->launchers.end()) {
        launcher = same->second;
      }
      std::string bound = name(i);
      if (bound.empty()) input.Refuse("invalid_launcher", "the name of a launcher is empty");
      if (launcher == nullptr) continue;
      if (!options->launchers.emplace(bound, std::move(launcher)).second) {
        input.Refuse("invalid_launcher", "the name \"" + bound + "\" is given to two launchers");
      }
    } catch (const std::bad_alloc&) {
      memory_short = true;
    }
  }
  if (memory_short) throw std::bad_alloc();
}

// A table without one of these functions is no store; its user data is held before that is known.
std::shared_ptr<StateStore> TakeStore(const plugreload_options& given, Input& input) {
  if (given.store == nullptr) return nullptr;
  const auto table = input.Copy(given.store, "store");
  UserData user_data(table.user_data, table.destroy);
  const std::pair<const void*, const char*> required[] = {
      {reinterpret_cast<const void*>(table.commit), "commit of the store's table"},
      {reinterpret_cast<const void*>(table.load), "load of the store's table"},
      {reinterpret_cast<const void*>(table.watch), "watch of the store's table"},
      {reinterpret_cast<const void*>(table.unwatch), "unwatch of the store's table"},
      {reinterpret_cast<const void*>(table.keep), "keep of the store's table"},
      {reinterpret_cast<const void*>(table.kept), "kept of the store's table"},
      {reinterpret_cast<const void*>(table.unkeep), "unkeep of the store's table"}};
  for (const auto& [function, name] : required) input.Require(function, name);
  return std::make_shared<StoreBridge>(table, std::move(user_data));
}

// The rules of the tokens; none when the host decides itself.
StaticTokens TakeTokens(const plugreload_host& table, Input& input) {
  std::vector<TokenRule> rules;
  if (table.token_count != 0 && !input.Require(table.tokens, "tokens")) return {};
  for (std::size_t i = 0; i < table.token_count; ++i) {
    const auto given = input.Copy(table.tokens[i], "a token's rule");
    TokenRule& rule = rules.emplace_back();
    rule.token = input.Text(given.token, given.token_len, "token");
    rule.ns = input.Text(given.ns, given.ns_len, "ns of a token's rule");
    input.Flags(given.flags, PLUGRELOAD_TOKEN_NAMESPACE_ALONE);
    rule.subtree = (given.flags & PLUGRELOAD_TOKEN_NAMESPACE_ALONE) == 0;
    input.Flags(given.operations, 15);
    for (int operation = 0; operation < 4; ++operation) {
      if ((given.operations >> operation & 1) != 0) {
        rule.operations.push_back(static_cast<Operation>(operation));
      }
    }
    rule.endpoints = input.Texts(given.endpoints, given.endpoint_lens, given.endpoint_count,
                                 "endpoints of a token's rule");
  }
  auto tokens = StaticTokens::Create(rules);
  if (tokens.ok()) return *std::move(tokens);
  input.Refuse(tokens.status().reason(), tokens.status().message());
  return {};
}

}  // namespace

RuntimeOptions ConvertOptions(const plugreload_options& given, Input& input) {
  RuntimeOptions options;
  input.Flags(given.flags, PLUGRELOAD_ALLOW_UNHASHED | PLUGRELOAD_REFUSE_DEREGISTER_IN_USE |
                               PLUGRELOAD_REFUSE_UNKNOWN_PLUGIN | PLUGRELOAD_TRACK_LEASES);
  options.refuse_unknown_plugin = (given.flags & PLUGRELOAD_REFUSE_UNKNOWN_PLUGIN) != 0;
  options.allow_unhashed = (given.flags & PLUGRELOAD_ALLOW_UNHASHED) != 0;
  options.track_leases = (given.flags & PLUGRELOAD_TRACK_LEASES) != 0;
  options.refuse_deregister_in_use = (given.flags & PLUGRELOAD_REFUSE_DEREGISTER_IN_USE) != 0;
  if (auto node = input.Maybe(given.node, given.node_len, "node")) options.node = *node;
  options.plugin_directory =
      input.Text(given.plugin_directory, given.plugin_directory_len, "plugin_directory");
  options.process.run_directory =
      input.Text(given.run_directory, given.run_directory_len, "run_directory");
  ConvertHandshake(given, input, &options.handshake);
  options.process.env = input.Texts(given.env, given.env_lens, given.env_count, "env");
  if (given.inherit_env != nullptr) {
    options.process.inherit_env = input.Texts(given.inherit_env, given.inherit_env_lens,
                                              given.inherit_env_count, "inherit_env");
  }
  if (given.dispatch_launchers != nullptr) {
    options.dispatch_launchers = input.Texts(given.dispatch_launchers, given.dispatch_launcher_lens,
                                             given.dispatch_launcher_count, "dispatch_launchers");
  }
  ConvertLimits(given, input, &options);
  return options;
}

void TakeTables(const plugreload_options& given, const std::shared_ptr<Session>& session,
                Input& input, RuntimeOptions* options) {
  plugreload_host table{};
  if (given.host != nullptr) table = input.Copy(given.host, "host");
  UserData user_data(table.user_data, table.destroy);
  // What may throw comes behind the user data that it must not leak, and the next is taken still.
  bool memory_short = false;
  try {
    options->store = TakeStore(given, input);
  } catch (const std::bad_alloc&) {
    memory_short = true;
  }
  TakeLaunchers(given, input, options);
  if (memory_short) throw std::bad_alloc();
  options->host =
      std::make_shared<HostBridge>(table, TakeTokens(table, input), std::move(user_data), session);
}

void DropTables(const plugreload_options& given) {
  Input input("plugreload_engine_open");
  RuntimeOptions options;
  TakeTables(given, nullptr, input, &options);
}

}  // namespace plugreload::capi
