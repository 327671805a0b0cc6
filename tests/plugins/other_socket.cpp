// Names a socket that belongs to somebody else: OTHER_SOCKET.
#include "plugin.hpp"

int main() {
  plugin::Handshake("1|1|unix|" + plugin::Env("OTHER_SOCKET") + "|http");
  plugin::WaitForEver();
}
