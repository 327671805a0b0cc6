// goplugin/fixture.hpp - launchers for real go-plugin plugins, and a client for what they serve.
#ifndef PLUGRELOAD_TESTS_GOPLUGIN_FIXTURE_HPP_
#define PLUGRELOAD_TESTS_GOPLUGIN_FIXTURE_HPP_

#include <grpcpp/channel.h>

#include <kv.grpc.pb.h>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "contract/launcher_fixture.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload::test {

// A plugin of examples/goplugin: the same service in every language.
struct GoPluginUnderTest {
  std::string name;  // "go", "python", "c++"
  std::string program;
};
std::vector<GoPluginUnderTest> GoPluginsUnderTest();
std::string GoPluginPath(std::string_view program);

// Short times, so that what has to pass in a test passes soon; no test measures them.
GoPluginLauncherOptions GoPluginOptions(const LeakCheck& leaks, GoPluginSecurity security);
std::shared_ptr<Launcher> MustMakeGoPlugin(GoPluginLauncherOptions options);

PluginSpec GoPlugin(std::string_view program, std::string version = "v1.0.0");
LaunchSpec GoPluginSpec(std::string_view program);
// tests/goplugin/odd.py, odd in these words.
LaunchSpec OddSpec(const std::string& odd);
// An odd plugin that is given up late: cancelled when it has written its first line, or at a
// deadline by which it has. It ends on no signal but SIGKILL for longer than anybody waits.
struct GivenUp {
  GivenUp(const std::string& odd, bool cancelled);

  LeakCheck leaks;
  std::stop_source cancel;
  std::shared_ptr<Launcher> launcher;
  LaunchSpec spec;
  StartContext context;
};
inline const Handshake kGoPluginHandshake{"PLUGRELOAD_EXAMPLE", "kv", {1}};

// A channel made from the endpoint alone, as a host in another language would.
std::shared_ptr<grpc::Channel> Dial(const GoPluginEndpoint& endpoint);

// Calls of kv.proto, each with kPatience.
using example::GetAnswer;
struct KvAnswer {
  grpc::Status status;
  GetAnswer answer;
};
KvAnswer KvGet(const std::shared_ptr<grpc::Channel>& channel, const std::string& key,
               const std::string& multiplex_id = "");
grpc::Status KvCrash(const std::shared_ptr<grpc::Channel>& channel);
grpc::Status KvWrite(const std::shared_ptr<grpc::Channel>& channel, const std::string& text,
                     bool to_stdout = false);

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_GOPLUGIN_FIXTURE_HPP_
