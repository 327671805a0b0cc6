// The load client: load [--name value]..., one JSON line per interval, one more at the end.
#include <signal.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "load/client.hpp"

namespace {

using example::LoadOptions;

LoadOptions Parse(int argc, char** argv) {
  LoadOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--connect")
      options.connect = value;
    else if (name == "--namespace")
      options.namespaces.push_back(value);
    else if (name == "--prefix")
      options.prefix = value;
    else if (name == "--read-key")
      options.read_key = value;
    else if (name == "--expect")
      options.expect = value;
    else if (name == "--token")
      options.token = value;
    else if (name == "--run")
      options.run = value;
    else if (name == "--rate")
      options.rate = std::stod(value);
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--connections")
      options.connections = std::stoul(value);
    else if (name == "--samples")
      options.samples = value;
    else
      throw std::invalid_argument("unknown option " + name);
  }
  if (argc % 2 == 0) throw std::invalid_argument(std::string(argv[argc - 1]) + " needs a value");
  if (options.namespaces.empty()) options.namespaces.push_back("");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const example::Fd stop(signalfd(-1, &signals, SFD_CLOEXEC));

    const LoadOptions options = Parse(argc, argv);
    example::LoadClient client(options);
    client.Run(stop.get());
    if (!options.samples.empty()) client.stats().WriteSamples(options.samples);
    std::puts(client.stats().Final().c_str());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "load: %s\n", e.what());
    return 2;
  }
}
