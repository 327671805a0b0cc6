// Listens, prints a correct line and dies at once: whether anybody connects before is a race.
#include "plugin.hpp"

int main() {
  plugin::Listen();
  plugin::Handshake();
  plugin::Write(2, "out of luck\n");
  return 3;
}
