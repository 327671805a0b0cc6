// Speaks netrpc, as old go-plugin plugins do without saying so.
#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake("1|1|unix|" + plugin::SocketPath());
  return plugin::Serve(listener);
}
