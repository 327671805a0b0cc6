// Serves; a process it started leaves its group and its output, as daemons do.
#include <fcntl.h>

#include "plugin.hpp"

int main() {
  if (fork() == 0) {
    setsid();
    signal(SIGTERM, SIG_IGN);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    plugin::WaitForEver();
  }
  return plugin::ServeHere();
}
