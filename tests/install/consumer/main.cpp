#include <plugreload/runtime.hpp>

#include <chrono>
#include <cstdio>
#include <string>

// Uses enough that every dependency of a static build is linked.
int main() {
  plugreload::RuntimeOptions options;
  options.launchers["process"] = plugreload::NewCallbackLauncher({});
  auto runtime = plugreload::Runtime::Create(options);
  if (!runtime.ok()) {
    std::fprintf(stderr, "%s\n", runtime.status().ToString().c_str());
    return 1;
  }
  plugreload::PluginSpec spec;
  spec.ref = {plugreload::PluginType::kSecret, "kv", "1.2"};
  spec.command = "/bin/true";
  spec.sha256 = std::string(64, '0');
  if (!(*runtime)->registry().Register(spec).ok()) return 1;
  const auto found = (*runtime)->registry().List(plugreload::PluginType::kSecret);
  std::printf("C++ %s\n", found.at(0).ref.version.c_str());
  return (*runtime)->Close(plugreload::After(plugreload::Millis{10'000})).ok() ? 0 : 1;
}
