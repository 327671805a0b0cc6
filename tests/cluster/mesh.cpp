#include "cluster/mesh.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "cluster/loopback.hpp"

namespace plugreload::test {
namespace {

// The inode of the socket that is connected from `port` to `door` of 127.0.0.1, as /proc shows it.
// A port alone names several: connections to different places may share it.
std::string InodeOf(int port, int door) {
  char local[32], remote[32];
  std::snprintf(local, sizeof local, "0100007F:%04X", static_cast<unsigned>(port));
  std::snprintf(remote, sizeof remote, "0100007F:%04X", static_cast<unsigned>(door));
  std::ifstream table("/proc/net/tcp");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string word;
    std::vector<std::string> all;
    while (words >> word) all.push_back(word);
    if (all.size() > 9 && all[1] == local && all[2] == remote) return all[9];
  }
  return {};
}

bool Has(pid_t pid, const std::string& inode) {
  if (pid <= 0) return false;
  std::error_code error;
  const std::string name = "socket:[" + inode + "]";
  const auto folder = "/proc/" + std::to_string(pid) + "/fd";
  for (std::filesystem::directory_iterator fd(folder, error), end; !error && fd != end;
       fd.increment(error)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(fd->path(), gone) == name) return true;
  }
  return false;
}

}  // namespace

Mesh::Mesh(std::vector<int> targets, std::function<pid_t(std::size_t)> pid_of)
    : targets_(std::move(targets)), pid_of_(std::move(pid_of)), doors_(targets_.size()) {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (Door& door : doors_) door.listener = Listen(&door.port);
  thread_ = std::thread([this] { Run(); });
}

Mesh::~Mesh() {
  stop_.store(true);
  Set(-1);
  thread_.join();
  for (const Link& link : links_) {
    ::close(link.client);
    ::close(link.server);
  }
  for (const Door& door : doors_) ::close(door.listener);
  ::close(wake_);
}

void Mesh::Set(int isolated) {
  isolated_.store(isolated);
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof(one));
}

std::size_t Mesh::Caller(int socket, int door) const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string inode = InodeOf(ntohs(address.sin_port), door);
  for (std::size_t member = 0; member < targets_.size(); ++member) {
    if (Has(pid_of_(member), inode)) return member;
  }
  return targets_.size();
}

bool Mesh::Cut(const Link& link) const {
  const int isolated = isolated_.load();
  return isolated >= 0 && (link.from == static_cast<std::size_t>(isolated) ||
                           link.to == static_cast<std::size_t>(isolated));
}

void Mesh::Accept(std::size_t to) {
  Link link{0, to, ::accept4(doors_[to].listener, nullptr, nullptr, SOCK_CLOEXEC), -1};
  if (link.client < 0) return;
  link.from = Caller(link.client, doors_[to].port);
  // Of whom nobody knows could not be cut off; members call again.
  if (link.from < targets_.size() && !Cut(link)) link.server = Connect(targets_[to]);
  if (link.server >= 0) {
    links_.push_back(link);
  } else {
    ::close(link.client);
  }
}

void Mesh::Run() {
  const auto carry = [](int from, int to) {
    char buffer[65536];
    const ssize_t size = ::recv(from, buffer, sizeof buffer, 0);
    return size > 0 && WriteAll(to, buffer, static_cast<std::size_t>(size));
  };
  while (!stop_.load()) {
    std::vector<pollfd> polled{{wake_, POLLIN, 0}};
    for (const Door& door : doors_) polled.push_back({door.listener, POLLIN, 0});
    for (const Link& link : links_) {
      polled.push_back({link.client, POLLIN, 0});
      polled.push_back({link.server, POLLIN, 0});
    }
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t ignored = 0;
    if (polled[0].revents != 0) (void)!::read(wake_, &ignored, sizeof(ignored));
    std::vector<Link> kept;
    const std::size_t first = 1 + doors_.size();
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const Link& link = links_[i];
      bool open = !Cut(link);
      if (open && polled[first + 2 * i].revents != 0) open = carry(link.client, link.server);
      if (open && polled[first + 2 * i + 1].revents != 0) open = carry(link.server, link.client);
      if (open) {
        kept.push_back(link);
        continue;
      }
      ::close(link.client);
      ::close(link.server);
    }
    links_ = std::move(kept);
    for (std::size_t to = 0; to < doors_.size(); ++to) {
      if (polled[1 + to].revents != 0) Accept(to);
    }
  }
}

}  // namespace plugreload::test
