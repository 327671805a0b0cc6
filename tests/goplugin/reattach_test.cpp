// A plugin that somebody else started is adopted, and let go again.
#include <signal.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>

#include "fixture.hpp"

namespace plugreload::test {
namespace {

constexpr auto kPlain = GoPluginSecurity::kPlain;

// A running plugin of another launcher, which stands for a debugger.
struct Debugged {
  LeakCheck leaks;
  std::shared_ptr<Launcher> debugger = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  std::unique_ptr<PluginInstance> running = MustStart(*debugger, GoPluginSpec("kv_go_1.0.0"));

  GoPluginReattach form() const {
    const std::string& endpoint = running->info().endpoint;
    const auto parsed = ParseGoPluginReattach(
        R"({"Protocol":"grpc","ProtocolVersion":1,"Test":true,"Pid":)" +
        std::to_string(running->info().pid) + R"(,"Addr":{"Network":"unix","String":")" +
        endpoint.substr(endpoint.find(':') + 1) + R"("}})");
    INFO(parsed.status().ToString());
    REQUIRE(parsed.ok());
    return *parsed;
  }
  GoPluginLauncherOptions options() const {
    GoPluginLauncherOptions options = GoPluginOptions(leaks, kPlain);
    options.health_interval = Millis{20};
    options.health_timeout = Millis{500};
    return options;
  }
};

TEST_CASE("a running plugin is adopted and left running", "[goplugin][reattach]") {
  Debugged debugged;
  auto launcher = NewGoPluginReattachLauncher(debugged.form(), debugged.options());
  REQUIRE(launcher.ok());
  for (int i = 0; i < 2; ++i) {
    auto instance = MustStart(**launcher, GoPluginSpec("kv_go_1.0.0"));
    CHECK(instance->info().pid == debugged.running->info().pid);
    CHECK(KvGet(ChannelOf(instance->info()), "k").answer.pid() == instance->info().pid);
    CHECK(instance->Stop(After(kPatience)).ok());
  }
  CHECK(KvGet(ChannelOf(debugged.running->info()), "k").status.ok());
}

TEST_CASE("the end of an adopted plugin is noticed, and it is not adopted again",
          "[goplugin][reattach]") {
  Debugged debugged;
  GoPluginLauncherOptions options = debugged.options();
  options.health_interval = 10 * kPatience;  // whoever listens at its address by then
  auto launcher = NewGoPluginReattachLauncher(debugged.form(), options);
  REQUIRE(launcher.ok());
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  auto instance = MustStart(**launcher, GoPluginSpec("kv_go_1.0.0"), context);
  KvCrash(ChannelOf(instance->info()));
  const auto exit = exits.Wait();
  REQUIRE(exit.has_value());
  CHECK(Contains(exit->detail, std::to_string(instance->info().pid)));
  instance.reset();
  const Status again = (*launcher)->Start(GoPluginSpec("kv_go_1.0.0"), Context()).status();
  INFO(again.ToString());
  CHECK((again.reason() == "endpoint_unreachable" || again.reason() == "process_gone"));
}

TEST_CASE("an adopted plugin at a breakpoint is not taken for dead", "[goplugin][reattach]") {
  Debugged debugged;
  GoPluginLauncherOptions options = debugged.options();
  options.health_timeout = Millis{20};
  options.health_failures = 1;
  auto launcher = NewGoPluginReattachLauncher(debugged.form(), options);
  REQUIRE(launcher.ok());
  std::promise<void> told;
  StartContext context = Context();
  context.on_exit = [&](const InstanceExit&) { told.set_value(); };
  const auto instance = MustStart(**launcher, GoPluginSpec("kv_go_1.0.0"), context);
  const auto pid = static_cast<pid_t>(instance->info().pid);
  REQUIRE(kill(pid, SIGSTOP) == 0);
  CHECK(told.get_future().wait_for(Millis{500}) == std::future_status::timeout);
  REQUIRE(kill(pid, SIGCONT) == 0);
  CHECK(KvGet(ChannelOf(instance->info()), "k").status.ok());
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("a socket of another process is not adopted", "[goplugin][reattach]") {
  Debugged debugged;
  GoPluginReattach form = debugged.form();
  form.pid = getpid();
  auto launcher = NewGoPluginReattachLauncher(form, debugged.options());
  REQUIRE(launcher.ok());
  CHECK((*launcher)->Start(GoPluginSpec("kv_go_1.0.0"), Context()).status().reason() ==
        "peer_mismatch");
}

TEST_CASE("what is no reattach form is refused", "[goplugin][reattach]") {
  const std::string text = GENERATE(
      as<std::string>(), "", "{", "[]", R"({"Protocol":"netrpc"})",
      R"({"Protocol":"grpc","ProtocolVersion":1,"Pid":1})",
      R"({"Protocol":"grpc","ProtocolVersion":"1","Pid":1,"Addr":{"Network":"unix","String":"/s"}})",
      R"({"Protocol":"grpc","ProtocolVersion":1,"Pid":1,"Addr":{"Network":"unix","String":7}})");
  CHECK(ParseGoPluginReattach(text).status().reason() == "invalid_reattach");
  GoPluginReattach nobody;
  nobody.pid = 1 << 22;  // above every pid_max
  CHECK(NewGoPluginReattachLauncher(nobody, {}).status().reason() == "process_gone");
}

}  // namespace
}  // namespace plugreload::test
