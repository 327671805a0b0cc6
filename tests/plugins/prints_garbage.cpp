// Prints something that is no handshake, and stays.
#include "plugin.hpp"

int main() {
  plugin::Handshake("hello, world");
  plugin::WaitForEver();
}
