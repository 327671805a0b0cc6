#include "cluster/etcd_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace plugreload::test {
namespace {

constexpr Millis kStart{20'000};

// Free now, and below what the kernel gives to who connects: nobody is on it when etcd comes.
int FreePort() {
  static std::random_device random;
  std::uniform_int_distribution<int> any(10'000, 32'000);
  for (int tries = 0; tries < 1'000; ++tries) {
    const int port = any(random);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    if (free) return port;
  }
  throw std::runtime_error("no free port");
}

std::string Address(std::string_view scheme, int port) {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port);
}

std::string TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base == nullptr ? "/tmp" : base) + "/etcd.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
  return path;
}

pid_t Spawn(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + arguments[0]);
  return pid;
}

}  // namespace

EtcdCluster::EtcdCluster(EtcdSetup setup)
    : setup_(std::move(setup)), directory_(TemporaryDirectory()) {
  for (std::size_t i = 0; i < setup_.members; ++i) {
    members_.push_back({"m" + std::to_string(i), FreePort(), FreePort()});
    members_.back().door = members_.back().peer_port;
  }
  if (setup_.mesh) {
    std::vector<int> ports;
    for (const Member& member : members_) ports.push_back(member.peer_port);
    mesh_ = std::make_unique<Mesh>(ports, [this](std::size_t i) { return members_[i].pid; });
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i].door = mesh_->port(i);
  }
  try {
    for (Member& member : members_) Start(member);
    AwaitReady();
  } catch (...) {
    Stop();
    throw;
  }
}

EtcdCluster::~EtcdCluster() { Stop(); }

void EtcdCluster::Stop() {
  for (Member& member : members_) {
    if (member.pid > 0) ::kill(member.pid, SIGKILL);
    Reap(member);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string EtcdCluster::url(std::size_t member) const {
  return Address(setup_.key.empty() ? "http" : "https", members_.at(member).client_port);
}

std::vector<std::string> EtcdCluster::urls() const {
  std::vector<std::string> urls;
  for (std::size_t i = 0; i < members_.size(); ++i) urls.push_back(url(i));
  return urls;
}

EtcdOptions EtcdCluster::Options() const {
  EtcdOptions options;
  options.endpoints = urls();
  options.ca = setup_.ca;
  options.certificate = setup_.certificate;
  options.key = setup_.key;
  return options;
}

void EtcdCluster::Start(Member& member) {
  std::string all;
  for (const Member& other : members_) {
    all += (all.empty() ? "" : ",") + other.name + "=" + Address("http", other.door);
  }
  const std::string client = url(static_cast<std::size_t>(&member - members_.data()));
  const std::string peer = Address("http", member.peer_port);
  std::vector<std::string> command{"setpriv",
                                   "--pdeathsig",
                                   "KILL",
                                   "etcd",
                                   "--name",
                                   member.name,
                                   "--data-dir",
                                   directory_ + "/" + member.name,
                                   "--listen-client-urls",
                                   client,
                                   "--advertise-client-urls",
                                   client,
                                   "--listen-peer-urls",
                                   peer,
                                   "--initial-advertise-peer-urls",
                                   Address("http", member.door),
                                   "--initial-cluster",
                                   all,
                                   "--initial-cluster-state",
                                   "new",
                                   "--initial-cluster-token",
                                   directory_,
                                   "--logger",
                                   "zap",
                                   "--log-outputs",
                                   "stderr"};
  if (!setup_.key.empty()) {
    command.insert(command.end(), {"--cert-file", setup_.certificate, "--key-file", setup_.key,
                                   "--trusted-ca-file", setup_.ca, "--client-cert-auth"});
  }
  command.insert(command.end(), setup_.flags.begin(), setup_.flags.end());
  member.pid = Spawn(command, directory_ + "/" + member.name + ".log");
}

void EtcdCluster::Reap(Member& member) {
  if (member.pid <= 0) return;
  int ignored = 0;
  ::waitpid(member.pid, &ignored, 0);
  member.pid = -1;
}

void EtcdCluster::Kill(std::size_t member) {
  Signal(member, SIGKILL);
  Reap(members_.at(member));
}

void EtcdCluster::Signal(std::size_t member, int signal) {
  // One that is dead has -1, which would be everybody.
  if (members_.at(member).pid > 0) ::kill(members_.at(member).pid, signal);
}

void EtcdCluster::Restart(std::size_t member) {
  if (members_.at(member).pid <= 0) Start(members_.at(member));
}

void EtcdCluster::AwaitReady() {
  const Deadline deadline = After(kStart);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    if (member.pid <= 0) continue;
    EtcdOptions options = Options();
    options.endpoints = {url(i)};
    const auto store = NewEtcdStore(options);
    if (!store.ok()) throw std::runtime_error(store.status().ToString());
    for (;;) {
      const auto loaded = (*store)->Load("ready", After(Millis(2'000)));
      // One that asks for a password answers too.
      if (loaded.ok() || loaded.status().code() == Code::kInvalidArgument) break;
      int status = 0;
      const bool exited = ::waitpid(member.pid, &status, WNOHANG) == member.pid;
      if (exited) member.pid = -1;
      if (exited || std::chrono::steady_clock::now() > deadline) {
        throw std::runtime_error("etcd does not answer: " + loaded.status().ToString() + "\n" +
                                 Log(member));
      }
    }
  }
}

std::size_t EtcdCluster::Leader() {
  const Deadline deadline = After(kStart);
  while (std::chrono::steady_clock::now() < deadline) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].pid <= 0) continue;
      const std::string status =
          Shell("ETCDCTL_API=3 etcdctl --endpoints=" + url(i) + " endpoint status");
      if (status.find(", true, ") != std::string::npos) return i;
    }
  }
  throw std::runtime_error("the cluster has no leader");
}

std::string EtcdCluster::Control(const std::string& arguments) {
  std::string endpoints;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].pid > 0) endpoints += (endpoints.empty() ? "" : ",") + url(i);
  }
  std::string command = "ETCDCTL_API=3 etcdctl --endpoints=" + endpoints;
  if (!setup_.key.empty()) {
    command += " --cacert=" + setup_.ca + " --cert=" + setup_.certificate + " --key=" + setup_.key;
  }
  return Shell(command + " " + arguments);
}

std::string EtcdCluster::Log(const Member& member) const {
  std::ifstream in(directory_ + "/" + member.name + ".log");
  std::ostringstream text;
  text << in.rdbuf();
  const std::string log = text.str();
  return log.size() > 3'000 ? log.substr(log.size() - 3'000) : log;
}

std::string Shell(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string output;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    output.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  if (status != 0) throw std::runtime_error(command + ": " + output);
  return output;
}

}  // namespace plugreload::test
