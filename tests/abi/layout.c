/* layout.c - where every field of every struct is. A new field goes behind the last one and gets a
 * line here; a line that must be changed is a break of the ABI. */
#include <stddef.h>
#include <stdint.h>

#include "plugreload/plugreload.h"
#include "plugreload/plugreload_goplugin.h"
#include "plugreload/plugreload_sqlite.h"

#define AT(type, field, offset) \
  _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " has moved")
/* The last field ends where the struct does: there is no tail in which a later one could hide. */
#define SIZE(type, last, size)                                                                \
  _Static_assert(sizeof(struct type) == (size) && (size) % sizeof(uint64_t) == 0 &&           \
                     offsetof(struct type, last) + sizeof(((struct type*)0)->last) == (size), \
                 #type " has another size, or padding behind " #last)

AT(plugreload_options, struct_size, 0);
AT(plugreload_options, flags, 8);
AT(plugreload_options, host, 16);
AT(plugreload_options, node, 24);
AT(plugreload_options, node_len, 32);
AT(plugreload_options, plugin_directory, 40);
AT(plugreload_options, plugin_directory_len, 48);
AT(plugreload_options, run_directory, 56);
AT(plugreload_options, run_directory_len, 64);
AT(plugreload_options, cookie_key, 72);
AT(plugreload_options, cookie_key_len, 80);
AT(plugreload_options, cookie_value, 88);
AT(plugreload_options, cookie_value_len, 96);
AT(plugreload_options, protocol_versions, 104);
AT(plugreload_options, protocol_version_count, 112);
AT(plugreload_options, env, 120);
AT(plugreload_options, env_lens, 128);
AT(plugreload_options, env_count, 136);
AT(plugreload_options, inherit_env, 144);
AT(plugreload_options, inherit_env_lens, 152);
AT(plugreload_options, inherit_env_count, 160);
AT(plugreload_options, launcher_names, 168);
AT(plugreload_options, launcher_name_lens, 176);
AT(plugreload_options, launchers, 184);
AT(plugreload_options, launcher_count, 192);
AT(plugreload_options, dispatch_launchers, 200);
AT(plugreload_options, dispatch_launcher_lens, 208);
AT(plugreload_options, dispatch_launcher_count, 216);
AT(plugreload_options, max_events, 224);
AT(plugreload_options, max_notifications, 232);
AT(plugreload_options, max_concurrent_starts, 240);
AT(plugreload_options, max_concurrent_reloads, 248);
AT(plugreload_options, max_queued_reloads, 256);
AT(plugreload_options, history, 264);
AT(plugreload_options, max_body_bytes, 272);
AT(plugreload_options, max_json_depth, 280);
AT(plugreload_options, max_mounts_per_request, 288);
AT(plugreload_options, max_log_bytes_per_second, 296);
AT(plugreload_options, max_image_bytes, 304);
AT(plugreload_options, restart_limit, 312);
AT(plugreload_options, restart_first_ms, 320);
AT(plugreload_options, restart_max_ms, 328);
AT(plugreload_options, restart_stable_ms, 336);
AT(plugreload_options, dispatch_timeout_ms, 344);
AT(plugreload_options, store, 352);
AT(plugreload_options, max_path_bytes, 360);
AT(plugreload_options, max_name_bytes, 368);
AT(plugreload_options, max_mount_bytes, 376);
AT(plugreload_options, member_ttl_ms, 384);
AT(plugreload_options, global_history, 392);
AT(plugreload_options, global_history_ttl_ms, 400);
SIZE(plugreload_options, global_history_ttl_ms, 408);

AT(plugreload_plugin, struct_size, 0);
AT(plugreload_plugin, type, 8);
AT(plugreload_plugin, image, 12);
AT(plugreload_plugin, sharing, 16);
AT(plugreload_plugin, order, 20);
AT(plugreload_plugin, name, 24);
AT(plugreload_plugin, name_len, 32);
AT(plugreload_plugin, version, 40);
AT(plugreload_plugin, version_len, 48);
AT(plugreload_plugin, launcher, 56);
AT(plugreload_plugin, launcher_len, 64);
AT(plugreload_plugin, command, 72);
AT(plugreload_plugin, command_len, 80);
AT(plugreload_plugin, args, 88);
AT(plugreload_plugin, arg_lens, 96);
AT(plugreload_plugin, arg_count, 104);
AT(plugreload_plugin, env, 112);
AT(plugreload_plugin, env_lens, 120);
AT(plugreload_plugin, env_count, 128);
AT(plugreload_plugin, sha256, 136);
AT(plugreload_plugin, sha256_len, 144);
AT(plugreload_plugin, protocols, 152);
AT(plugreload_plugin, protocol_lens, 160);
AT(plugreload_plugin, protocol_count, 168);
AT(plugreload_plugin, cookie_key, 176);
AT(plugreload_plugin, cookie_key_len, 184);
AT(plugreload_plugin, cookie_value, 192);
AT(plugreload_plugin, cookie_value_len, 200);
AT(plugreload_plugin, protocol_versions, 208);
AT(plugreload_plugin, protocol_version_count, 216);
AT(plugreload_plugin, start_timeout_ms, 224);
AT(plugreload_plugin, attach_timeout_ms, 232);
AT(plugreload_plugin, drain_timeout_ms, 240);
AT(plugreload_plugin, graceful_timeout_ms, 248);
AT(plugreload_plugin, terminate_timeout_ms, 256);
AT(plugreload_plugin, kill_timeout_ms, 264);
SIZE(plugreload_plugin, kill_timeout_ms, 272);

AT(plugreload_mount, struct_size, 0);
AT(plugreload_mount, ns, 8);
AT(plugreload_mount, ns_len, 16);
AT(plugreload_mount, path, 24);
AT(plugreload_mount, path_len, 32);
AT(plugreload_mount, plugin, 40);
AT(plugreload_mount, plugin_len, 48);
AT(plugreload_mount, version, 56);
AT(plugreload_mount, version_len, 64);
AT(plugreload_mount, description, 72);
AT(plugreload_mount, description_len, 80);
AT(plugreload_mount, option_keys, 88);
AT(plugreload_mount, option_key_lens, 96);
AT(plugreload_mount, option_values, 104);
AT(plugreload_mount, option_value_lens, 112);
AT(plugreload_mount, option_count, 120);
AT(plugreload_mount, type, 128);
AT(plugreload_mount, flags, 132);
SIZE(plugreload_mount, flags, 136);

AT(plugreload_tune, struct_size, 0);
AT(plugreload_tune, version, 8);
AT(plugreload_tune, version_len, 16);
AT(plugreload_tune, description, 24);
AT(plugreload_tune, description_len, 32);
AT(plugreload_tune, option_keys, 40);
AT(plugreload_tune, option_key_lens, 48);
AT(plugreload_tune, option_values, 56);
AT(plugreload_tune, option_value_lens, 64);
AT(plugreload_tune, option_count, 72);
SIZE(plugreload_tune, option_count, 80);

AT(plugreload_request, struct_size, 0);
AT(plugreload_request, plugin, 8);
AT(plugreload_request, plugin_len, 16);
AT(plugreload_request, mounts, 24);
AT(plugreload_request, mount_lens, 32);
AT(plugreload_request, mount_count, 40);
AT(plugreload_request, ns, 48);
AT(plugreload_request, ns_len, 56);
AT(plugreload_request, reload_id, 64);
AT(plugreload_request, reload_id_len, 72);
AT(plugreload_request, start_timeout_ms, 80);
AT(plugreload_request, drain_timeout_ms, 88);
AT(plugreload_request, type, 96);
AT(plugreload_request, reach, 100);
AT(plugreload_request, scope, 104);
AT(plugreload_request, order, 108);
AT(plugreload_request, policy, 112);
AT(plugreload_request, flags, 116);
AT(plugreload_request, pin_version, 120);
AT(plugreload_request, pin_version_len, 128);
AT(plugreload_request, strategy, 136);
AT(plugreload_request, max_unavailable, 140);
SIZE(plugreload_request, max_unavailable, 144);

AT(plugreload_call, struct_size, 0);
AT(plugreload_call, method, 8);
AT(plugreload_call, method_len, 16);
AT(plugreload_call, target, 24);
AT(plugreload_call, target_len, 32);
AT(plugreload_call, ns, 40);
AT(plugreload_call, ns_len, 48);
AT(plugreload_call, token, 56);
AT(plugreload_call, token_len, 64);
AT(plugreload_call, content_type, 72);
AT(plugreload_call, content_type_len, 80);
AT(plugreload_call, body, 88);
AT(plugreload_call, body_len, 96);
AT(plugreload_call, remote, 104);
AT(plugreload_call, remote_len, 112);
SIZE(plugreload_call, remote_len, 120);

AT(plugreload_lease, opaque, 0);
SIZE(plugreload_lease, opaque, 64);

AT(plugreload_host, struct_size, 0);
AT(plugreload_host, user_data, 8);
AT(plugreload_host, authorise, 16);
AT(plugreload_host, log, 24);
AT(plugreload_host, event, 32);
AT(plugreload_host, attach, 40);
AT(plugreload_host, detach, 48);
AT(plugreload_host, destroy, 56);
AT(plugreload_host, audit, 64);
AT(plugreload_host, tokens, 72);
AT(plugreload_host, token_count, 80);
SIZE(plugreload_host, token_count, 88);

AT(plugreload_token, struct_size, 0);
AT(plugreload_token, token, 8);
AT(plugreload_token, token_len, 16);
AT(plugreload_token, ns, 24);
AT(plugreload_token, ns_len, 32);
AT(plugreload_token, endpoints, 40);
AT(plugreload_token, endpoint_lens, 48);
AT(plugreload_token, endpoint_count, 56);
AT(plugreload_token, operations, 64);
AT(plugreload_token, flags, 72);
SIZE(plugreload_token, flags, 80);

AT(plugreload_launcher_ops, struct_size, 0);
AT(plugreload_launcher_ops, user_data, 8);
AT(plugreload_launcher_ops, start, 16);
AT(plugreload_launcher_ops, stop, 24);
AT(plugreload_launcher_ops, destroy, 32);
AT(plugreload_launcher_ops, inspect, 40);
SIZE(plugreload_launcher_ops, inspect, 48);

AT(plugreload_facts, struct_size, 0);
AT(plugreload_facts, version, 8);
AT(plugreload_facts, version_len, 16);
AT(plugreload_facts, cookie_key, 24);
AT(plugreload_facts, cookie_key_len, 32);
AT(plugreload_facts, cookie_value, 40);
AT(plugreload_facts, cookie_value_len, 48);
AT(plugreload_facts, protocol_versions, 56);
AT(plugreload_facts, protocol_version_count, 64);
AT(plugreload_facts, env, 72);
AT(plugreload_facts, env_lens, 80);
AT(plugreload_facts, env_count, 88);
AT(plugreload_facts, type, 96);
AT(plugreload_facts, flags, 100);
SIZE(plugreload_facts, flags, 104);

AT(plugreload_store_ops, struct_size, 0);
AT(plugreload_store_ops, user_data, 8);
AT(plugreload_store_ops, commit, 16);
AT(plugreload_store_ops, load, 24);
AT(plugreload_store_ops, watch, 32);
AT(plugreload_store_ops, unwatch, 40);
AT(plugreload_store_ops, keep, 48);
AT(plugreload_store_ops, kept, 56);
AT(plugreload_store_ops, unkeep, 64);
AT(plugreload_store_ops, destroy, 72);
SIZE(plugreload_store_ops, destroy, 80);

AT(plugreload_commit, struct_size, 0);
AT(plugreload_commit, actions, 8);
AT(plugreload_commit, keys, 16);
AT(plugreload_commit, key_lens, 24);
AT(plugreload_commit, values, 32);
AT(plugreload_commit, value_lens, 40);
AT(plugreload_commit, expected, 48);
AT(plugreload_commit, count, 56);
SIZE(plugreload_commit, count, 64);

AT(plugreload_reply, struct_size, 0);
AT(plugreload_reply, context, 8);
AT(plugreload_reply, error, 16);
AT(plugreload_reply, document, 24);
SIZE(plugreload_reply, document, 32);

AT(plugreload_watcher, struct_size, 0);
AT(plugreload_watcher, context, 8);
AT(plugreload_watcher, batch, 16);
AT(plugreload_watcher, end, 24);
SIZE(plugreload_watcher, end, 32);

AT(plugreload_sqlite_options, struct_size, 0);
AT(plugreload_sqlite_options, path, 8);
AT(plugreload_sqlite_options, path_len, 16);
AT(plugreload_sqlite_options, history, 24);
AT(plugreload_sqlite_options, history_bytes, 32);
AT(plugreload_sqlite_options, open_timeout_ms, 40);
SIZE(plugreload_sqlite_options, open_timeout_ms, 48);

AT(plugreload_goplugin_options, struct_size, 0);
AT(plugreload_goplugin_options, security, 8);
AT(plugreload_goplugin_options, health_failures, 12);
AT(plugreload_goplugin_options, run_directory, 16);
AT(plugreload_goplugin_options, run_directory_len, 24);
AT(plugreload_goplugin_options, env, 32);
AT(plugreload_goplugin_options, env_lens, 40);
AT(plugreload_goplugin_options, env_count, 48);
AT(plugreload_goplugin_options, inherit_env, 56);
AT(plugreload_goplugin_options, inherit_env_lens, 64);
AT(plugreload_goplugin_options, inherit_env_count, 72);
AT(plugreload_goplugin_options, log, 80);
AT(plugreload_goplugin_options, user_data, 88);
AT(plugreload_goplugin_options, destroy, 96);
AT(plugreload_goplugin_options, health_interval_ms, 104);
AT(plugreload_goplugin_options, health_timeout_ms, 112);
AT(plugreload_goplugin_options, shutdown_timeout_ms, 120);
AT(plugreload_goplugin_options, max_message_bytes, 128);
SIZE(plugreload_goplugin_options, max_message_bytes, 136);
