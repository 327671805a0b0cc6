#include <plugreload/goplugin.hpp>

#include <cstdio>

// main.cpp PLUGIN: starts it and says where it serves.
int main(int, char** argv) {
  auto launcher = plugreload::NewGoPluginLauncher({});
  if (!launcher.ok()) return 1;
  plugreload::LaunchSpec spec;
  spec.plugin.ref = {plugreload::PluginType::kSecret, "kv", "v1.0.0"};
  spec.command = spec.plugin.command = argv[1];
  spec.handshake = {"PLUGRELOAD_EXAMPLE", "kv", {1}};
  spec.instance = "kv-1";
  plugreload::StartContext context;
  context.deadline = plugreload::After(plugreload::Millis{20'000});
  const auto instance = (*launcher)->Start(spec, context);
  if (!instance.ok()) {
    std::fprintf(stderr, "%s\n", instance.status().ToString().c_str());
    return 1;
  }
  const auto endpoint = plugreload::GoPluginEndpointOf((*instance)->info());
  std::printf("C++ %.5s %s\n", endpoint->target.c_str(), endpoint->server_name.c_str());
  return 0;
}
