// Closes stdout instead of saying where it listens, and stays.
#include "plugin.hpp"

int main() {
  close(1);
  plugin::WaitForEver();
}
