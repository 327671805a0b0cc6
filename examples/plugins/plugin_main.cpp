#include "plugins/plugin_main.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

namespace example {
namespace {

// What RuntimeOptions::handshake of the host says.
constexpr const char* kCookieKey = "PLUGRELOAD_PLUGIN_COOKIE";
constexpr std::string_view kCookieValue = "6a6f3c57-2d0e-4b1b-9d0a-0f6c8a7e5b21";

std::string_view Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// Readable when the host wants this process to end, for one reason or the other.
struct StopSources {
  StopSources() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    terminate = Fd(signalfd(-1, &signals, SFD_CLOEXEC));
    const std::string_view number = Env("PLUGRELOAD_LIVENESS_FD");
    if (!number.empty()) liveness = Fd(std::atoi(number.data()));
  }
  Fd terminate;
  Fd liveness;  // the host never writes to it: it ends with the host
};

int Serve(const Handler& handler) {
  const StopSources stop;  // before any thread is made, so that all of them have SIGTERM blocked
  const std::string directory(Env("PLUGIN_UNIX_SOCKET_DIR"));
  if (directory.empty()) throw std::runtime_error("PLUGIN_UNIX_SOCKET_DIR is not set");
  const std::string path = directory + "/plugin.sock";
  HttpServer server(ListenUnix(path), handler, ServerLimits{.idle = std::chrono::hours(24)});

  // CORE|APP|NETWORK|ADDRESS|PROTOCOL. The socket listens already, as the line promises.
  std::printf("1|1|unix|%s|http\n", path.c_str());
  std::fflush(stdout);

  WaitReadable(stop.terminate.get(), stop.liveness.get(), Clock::time_point::max());
  server.Stop();
  server.Finish(-1, Clock::now() + std::chrono::seconds(30));
  unlink(path.c_str());
  return 0;
}

}  // namespace

int RunPlugin(const Handler& handler) {
  if (Env(kCookieKey) != kCookieValue) {
    std::fputs("This is a plugin: it is started by a plugreload host, not by hand.\n", stderr);
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  try {
    return Serve(handler);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "[ERROR] %s\n", e.what());
    return 1;
  }
}

}  // namespace example
