#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "scenario/process_node.hpp"

namespace plugreload::test {
namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// v1 serves; v2 is bad. After the reload to v2 the old process must serve as if nothing had
// happened, and no other may be left. Returns why it failed.
Status Refused(ProcessNode& node) {
  node.Mount("", "kv/");
  const std::string old = node.Ask("pid");
  node.Pin("v2.0.0");
  HttpLoad load(node, {""}, 1);
  if (!load.WaitRequests(3)) FAIL("requests have not begun");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  REQUIRE(report.mounts.size() == 1);
  CHECK(report.mounts[0].outcome == MountOutcome::kFailed);
  CHECK(report.mounts[0].running_version == "v1.0.0");
  CHECK(report.mounts[0].generation == 1);
  CHECK(node.Ask("pid") == old);
  CHECK(load.WaitRequests(3));
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
  CHECK(Eventually([&] { return node.leaks.MarkedProcesses().size() == 1; }));
  const Status status = report.mounts[0].status;
  // Whom it concerns, for the person who reads it.
  CHECK(Has(status.message(), "kv"));
  CHECK(Has(status.message(), "v2.0.0"));
  CHECK_FALSE(Has(status.message(), "\n"));
  return status;
}

void Soon(PluginSpec& spec) { spec.timeouts.start = Millis(300); }

TEST_CASE("a reload to a plugin that prints garbage is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("prints_garbage", "v2.0.0");
  CHECK(Refused(node).reason() == "handshake_invalid");
}

TEST_CASE("a reload to a plugin that prints without end is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("endless_line", "v2.0.0");
  CHECK(Refused(node).reason() == "handshake_invalid");
}

TEST_CASE("a reload to a plugin that never prints is refused at its deadline", "[process][bad]") {
  ProcessNode node;
  node.Register("never_prints", "v2.0.0", Soon);
  const Status status = Refused(node);
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "handshake_timeout");
}

TEST_CASE("a reload to a plugin that dies before its line is refused with its last words",
          "[process][bad]") {
  ProcessNode node;
  node.Register("dies_before_line", "v2.0.0");
  const Status status = Refused(node);
  CHECK(status.reason() == "handshake_missing");
  CHECK(Has(status.message(), "no such database"));
}

TEST_CASE("a reload to a plugin that ends successfully without a word is refused",
          "[process][bad]") {
  ProcessNode node;
  node.Register("exits_zero_silently", "v2.0.0");
  CHECK(Refused(node).reason() == "handshake_missing");
}

TEST_CASE("a reload to a plugin that prints its line and dies is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("prints_and_dies", "v2.0.0");
  CHECK_FALSE(Refused(node).ok());
}

TEST_CASE("a reload to a plugin that names no socket is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("no_socket", "v2.0.0");
  CHECK(Refused(node).reason() == "endpoint_unreachable");
}

TEST_CASE("a reload to a plugin with the wrong sha256 is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("good", "v2.0.0", [](PluginSpec& spec) { spec.sha256 = std::string(64, 'a'); });
  CHECK(Refused(node).reason() == "checksum_mismatch");
}

TEST_CASE("a reload to a plugin whose file was changed after it was registered is refused",
          "[process][bad]") {
  ProcessNode node;
  const std::string copy = node.leaks.scratch() + "/plugin";
  std::ofstream(copy, std::ios::binary)
      << std::ifstream(PluginPath("good"), std::ios::binary).rdbuf();
  REQUIRE(chmod(copy.c_str(), 0700) == 0);
  node.Register("good", "v2.0.0", [&](PluginSpec& spec) { spec.command = copy; });
  std::ofstream(copy, std::ios::binary | std::ios::app) << "one more byte";
  CHECK(Refused(node).reason() == "checksum_mismatch");
}

TEST_CASE("a reload to a file that is not executable is refused", "[process][bad]") {
  ProcessNode node;
  const std::string file = node.leaks.scratch() + "/data";
  std::ofstream(file) << "not a program\n";
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  node.Register("good", "v2.0.0", [&](PluginSpec& spec) {
    spec.command = file;
    spec.sha256 = Sha256OfFile(file);
  });
  CHECK(Refused(node).reason() == "not_executable");
}

TEST_CASE("a reload to a file that is gone is refused", "[process][bad]") {
  ProcessNode node;
  const std::string file = node.leaks.scratch() + "/gone";
  std::ofstream(file) << "x";
  node.Register("good", "v2.0.0", [&](PluginSpec& spec) { spec.command = file; });
  REQUIRE(unlink(file.c_str()) == 0);
  CHECK(Refused(node).reason() == "command_not_found");
}

TEST_CASE("a reload to a plugin that speaks another protocol is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("wrong_protocol", "v2.0.0");
  CHECK(Refused(node).reason() == "protocol_unsupported");
}

TEST_CASE("a reload to a plugin that speaks another version is refused", "[process][bad]") {
  ProcessNode node;
  node.Register("wrong_version", "v2.0.0");
  CHECK(Refused(node).reason() == "version_unsupported");
}

// v1 is bad in the way it serves or ends; v2 is good. The reload must succeed and nothing of v1
// may be left.
void Replaced(ProcessNode& node) {
  node.Register("good", "v2.0.0");
  node.Mount("", "kv/");
  const std::string old = node.Ask("pid");
  node.Pin("v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  INFO(report.mounts.at(0).status.ToString());
  CHECK(report.reloaded == 1);
  CHECK(report.state == ReloadState::kDone);
  CHECK(node.Ask("pid") != old);
  CHECK(node.Ask("version") == "v2.0.0");
  CHECK(Eventually([&] { return node.leaks.MarkedProcesses().size() == 1; }));
}

TEST_CASE("a plugin that ignores SIGTERM is killed when it is replaced", "[process][bad]") {
  ProcessNode node;
  node.Register("ignores_sigterm", "v1.0.0",
                [](PluginSpec& spec) { spec.timeouts.terminate = Millis(100); });
  Replaced(node);
}

TEST_CASE("a plugin that floods stderr serves and is replaced", "[process][bad]") {
  ProcessNode node;
  node.Register("floods_stderr", "v1.0.0");
  Replaced(node);
}

TEST_CASE("a plugin whose grandchild holds its pipes is replaced with it", "[process][bad]") {
  ProcessNode node;
  node.Register("grandchild_holds_pipes", "v1.0.0");
  Replaced(node);
}

TEST_CASE("a plugin that is stopped by a signal is killed when it is replaced", "[process][bad]") {
  ProcessNode node;
  node.Register("good", "v1.0.0", [](PluginSpec& spec) { spec.timeouts.terminate = Millis(100); });
  node.Register("good", "v2.0.0");
  node.Mount("", "kv/");
  REQUIRE(kill(std::stoi(node.Ask("pid")), SIGSTOP) == 0);
  node.Pin("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).state == ReloadState::kDone);
  CHECK(node.Ask("version") == "v2.0.0");
  CHECK(Eventually([&] { return node.leaks.MarkedProcesses().size() == 1; }));
}

TEST_CASE("a plugin that dies at every start is given up and a reload to a good one heals it",
          "[process][crash]") {
  ProcessNode node([](RuntimeOptions& options) { options.restart.limit = 3; });
  node.Register("good", "v2.0.0");
  node.Register("dies_after_ready", "v1.0.0",
                [](PluginSpec& spec) { spec.env = {"DIE_AFTER_MS=30"}; });
  node.Mount("", "kv/");
  REQUIRE(node.host->WaitEvent(EventKind::kMountFailed).has_value());
  const Status status = node.reloads().Acquire("", "kv/", kSoon).status();
  CHECK(status.reason() == "mount_failed");
  CHECK(Has(status.message(), "gone by itself"));
  CHECK(node.leaks.MarkedProcesses().empty());
  node.Pin("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(node.Ask("version") == "v2.0.0");
}

TEST_CASE("a new plugin that dies right after the reload is started again or given up",
          "[process][crash]") {
  ProcessNode node([](RuntimeOptions& options) { options.restart.limit = 2; });
  node.Register("dies_after_ready", "v2.0.0",
                [](PluginSpec& spec) { spec.env = {"DIE_AFTER_MS=1"}; });
  node.Mount("", "kv/");
  node.Pin("v2.0.0");
  const auto report = node.reloads().Reload(Everywhere("kv"));
  REQUIRE(report.ok());
  if (report->failed == 1) {
    CHECK(node.Ask("version") == "v1.0.0");
  } else {
    CHECK(node.host->WaitEvent(EventKind::kMountFailed).has_value());
    CHECK(node.reloads().Acquire("", "kv/", kSoon).status().reason() == "mount_failed");
    node.Pin("v1.0.0");
    CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
    CHECK(node.Ask("version") == "v1.0.0");
  }
}

}  // namespace
}  // namespace plugreload::test
