// The contract suite of launchers on every plugin of examples/goplugin, with and without AutoMTLS.
#include <memory>
#include <string>
#include <vector>

#include "contract/launcher_suite.hpp"
#include "fixture.hpp"

namespace plugreload::test {
namespace {

class GoPluginKind : public Kind {
 public:
  GoPluginKind(const LeakCheck& leaks, GoPluginSecurity security, std::string program)
      : launcher_(MustMakeGoPlugin(GoPluginOptions(leaks, security))),
        program_(std::move(program)) {}
  Launcher& launcher() override { return *launcher_; }
  void DropLauncher() override { launcher_.reset(); }
  LaunchSpec good() override { return GoPluginSpec(program_); }
  LaunchSpec never_ready() override { return GoPluginSpec(PluginPath("never_prints")); }
  LaunchSpec failing() override { return GoPluginSpec(PluginPath("dies_before_line")); }
  bool Serves(const PluginInstance& instance) override {
    return KvGet(ChannelOf(instance.info()), "k").answer.value() == "value-of-k";
  }
  void End(const PluginInstance& instance) override { KvCrash(ChannelOf(instance.info())); }

 private:
  std::shared_ptr<Launcher> launcher_;
  const std::string program_;
};

}  // namespace

std::vector<KindUnderTest> LaunchersUnderTest() {
  std::vector<KindUnderTest> kinds;
  for (const GoPluginUnderTest& plugin : GoPluginsUnderTest()) {
    for (const auto security : {GoPluginSecurity::kAutoMtls, GoPluginSecurity::kPlain}) {
      const char* how = security == GoPluginSecurity::kPlain ? " plain" : " with AutoMTLS";
      kinds.push_back({plugin.name + how, [=](const LeakCheck& leaks) {
                         return std::make_unique<GoPluginKind>(leaks, security, plugin.program);
                       }});
    }
  }
  return kinds;
}

}  // namespace plugreload::test
