// vault_order_host PLUGIN DATA-DIR START-MS: one mount behind HTTP, reloaded in Vault's order
// (vault/plugin_reload.go): under the lock of the mount the old process is stopped, then the new
// one is started, hashed anew, while requests wait for the lock. Launcher, plugin, server and
// connections are those of the example host, so that the order is all that differs. Prints its
// address; a line on stdin is a reload, the end of stdin the end.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "http/server.hpp"
#include "http_host/plugin_pool.hpp"
#include "plugreload/launcher.hpp"

namespace {

namespace http = boost::beast::http;
using example::Clock;
using example::HttpRequest;
using example::HttpResponse;
using plugreload::Millis;

class Mount {
 public:
  Mount(std::string program, const std::string& directory, const std::string& start_ms) {
    plugreload::ProcessLauncherOptions options;
    options.run_directory = directory + "/run";
    options.env = {"PLUGRELOAD_DATA_DIR=" + directory, "KV_START_MS=" + start_ms};
    auto made = plugreload::NewProcessLauncher(std::move(options));
    if (!made.ok()) throw std::runtime_error(made.status().ToString());
    launcher_ = *std::move(made);
    spec_.plugin.ref = {plugreload::PluginType::kSecret, "kv", "v1.0.0"};
    spec_.plugin.command = spec_.command = std::move(program);
    spec_.handshake = {"PLUGRELOAD_PLUGIN_COOKIE", "6a6f3c57-2d0e-4b1b-9d0a-0f6c8a7e5b21", {1}};
    Reload();
  }

  void Reload() {
    const std::unique_lock lock(mutex_);
    if (instance_ != nullptr) (void)instance_->Stop(plugreload::After(Millis(10'000)));
    spec_.instance = "kv-" + std::to_string(++number_);
    plugreload::StartContext context;
    context.deadline = plugreload::After(Millis(60'000));
    auto started = launcher_->Start(spec_, context);
    if (!started.ok()) throw std::runtime_error(started.status().ToString());
    instance_ = *std::move(started);
    pool_ = std::make_unique<example::PluginPool>(instance_->info().endpoint);
  }

  HttpResponse Forward(HttpRequest& request) {
    const std::shared_lock lock(mutex_);
    const auto deadline = Clock::now() + std::chrono::seconds(30);
    const std::string target(request.target());
    request.target(target.substr(std::string("/v1/kv").size()));
    example::error_code error;
    example::Stream stream = pool_->Take(deadline, error);
    stream.ExpireAt(deadline);
    if (!error) http::write(stream, request, error);
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    if (!error) http::read(stream, buffer, parser, error);
    if (error) return example::ErrorResponse(502, error.message());
    HttpResponse response = parser.release();
    if (response.keep_alive()) pool_->Give(std::move(stream));
    return response;
  }

 private:
  std::shared_mutex mutex_;
  std::shared_ptr<plugreload::Launcher> launcher_;
  plugreload::LaunchSpec spec_;
  std::unique_ptr<plugreload::PluginInstance> instance_;
  std::unique_ptr<example::PluginPool> pool_;
  int number_ = 0;
};

void Serve(char** arguments) {
  Mount mount(arguments[1], arguments[2], arguments[3]);
  example::HttpServer server(
      example::ListenUnix(std::string(arguments[2]) + "/host.sock"),
      [&mount](HttpRequest& request, const std::string&) { return mount.Forward(request); }, {});
  std::cout << "unix:" << arguments[2] << "/host.sock" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    mount.Reload();
    std::cout << "reloaded" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("vault_order_host PLUGIN DATA-DIR START-MS");
    Serve(argv);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "vault_order_host: %s\n", e.what());
    return 1;
  }
}
