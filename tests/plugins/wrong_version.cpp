// Speaks an application protocol version that nobody offered.
#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake("1|99|unix|" + plugin::SocketPath() + "|http");
  return plugin::Serve(listener);
}
