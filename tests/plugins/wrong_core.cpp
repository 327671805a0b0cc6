// Speaks another core protocol.
#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake("2|1|unix|" + plugin::SocketPath() + "|http");
  return plugin::Serve(listener);
}
