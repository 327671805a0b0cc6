// Serves; a process it started keeps stdout and stderr open.
#include "plugin.hpp"

int main() {
  if (fork() == 0) plugin::WaitForEver();
  return plugin::ServeHere();
}
