// Takes START_MS to get ready.
#include "plugin.hpp"

int main() {
  plugin::Wait(plugin::EnvNumber("START_MS", 500));
  return plugin::ServeHere();
}
