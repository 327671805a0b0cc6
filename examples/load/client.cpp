#include "load/client.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "http/json_text.hpp"

namespace example {
namespace {

// A write of its own key, so that readers of `read_key` always know what to expect.
bool IsWrite(std::uint64_t number) { return number % 10 == 9; }

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

LoadClient::LoadClient(LoadOptions options)
    : options_(std::move(options)), stats_(options_.namespaces) {
  for (std::size_t i = 0; i < options_.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>(options_.connect));
  }
}

const std::string& LoadClient::NamespaceOf(const Job& job) const {
  return options_.namespaces[job.number % options_.namespaces.size()];
}

std::string LoadClient::RequestText(const Job& job) const {
  const bool write = IsWrite(job.number);
  const std::string number = std::to_string(job.number);
  const std::string& ns = NamespaceOf(job);
  std::string text = write ? "PUT " + options_.prefix + "load/" + std::to_string(job.number % 97)
                           : "GET " + options_.prefix + options_.read_key;
  text += " HTTP/1.1\r\nHost: load\r\nX-Request-Id: " + options_.run + "-" + number + "\r\n";
  if (!ns.empty()) text += "X-Vault-Namespace: " + ns + "\r\n";
  if (!options_.token.empty()) text += "X-Vault-Token: " + options_.token + "\r\n";
  if (write) text += "Content-Length: " + std::to_string(number.size()) + "\r\n";
  return text + "\r\n" + (write ? number : "");
}

void LoadClient::Schedule(Clock::time_point now) {
  for (;;) {
    const auto offset = std::chrono::duration<double>(static_cast<double>(next_) / options_.rate);
    const auto intended = start_ + std::chrono::duration_cast<Clock::duration>(offset);
    if (intended > now) return;
    due_.push_back(Job{next_++, intended});
    stats_.Sent();
  }
}

void LoadClient::Assign() {
  for (auto& slot : slots_) {
    while (!due_.empty() && slot->connection.idle()) {
      slot->job = due_.front();
      due_.pop_front();
      if (auto outcome = slot->connection.Begin(RequestText(slot->job))) End(*slot, *outcome);
    }
  }
}

// An answer counts only if it is the one to this request: from the version the host says, with the
// request's own id, and with the value that was written.
void LoadClient::End(Slot& slot, Outcome outcome) {
  const Job& job = slot.job;
  if (outcome.failure.empty() && !IsWrite(job.number)) {
    const std::string id = options_.run + "-" + std::to_string(job.number);
    const std::string value = Quote(Replace(options_.expect, "{ns}", NamespaceOf(job)));
    if (!Contains(outcome.body, "\"request_id\":" + Quote(id) + "}")) {
      outcome.failure = "the answer to another request";
    } else if (!outcome.version.empty() &&
               !Contains(outcome.body, "\"version\":" + Quote(outcome.version))) {
      outcome.failure = "answered by another version than the host says";
    } else if (!options_.expect.empty() && !Contains(outcome.body, "\"value\":" + value)) {
      outcome.failure = "a wrong value: " + outcome.body;
    }
  }
  stats_.Add(NamespaceOf(job), outcome, Clock::now() - job.intended);
}

void LoadClient::Expire(Clock::time_point now) {
  for (auto& slot : slots_) {
    if (!slot->connection.idle() && now - slot->job.intended > options_.timeout) {
      End(*slot, slot->connection.Fail("no answer in time"));
    }
  }
  while (!due_.empty() && now - due_.front().intended > options_.timeout) {
    const std::string& ns = NamespaceOf(due_.front());
    stats_.Add(ns, Outcome{"no connection in time", {}, {}, {}}, options_.timeout);
    due_.pop_front();
  }
}

std::size_t LoadClient::Busy() const {
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& slot) { return !slot->connection.idle(); }));
}

// Until an answer comes, at most half a millisecond: about when the next request is due.
bool LoadClient::Wait(int stop_fd) {
  std::vector<pollfd> entries{{stop_fd, POLLIN, 0}};
  std::vector<Slot*> waiting;
  for (auto& slot : slots_) {
    if (slot->connection.idle()) continue;
    const short events = slot->connection.wants_write() ? POLLOUT : POLLIN;
    entries.push_back({slot->connection.fd(), events, 0});
    waiting.push_back(slot.get());
  }
  const timespec limit{0, 500'000};
  ppoll(entries.data(), entries.size(), &limit, nullptr);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (entries[i + 1].revents == 0) continue;
    if (auto outcome = waiting[i]->connection.Continue()) End(*waiting[i], *outcome);
  }
  return entries[0].revents != 0;
}

void LoadClient::Run(int stop_fd) {
  const auto limit = std::chrono::duration<double>(options_.seconds);
  Clock::time_point next_line = start_ + options_.progress;
  bool stop = false;
  while (!stop || !due_.empty() || Busy() > 0) {
    const Clock::time_point now = Clock::now();
    stop = stop || (options_.seconds > 0 && now - start_ >= limit);
    if (!stop) Schedule(now);
    Assign();
    stop = Wait(stop ? -1 : stop_fd) || stop;
    Expire(now);
    if (now >= next_line) {
      next_line += options_.progress;
      std::puts(stats_.Progress(due_.size() + Busy()).c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace example
