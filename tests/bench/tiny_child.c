/* The least that is a plugin: a socket, the handshake line, and then nothing until a signal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void) {
  struct sockaddr_un address;
  const char* directory = getenv("PLUGIN_UNIX_SOCKET_DIR");
  char line[200];
  int length, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  length = snprintf(address.sun_path, sizeof address.sun_path, "%s/p",
                    directory != NULL ? directory : "");
  if (length >= (int)sizeof address.sun_path) return 1;
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) return 1;
  if (listen(listener, 8) != 0) return 1;
  length = snprintf(line, sizeof line, "1|1|unix|%s|http\n", address.sun_path);
  if (write(STDOUT_FILENO, line, (size_t)length) != length) return 1;
  for (;;) pause();
}
