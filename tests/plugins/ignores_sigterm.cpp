// Serves, and ends neither on SIGTERM nor with the liveness socket.
#include "plugin.hpp"

int main() {
  setenv("IGNORE_LIVENESS", "1", 1);
  setenv("IGNORE_SIGTERM", "1", 1);
  return plugin::ServeHere();
}
