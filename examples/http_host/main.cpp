// An HTTP server with plugreload inside: /v1/sys/... manages plugins, the rest is served by them.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>

#include "http/server.hpp"
#include "http_host/example_host.hpp"
#include "http_host/options.hpp"
#include "http_host/routes.hpp"
#include "http_host/store.hpp"
#include "http_host/tokens.hpp"
#include "plugreload/runtime.hpp"

namespace {

using namespace std::chrono_literals;
using example::Clock;
using example::Options;

// SIGTERM and SIGINT as something to poll. Made before any thread, so that all inherit the mask;
// the library starts plugins with default signals nevertheless.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigprocmask(SIG_BLOCK, &set_, nullptr);
    fd_ = example::Fd(signalfd(-1, &set_, SFD_CLOEXEC));
  }
  int fd() const { return fd_.get(); }
  void Take() {
    signalfd_siginfo info;
    [[maybe_unused]] const auto size = read(fd_.get(), &info, sizeof(info));
  }
  void RestoreDefault() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_;
  example::Fd fd_;
};

plugreload::RuntimeOptions ToRuntimeOptions(const Options& options,
                                            std::shared_ptr<plugreload::Host> host) {
  plugreload::RuntimeOptions out;
  out.node = options.node;
  out.host = std::move(host);
  if (options.store != "memory") out.store = example::OpenStore(options.store);
  out.plugin_directory = options.plugin_dir;
  out.process.run_directory = options.run_dir;
  if (!options.data_dir.empty()) {
    out.process.env.push_back("PLUGRELOAD_DATA_DIR=" + options.data_dir);
  }
  return out;
}

// Stops accepting, lets running requests finish, then stops the plugins. A second signal cuts the
// first step short; a third ends the process, and its plugins with it.
int Shutdown(Signals& signals, example::HttpServer& server, plugreload::Runtime& runtime) {
  signals.Take();
  server.Stop();
  const bool finished = server.Finish(signals.fd(), Clock::now() + 60s);
  signals.RestoreDefault();
  const plugreload::Status closed = runtime.Close(plugreload::After(finished ? 30s : 3s));
  if (!closed.ok()) std::fprintf(stderr, "http_host: %s\n", closed.ToString().c_str());
  return closed.ok() ? 0 : 1;
}

int Run(const Options& options) {
  Signals signals;
  example::Tokens tokens;
  if (options.dev) tokens.Add("root", "");
  if (!options.token_file.empty()) tokens.AddFile(options.token_file);
  std::string address = options.listen;
  example::Fd listener = example::ListenTcp(address);

  auto runtime = plugreload::Runtime::Create(
      ToRuntimeOptions(options, std::make_shared<example::ExampleHost>(tokens, options.log_level)));
  if (!runtime.ok()) throw std::runtime_error(runtime.status().ToString());
  example::Routes routes(**runtime, tokens, options.wait, options.timeout);
  example::HttpServer server(std::move(listener),
                             [&routes](example::HttpRequest& request, const std::string& remote) {
                               return routes.Handle(request, remote);
                             },
                             {});
  std::printf("listening on http://%s\n", address.c_str());
  std::fflush(stdout);

  example::WaitReadable(signals.fd(), -1, Clock::time_point::max());
  return Shutdown(signals, server, **runtime);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = example::ParseOptions(argc, argv);
    if (options.help) {
      std::fputs(example::kUsage, stdout);
      return 0;
    }
    return Run(options);
  } catch (const std::invalid_argument& e) {
    std::fprintf(stderr, "http_host: %s\n%s", e.what(), example::kUsage);
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "http_host: %s\n", e.what());
    return 1;
  }
}
