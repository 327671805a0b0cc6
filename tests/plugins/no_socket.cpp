// Names a socket that nobody listens on.
#include "plugin.hpp"

int main() {
  plugin::Handshake();
  plugin::WaitForEver();
}
