// http_host/options.hpp - the command line.
#ifndef EXAMPLES_HTTP_HOST_OPTIONS_HPP_
#define EXAMPLES_HTTP_HOST_OPTIONS_HPP_

#include <chrono>
#include <string>

#include "plugreload/host.hpp"

namespace example {

struct Options {
  std::string listen = "127.0.0.1:8200";  // port 0: any free one
  std::string plugin_dir;                 // where registered commands are
  std::string token_file;                 // see Tokens
  std::string node = "node";
  std::string run_dir;   // sockets of plugins; empty: the library's choice
  std::string store;     // see OpenStore; empty: DefaultStore
  std::string data_dir;  // reaches plugins as PLUGRELOAD_DATA_DIR
  plugreload::LogLevel log_level = plugreload::LogLevel::kInfo;
  bool dev = false;  // the token "root" may do everything; loopback only
  bool help = false;
  std::chrono::milliseconds wait{15'000};     // for a plugin that is starting or held by a reload
  std::chrono::milliseconds timeout{60'000};  // for a plugin's answer
};

// Throws std::invalid_argument with a message for the person who typed it.
Options ParseOptions(int argc, char** argv);
extern const char kUsage[];

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_OPTIONS_HPP_
