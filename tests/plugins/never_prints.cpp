// Stays silent.
#include "plugin.hpp"

int main() {
  plugin::Write(2, "still thinking\n");
  plugin::WaitForEver();
}
