/* reloads.c - blocking, submitted, and failing in part. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

plugreload_request by_plugin(void) {
  plugreload_request request;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.type = SECRET;
  request.plugin = "kv";
  request.plugin_len = 2;
  request.reach = PLUGRELOAD_REACH_SUBTREE;
  return request;
}

/* v1 to v2 while a lease of v1 is held: the new one serves at once, the old one drains. */
void reload_blocking(void) {
  plugreload_request request = by_plugin();
  plugreload_lease held = PLUGRELOAD_LEASE_INIT;
  plugreload_report* report = NULL;
  plugreload_report* ended = NULL;
  plugreload_plan* plan = NULL;
  size_t i;
  check_part("blocking reload");
  pin("2.0.0");
  OK(plugreload_lease_acquire(engine, NULL, 0, "kv/x", 4, PATIENCE, &held, &error));
  plugreload_lease_tag(&held, "upload 7 and more", 8);
  OK(plugreload_reload_plan(engine, &request, &plan, &error));
  CHECK(plugreload_plan_count(plan) == 3 && plugreload_plan_process_count(plan) == 3);
  TEXT("v1.0.0", plugreload_plan_running_version(plan, 0, &len));
  TEXT("v2.0.0", plugreload_plan_target_version(plan, 2, &len));
  TEXT("team/project/", plugreload_plan_namespace(plan, 2, &len));
  TEXT("kv/", plugreload_plan_path(plan, 2, &len));
  CHECK(plugreload_plan_code(plan, 0) == PLUGRELOAD_OK);
  CHECK(plugreload_plan_order(plan, 0) == PLUGRELOAD_ORDER_START_FIRST);
  CHECK(plugreload_plan_would_skip(plan, 0) == 0 && plugreload_plan_neighbour_count(plan) == 0);
  plugreload_plan_free(plan);

  request.drain_timeout_ms = -1;
  request.reload_id = "first";
  request.reload_id_len = 5;
  OK(plugreload_reload_run(engine, &request, &report, &error));
  TEXT("first", plugreload_report_id(report, &len));
  CHECK(plugreload_report_state(report) == PLUGRELOAD_RELOAD_DRAINING);
  CHECK(plugreload_report_count(report) == 3 && plugreload_report_reloaded_count(report) == 3);
  CHECK(plugreload_report_draining(report, 0) == 1);
  CHECK(plugreload_report_lease_count(report, 0) == 1);
  TEXT("upload 7", plugreload_report_lease_tag(report, 0, 0, &len));
  CHECK(plugreload_report_lease_age_ms(report, 0, 0) >= 0);
  CHECK(plugreload_report_lease_count(report, 1) == 0);
  TEXT("", plugreload_report_lease_tag(report, 0, 1, &len));
  TEXT("v1.0.0", plugreload_lease_version(&held, &len));
  use_leases("v2.0.0");
  plugreload_lease_release(&held);
  OK(plugreload_reload_wait(engine, "first", 5, PATIENCE, &ended, &error));
  CHECK(plugreload_report_state(ended) == PLUGRELOAD_RELOAD_DONE);
  CHECK(plugreload_report_finished_at_ms(ended) >= plugreload_report_requested_at_ms(ended));
  for (i = 0; i < 3; ++i) {
    CHECK(plugreload_report_outcome(ended, i) == PLUGRELOAD_OUTCOME_RELOADED);
    CHECK(plugreload_report_code(ended, i) == PLUGRELOAD_OK);
    TEXT("v1.0.0", plugreload_report_previous_version(ended, i, &len));
    TEXT("v2.0.0", plugreload_report_running_version(ended, i, &len));
    CHECK(plugreload_report_generation(ended, i) ==
          plugreload_report_previous_generation(ended, i) + 1);
    CHECK(plugreload_report_draining(ended, i) == 0);
    CHECK(plugreload_report_lease_count(ended, i) == 0);
    CHECK(plugreload_report_sealed(ended, i) == processes);
  }
  plugreload_report_free(report);
  plugreload_report_free(ended);
}

/* Takes events until the reload has finished, as a host with a loop does. */
static void await_finish(const char* reload_id) {
  int finished = 0, taken = 0;
  while (!finished) {
    struct pollfd descriptor;
    plugreload_event* event = NULL;
    descriptor.fd = plugreload_event_fd(engine);
    descriptor.events = POLLIN;
    if (poll(&descriptor, 1, (int)PATIENCE) != 1) break;
    OK(plugreload_event_take(engine, &event, &error));
    while (event != NULL) {
      ++taken;
      CHECK(plugreload_event_kind(event) != 0);
      finished |= plugreload_event_kind(event) == PLUGRELOAD_EVENT_RELOAD_FINISHED &&
                  strcmp(plugreload_event_reload_id(event, NULL), reload_id) == 0;
      plugreload_event_free(event);
      event = NULL;
      OK(plugreload_event_take(engine, &event, &error));
    }
  }
  CHECK(finished);
  CHECK(taken > 3);
}

void reload_submitted(void) {
  plugreload_request request = by_plugin();
  plugreload_report* report = NULL;
  plugreload_report* found = NULL;
  char id[64];
  check_part("submitted reload");
  pin("v1.0.0");
  OK(plugreload_reload_submit(engine, &request, &report, &error));
  snprintf(id, sizeof id, "%s", plugreload_report_id(report, NULL));
  plugreload_report_free(report);
  await_finish(id);
  OK(plugreload_reload_find(engine, id, NTS, &found, &error));
  CHECK(plugreload_report_state(found) == PLUGRELOAD_RELOAD_DONE);
  TEXT("", plugreload_report_joined(found, &len));
  plugreload_report_free(found);
  REFUSED(PLUGRELOAD_FAILED_PRECONDITION, "already_finished",
          plugreload_reload_cancel(engine, id, NTS, &error));
  REFUSED(PLUGRELOAD_NOT_FOUND, "reload_not_found",
          plugreload_reload_cancel(engine, "none", 4, &error));
  REFUSED(PLUGRELOAD_NOT_FOUND, "reload_not_found",
          plugreload_reload_find(engine, "none", 4, &found, &error));
  CHECK(found == NULL);
  use_leases("v1.0.0");
}

/* One path of a request is no mount; then a version that starts nowhere, or not everywhere. */
void reload_failing(void) {
  static const char* const paths[] = {"kv", "nowhere"};
  static const size_t lens[] = {2, 7};
  plugreload_request request;
  plugreload_report* report = NULL;
  size_t i;
  check_part("failing reloads");
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.mounts = paths;
  request.mount_lens = lens;
  request.mount_count = 2;
  OK(plugreload_reload_run(engine, &request, &report, &error));
  CHECK(plugreload_report_state(report) == PLUGRELOAD_RELOAD_FAILED);
  CHECK(plugreload_report_reloaded_count(report) == 1);
  CHECK(plugreload_report_failed_count(report) == 1);
  plugreload_report_free(report);

  OK(register_version("v3.0.0", "prints_garbage"));
  pin("v3.0.0");
  request = by_plugin();
  OK(plugreload_reload_run(engine, &request, &report, &error));
  CHECK(plugreload_report_state(report) == PLUGRELOAD_RELOAD_FAILED);
  CHECK(plugreload_report_failed_count(report) == (processes ? 3U : 1U));
  for (i = 0; i < 3; ++i) {
    if (plugreload_report_outcome(report, i) != PLUGRELOAD_OUTCOME_FAILED) continue;
    TEXT(processes ? "handshake_invalid" : "broken", plugreload_report_reason(report, i, &len));
    CHECK(plugreload_report_code(report, i) != PLUGRELOAD_OK);
    CHECK(plugreload_report_message(report, i, &len)[0] != '\0' && len > 0);
    TEXT("v1.0.0", plugreload_report_running_version(report, i, &len));
  }
  plugreload_report_free(report);
  pin("v1.0.0");
  OK(plugreload_reload_run(engine, &request, &report, &error));
  CHECK(plugreload_report_state(report) == PLUGRELOAD_RELOAD_DONE);
  plugreload_report_free(report);
  use_leases("v1.0.0");
}

/* The pin comes and goes with its reload; alone in its store the engine has no members. */
void reload_with_its_pin(void) {
  plugreload_request request = by_plugin();
  plugreload_report* report = NULL;
  plugreload_report* ended = NULL;
  check_part("reload with its pin");
  request.pin_version = "2.0.0";
  request.pin_version_len = 5;
  request.flags = PLUGRELOAD_UNPIN;
  REFUSED(PLUGRELOAD_INVALID_ARGUMENT, "invalid_pin",
          plugreload_reload_run(engine, &request, &report, &error));
  request.flags = 0;
  request.reload_id = "pinned";
  request.reload_id_len = 6;
  OK(plugreload_reload_run(engine, &request, &report, &error));
  CHECK(plugreload_report_member_count(report) == 0);
  TEXT("", plugreload_report_member_node(report, 0, &len));
  plugreload_report_free(report);
  use_leases("v2.0.0");
  OK(plugreload_reload_wait(engine, "pinned", 6, PATIENCE, &ended, &error));
  plugreload_report_free(ended);
  OK(plugreload_reload_rollback(engine, "pinned", 6, &report, &error));
  OK(plugreload_reload_wait(engine, plugreload_report_id(report, &len), PLUGRELOAD_NTS, PATIENCE,
                            &ended, &error));
  CHECK(plugreload_report_state(ended) == PLUGRELOAD_RELOAD_DONE);
  plugreload_report_free(report);
  plugreload_report_free(ended);
  use_leases("v1.0.0");
  REFUSED(PLUGRELOAD_NOT_FOUND, "reload_not_found",
          plugreload_reload_rollback(engine, "none", 4, &report, &error));
}
