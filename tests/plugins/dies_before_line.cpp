// Says why on stderr and half a line on stdout, then dies.
#include "plugin.hpp"

int main() {
  plugin::Write(1, "1|1|unix|");
  plugin::Write(2, "[ERROR] no such database\n");
  return 3;
}
