// Prints a correct line and dies at once.
#include "plugin.hpp"

int main() {
  plugin::Handshake();
  plugin::Write(2, "out of luck\n");
  return 3;
}
