// Names gRPC in its line, listens, and answers in HTTP/1.1.
#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake("1|1|unix|" + plugin::SocketPath() + "|grpc|");
  return plugin::Serve(listener);
}
