// What runs is what was hashed.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "launcher_fixture.hpp"

namespace plugreload::test {
namespace {

namespace fs = std::filesystem;

// A program of its own file, so that the test may change it.
LaunchSpec Copied(const LeakCheck& leaks, std::string_view program) {
  LaunchSpec spec = Spec(program);
  spec.command = leaks.scratch() + "/program";
  fs::copy_file(PluginPath(program), spec.command);
  return spec;
}

LaunchSpec Script(const LeakCheck& leaks, const std::string& body) {
  LaunchSpec spec = Spec("good");
  spec.command = leaks.scratch() + "/script.sh";
  std::ofstream(spec.command) << body;
  ::chmod(spec.command.c_str(), 0755);
  spec.plugin.sha256 = Sha256OfFile(spec.command);
  return spec;
}

TEST_CASE("a wrong sha256 never runs", "[launch][image]") {
  const auto image = GENERATE(Image::kSealed, Image::kInPlace);
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("good");
  spec.plugin.image = image;
  spec.plugin.sha256[0] = spec.plugin.sha256[0] == '0' ? '1' : '0';
  const auto result = launcher->Start(spec, Context());
  CHECK(result.status().code() == Code::kFailedPrecondition);
  CHECK(result.status().reason() == "checksum_mismatch");
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a sealed program runs from memory, whatever becomes of the file", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const LaunchSpec spec = Copied(leaks, "reflects");
  auto first = MustStart(*launcher, spec);
  CHECK(first->info().sealed);
  CHECK(Contains(HttpGet(first->info().endpoint, "/").body, "exe /memfd:"));
  fs::remove(spec.command);
  fs::copy_file(PluginPath("never_prints"), spec.command);
  // The version with this digest is known, and it is that one which runs.
  auto second = MustStart(*launcher, spec);
  CHECK(Contains(HttpGet(second->info().endpoint, "/").body, "exe /memfd:"));
  // A launcher that has not seen it refuses what is there now.
  first.reset();
  second.reset();
  launcher = MustMake(LauncherOptions(leaks));
  CHECK(launcher->Start(spec, Context()).status().reason() == "checksum_mismatch");
}

TEST_CASE("an in-place program runs from its own file and says unsealed", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Copied(leaks, "reflects");
  spec.plugin.image = Image::kInPlace;
  auto instance = MustStart(*launcher, spec);
  CHECK_FALSE(instance->info().sealed);
  CHECK(Contains(HttpGet(instance->info().endpoint, "/").body, "exe " + spec.command + "\n"));
}

TEST_CASE("a program without a digest runs the file as it is each time", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Copied(leaks, "good");
  spec.plugin.sha256.clear();
  CHECK(MustStart(*launcher, spec)->info().sealed);
  fs::remove(spec.command);
  fs::copy_file(PluginPath("exits_zero_silently"), spec.command);
  CHECK(launcher->Start(spec, Context()).status().reason() == "handshake_missing");
}

TEST_CASE("a lone script runs from a private copy", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const LaunchSpec spec =
      Script(leaks, "#!/bin/sh\nSELF=$0 ARG=$1 exec " + PluginPath("reflects") + "\n");
  LaunchSpec with_argument = spec;
  with_argument.plugin.args = {"an argument"};
  auto instance = MustStart(*launcher, with_argument);
  const std::string text = HttpGet(instance->info().endpoint, "/").body;
  CHECK_FALSE(instance->info().sealed);
  CHECK(Contains(text, "env ARG=an argument\n"));
  CHECK(Contains(text, "env SELF=" + leaks.run_directory()));
  CHECK_FALSE(Contains(text, "env SELF=" + spec.command));
}

TEST_CASE("a script runs from the default run directory", "[.][default_run_directory]") {
  LeakCheck leaks;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.run_directory.clear();
  auto launcher = MustMake(options);
  MustStart(*launcher, Script(leaks, "#!/bin/sh\nexec " + PluginPath("good") + "\n"));
}

// Debian mounts it so.
TEST_CASE("where nothing in /run may be executed scripts run all the same", "[launch][image]") {
  LeakCheck leaks;
  const pid_t child = fork();
  constexpr int kNotPermitted = 77;
  if (child == 0) {
    alarm(60);
    setenv("TMPDIR", leaks.scratch().c_str(), 1);
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", "/run", "tmpfs", MS_NOEXEC, nullptr) != 0) {
      _exit(kNotPermitted);
    }
    execl("/proc/self/exe", "tests", "[default_run_directory]", "-w", "NoTests", nullptr);
    _exit(1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotPermitted) {
    WARN("this user may not mount anything");
  } else {
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE("an in-place script runs from its own file, beside its siblings", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  std::ofstream(leaks.scratch() + "/sibling.sh") << "SIBLING=found; export SIBLING\n";
  LaunchSpec spec =
      Script(leaks, "#!/bin/sh\n. \"${0%/*}/sibling.sh\"\nexec " + PluginPath("reflects") + "\n");
  spec.plugin.image = Image::kInPlace;
  auto instance = MustStart(*launcher, spec);
  CHECK(Contains(HttpGet(instance->info().endpoint, "/").body, "env SIBLING=found\n"));
}

TEST_CASE("a script whose interpreter is missing is refused with its reason", "[launch][image]") {
  const auto image = GENERATE(Image::kSealed, Image::kInPlace);
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Script(leaks, "#!/no/such/interpreter\n");
  spec.plugin.image = image;
  const auto result = launcher->Start(spec, Context());
  CHECK(result.status().reason() == "not_executable");
  CHECK(Contains(result.status().message(), "interpreter"));
}

TEST_CASE("a file that is being written to is tried again for a while", "[launch][image]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Copied(leaks, "good");
  spec.plugin.image = Image::kInPlace;
  const auto writer = std::make_unique<std::ofstream>(spec.command, std::ios::app);
  const auto result = launcher->Start(spec, Context());
  CHECK(result.status().reason() == "spawn_failed");
  CHECK(Contains(result.status().message(), "Text file busy"));
  writer->close();
  MustStart(*launcher, spec);
}

TEST_CASE("an image above the limit is refused", "[launch][image]") {
  LeakCheck leaks;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.max_image_bytes = 1000;
  auto launcher = MustMake(options);
  const auto result = launcher->Start(Spec("good"), Context());
  CHECK(result.status().reason() == "image_too_large");
  CHECK(result.status().code() == Code::kResourceExhausted);
}

}  // namespace
}  // namespace plugreload::test
