#include "cluster/proxy.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "cluster/loopback.hpp"

namespace plugreload::test {
Proxy::Proxy(const std::string& url) : target_(std::stoi(url.substr(url.rfind(':') + 1))) {
  listener_ = Listen(&port_);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { Run(); });
}

Proxy::~Proxy() {
  stop_.store(true);
  Set(Mode::kPass);
  thread_.join();
  for (const Link& link : links_) {
    ::close(link.client);
    ::close(link.server);
  }
  for (const int server : orphans_) ::close(server);
  ::close(listener_);
  ::close(wake_);
}

std::string Proxy::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void Proxy::Set(Mode mode) {
  mode_.store(mode);
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof(one));
}

void Proxy::Accept() {
  const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = Connect(target_);
  if (server < 0) {
    ::close(client);
    return;
  }
  links_.push_back({client, server, false, {}});
}

// False: the connection has ended.
bool Proxy::Carry(Link& link, bool from_client, bool from_server) {
  char buffer[16384];
  const Mode mode = mode_.load();
  // What follows a gap must not arrive: no network does that to a connection.
  if (link.lost && mode != Mode::kLose) return false;
  if (from_client && link.held.empty()) {
    const ssize_t size = ::recv(link.client, buffer, sizeof(buffer), 0);
    if (size > 0 && mode == Mode::kDelay) {
      ++disturbed_;
      link.held.assign(buffer, static_cast<std::size_t>(size));
    } else if (size <= 0 || !WriteAll(link.server, buffer, static_cast<std::size_t>(size))) {
      return false;
    }
  }
  if (from_server) {
    const ssize_t size = ::recv(link.server, buffer, sizeof(buffer), 0);
    if (size <= 0) return false;
    if (mode == Mode::kLose) {
      ++disturbed_;
      link.lost = true;
    } else if (!WriteAll(link.client, buffer, static_cast<std::size_t>(size))) {
      return false;
    } else {
      ++answers_;
    }
  }
  return true;
}

void Proxy::Run() {
  while (!stop_.load()) {
    std::vector<pollfd> polled{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Link& link : links_) {
      const bool deaf = !link.held.empty();
      polled.push_back({deaf ? -1 : link.client, POLLIN, 0});
      polled.push_back({link.server, POLLIN, 0});
    }
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t ignored = 0;
    if (polled[0].revents != 0) (void)!::read(wake_, &ignored, sizeof(ignored));
    std::vector<Link> kept;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      Link& link = links_[i];
      if (mode_.load() != Mode::kDelay && !link.held.empty()) {
        WriteAll(link.server, link.held.data(), link.held.size());
        ::close(link.client);
        orphans_.push_back(link.server);
      } else if (Carry(link, polled[2 + 2 * i].revents != 0, polled[3 + 2 * i].revents != 0)) {
        kept.push_back(std::move(link));
      } else {
        ::close(link.client);
        ::close(link.server);
      }
    }
    links_ = std::move(kept);
    if (polled[1].revents != 0) Accept();
  }
}

}  // namespace plugreload::test
