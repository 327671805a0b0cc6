// A host, whole: PLUGRELOAD_DATA_DIR=DIR cpp_host PLUGIN_DIR RUN_DIR
#include <plugreload/runtime.hpp>

#include <cstdlib>
#include <iostream>
using namespace plugreload;

void Must(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

int main(int, char** argv) {
  RuntimeOptions options;
  options.plugin_directory = argv[1];
  options.process.run_directory = argv[2];
  options.process.inherit_env = {"PLUGRELOAD_DATA_DIR"};
  options.allow_unhashed = true;  // otherwise every version names the SHA-256 of its file
  const auto host = Runtime::Create(options);
  Must(host.status());
  PluginSpec kv;
  for (const std::string version : {"v1.0.0", "v2.0.0"}) {
    kv.ref = {PluginType::kSecret, "kv", version};
    kv.command = "kv-" + version;
    Must((*host)->registry().Register(kv));
  }
  MountEntry mount;
  mount.path = mount.plugin = "kv";
  mount.version = "v1.0.0";
  Must((*host)->reloads().Mount(mount, After(Millis(9000))).status());

  auto lease = (*host)->reloads().Acquire("", "kv/greeting", Millis(1000));  // for every request
  Must(lease.status());
  std::cout << lease->version() << " at " << lease->instance().endpoint << "\n";
  lease->Release();

  Must((*host)->registry().SetPin(kv.ref));
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  const auto report = (*host)->reloads().Reload(request);
  Must(report.status());
  std::cout << "kv/ now runs " << report->mounts[0].running_version << "\n";
}
