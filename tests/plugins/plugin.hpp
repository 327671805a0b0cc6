// plugins/plugin.hpp - what the plugins of the tests have in common: a correct one in pieces.
#ifndef PLUGRELOAD_TESTS_PLUGINS_PLUGIN_HPP_
#define PLUGRELOAD_TESTS_PLUGINS_PLUGIN_HPP_

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace plugin {

constexpr int kLiveness = 3;

inline std::string Env(const char* name, const char* otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}
inline int EnvNumber(const char* name, int otherwise) {
  const std::string value = Env(name);
  return value.empty() ? otherwise : std::atoi(value.c_str());
}
inline void Write(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}
inline void Wait(int milliseconds) { poll(nullptr, 0, milliseconds); }
[[noreturn]] inline void WaitForEver() {
  for (;;) pause();
}

inline sigset_t BlockTerminate() {
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  sigprocmask(SIG_BLOCK, &terminate, nullptr);
  return terminate;
}

inline std::string SocketPath() { return Env("PLUGIN_UNIX_SOCKET_DIR", "/tmp") + "/s"; }
// Blocks SIGTERM first: Serve takes it from a descriptor, and it may come right after the
// handshake.
inline int Listen(const std::string& path = SocketPath()) {
  BlockTerminate();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 512) != 0) {
    std::perror("cannot listen");
    std::exit(1);
  }
  return listener;
}
inline void Handshake(const std::string& line) { Write(1, line + "\n"); }
inline void Handshake() { Handshake("1|1|unix|" + SocketPath() + "|http"); }

inline std::string Version() {
  return Env("KV_VERSION", Env("PLUGRELOAD_VERSION", "unknown").c_str());
}
inline std::string About(const std::string&) {
  return "{\"version\":\"" + Version() + "\",\"pid\":" + std::to_string(getpid()) +
         ",\"mount\":\"" + Env("PLUGRELOAD_MOUNT") + "\",\"namespace\":\"" +
         Env("PLUGRELOAD_NAMESPACE") + "\",\"plugin\":\"" + Env("PLUGRELOAD_PLUGIN") + "\"}\n";
}

using Answer = std::function<std::string(const std::string& path)>;

struct Connection {
  int fd;
  std::string input;
};

// Answers the complete requests in `input`. False: the connection is to be closed.
inline bool AnswerRequests(Connection& connection, const Answer& answer) {
  for (;;) {
    const std::size_t end = connection.input.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    std::string head = connection.input.substr(0, end + 2);
    const std::size_t path_begin = head.find(' ') + 1;
    const std::string path = head.substr(path_begin, head.find(' ', path_begin) - path_begin);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t length_at = head.find("\r\ncontent-length:");
    const std::size_t body = length_at == std::string::npos
                                 ? 0
                                 : std::strtoul(head.c_str() + length_at + 17, nullptr, 10);
    if (connection.input.size() < end + 4 + body) return true;
    connection.input.erase(0, end + 4 + body);
    if (path.size() >= 5 && path.substr(path.size() - 5) == "/exit") _exit(7);
    const bool close_after = head.find("\r\nconnection: close") != std::string::npos;
    const std::string text = answer(path);
    const std::string response =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(text.size()) + (close_after ? "\r\nConnection: close" : "") + "\r\n\r\n" +
        text;
    send(connection.fd, response.data(), response.size(), MSG_NOSIGNAL);
    if (close_after) return false;
  }
}

inline bool ReadMore(Connection& connection, const Answer& answer) {
  char chunk[16384];
  const auto got = recv(connection.fd, chunk, sizeof(chunk), 0);
  if (got <= 0) return false;
  connection.input.append(chunk, static_cast<std::size_t>(got));
  return AnswerRequests(connection, answer);
}

// Answers every HTTP request until SIGTERM or until the host closes the liveness socket.
inline int Serve(int listener, const Answer& answer = About) {
  const sigset_t terminate = BlockTerminate();
  const int signals = signalfd(-1, &terminate, SFD_CLOEXEC);
  std::vector<Connection> connections;
  for (;;) {
    std::vector<pollfd> waiting = {{Env("IGNORE_SIGTERM").empty() ? signals : -1, POLLIN, 0},
                                   {Env("IGNORE_LIVENESS").empty() ? kLiveness : -1, POLLIN, 0},
                                   {listener, POLLIN, 0}};
    for (const Connection& connection : connections) waiting.push_back({connection.fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    if (waiting[0].revents != 0 || waiting[1].revents != 0) return 0;
    for (std::size_t i = connections.size(); i-- > 0;) {
      if (waiting[i + 3].revents == 0 || ReadMore(connections[i], answer)) continue;
      close(connections[i].fd);
      connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[2].revents == 0) continue;
    const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted >= 0) connections.push_back({accepted, {}});
  }
}

// What a correct plugin does, from beginning to end.
inline int ServeHere() {
  const int listener = Listen();
  Handshake();
  return Serve(listener);
}

}  // namespace plugin

#endif  // PLUGRELOAD_TESTS_PLUGINS_PLUGIN_HPP_
