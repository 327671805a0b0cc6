#include "http_host/options.hpp"

#include <filesystem>
#include <map>
#include <stdexcept>

#include "http/stream.hpp"
#include "http_host/store.hpp"

namespace example {

const char kUsage[] =
    "usage: http_host --plugin-dir DIR (--token-file FILE | --dev) [option]...\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:8200; port 0 takes a free one\n"
    "  --plugin-dir DIR       where the commands of registered plugins are\n"
    "  --token-file FILE      a line per token: TOKEN [NAMESPACE]; it may act there and below\n"
    "  --node NAME            this node's name in reload results\n"
    "  --store STORE          memory, sqlite:FILE, or etcd:URL,URL,... of a cluster; by default a\n"
    "                         SQLite file in the data directory, if there is one\n"
    "  --data-dir DIR         given to plugins as PLUGRELOAD_DATA_DIR\n"
    "  --run-dir DIR          where plugins have their sockets\n"
    "  --log-level LEVEL      trace, debug, info, warn or error\n"
    "  --wait-ms N            how long a request waits for a plugin to be ready\n"
    "  --timeout-ms N         how long a plugin may take to answer\n"
    "  --dev                  the token is 'root'; listens on loopback only\n";

namespace {

plugreload::LogLevel ParseLevel(const std::string& text) {
  for (int number = 0; number <= static_cast<int>(plugreload::LogLevel::kError); ++number) {
    const auto level = static_cast<plugreload::LogLevel>(number);
    if (plugreload::LogLevelName(level) == text) return level;
  }
  throw std::invalid_argument("--log-level is trace, debug, info, warn or error, not " + text);
}

std::chrono::milliseconds ParseMs(const std::string& name, const std::string& text) {
  try {
    return std::chrono::milliseconds(std::stoul(text));
  } catch (const std::exception&) {
    throw std::invalid_argument(name + " is a number of milliseconds, not " + text);
  }
}

void Check(const Options& options) {
  if (options.plugin_dir.empty()) throw std::invalid_argument("--plugin-dir is missing");
  if (options.dev && !IsLoopback(options.listen)) {
    throw std::invalid_argument("--dev listens on a loopback address only, not on " +
                                options.listen);
  }
  if (!options.dev && options.token_file.empty()) {
    throw std::invalid_argument("--token-file is missing: nobody could do anything");
  }
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  Options options;
  std::map<std::string, std::string*> texts = {
      {"--listen", &options.listen},   {"--plugin-dir", &options.plugin_dir},
      {"--node", &options.node},       {"--token-file", &options.token_file},
      {"--run-dir", &options.run_dir}, {"--data-dir", &options.data_dir},
      {"--store", &options.store}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--dev") {
      options.dev = true;
      continue;
    }
    if (name == "--help") {
      options.help = true;
      return options;
    }
    if (i + 1 == argc) throw std::invalid_argument(name + " is unknown or needs a value");
    const std::string value = argv[++i];
    if (const auto text = texts.find(name); text != texts.end()) {
      *text->second = value;
    } else if (name == "--log-level") {
      options.log_level = ParseLevel(value);
    } else if (name == "--wait-ms") {
      options.wait = ParseMs(name, value);
    } else if (name == "--timeout-ms") {
      options.timeout = ParseMs(name, value);
    } else {
      throw std::invalid_argument("unknown option " + name);
    }
  }
  Check(options);
  options.plugin_dir = std::filesystem::absolute(options.plugin_dir);
  for (std::string* directory : {&options.run_dir, &options.data_dir}) {
    if (directory->empty()) continue;
    *directory = std::filesystem::absolute(*directory);
    std::filesystem::create_directories(*directory);
  }
  if (options.store.empty()) options.store = DefaultStore(options.data_dir);
  return options;
}

}  // namespace example
