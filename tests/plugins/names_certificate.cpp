// Correct, with all seven fields and one that nobody knows yet.
#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake("1|1|unix|" + plugin::SocketPath() + "|http|" + std::string(60, 'A') +
                    "|true|later");
  return plugin::Serve(listener);
}
