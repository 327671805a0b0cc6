/* main.c - both scenarios; prints what failed, and returns 1 if anything did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

static void run(const char* run_directory, int with_processes) {
  struct usage before = usage_now();
  processes = with_processes;
  check_part("open");
  open_engine(run_directory);
  if (engine == NULL) return;
  host.engine = engine;
  fill_catalog_and_tree();
  list_mounts();
  use_leases("v1.0.0");
  reload_blocking();
  reload_submitted();
  reload_failing();
  reload_with_its_pin();
  dispatch_calls();
  bad_input();
  change_mounts();
  use_in_forked_child();
  close_with_held_lease();
  plugreload_engine_free(engine);
  engine = NULL;

  check_part(with_processes ? "end of processes" : "end of objects");
  CHECK(host.acquire_in_callback == PLUGRELOAD_FAILED_PRECONDITION);
  CHECK(host.authorised > 0 && host.refused > 0 && host.lines > 0 && host.events > 0);
  CHECK(host.attached > 0 && host.attached == host.detached);
  CHECK(with_processes || (launcher.started > 0 && launcher.started == launcher.stopped));
  CHECK(host.destroyed == 1 && launcher.destroyed == 1);
  check_usage(before);
}

int main(void) {
  const char* temporary = getenv("TMPDIR");
  char run_directory[256];
  snprintf(run_directory, sizeof run_directory, "%s/plr-c.XXXXXX",
           temporary != NULL ? temporary : "/tmp");
  if (mkdtemp(run_directory) == NULL) return 1;
  CHECK(strcmp(plugreload_version(), PLUGRELOAD_VERSION_STRING) == 0);
  run(run_directory, 0);
  run(run_directory, 1);
  check_part("run directory");
  CHECK(rmdir(run_directory) == 0); /* nothing is left in it */
  return check_result();
}
