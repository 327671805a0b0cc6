// Serves; a process it started leaves its group and keeps its pipes.
#include "plugin.hpp"

int main() {
  if (fork() == 0) {
    setsid();
    signal(SIGTERM, SIG_IGN);
    plugin::WaitForEver();
  }
  return plugin::ServeHere();
}
