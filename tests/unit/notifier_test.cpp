#include "base/notifier.hpp"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

// Blocks in its first call until it is let go, and writes down what it was told.
struct SlowHost : Host {
  std::promise<void> entered, release;
  std::shared_future<void> gate = release.get_future().share();
  std::vector<std::string> lines;
  std::uint64_t lost = 0;
  bool first = true;

  void Log(const LogRecord& record) noexcept override {
    if (first) {
      first = false;
      entered.set_value();
      gate.wait();
    }
    lines.emplace_back(record.message);
  }
  void OnEvent(const Event& event) noexcept override {
    if (event.kind == EventKind::kEventsLost) lost += event.count;
  }
};

TEST_CASE("a slow host loses the oldest lines and is told how many", "[base]") {
  const auto host = std::make_shared<SlowHost>();
  Notifier notifier(host, 3);
  notifier.Log(LogLevel::kInfo, "", "first");
  host->entered.get_future().wait();
  for (const char* line : {"a", "b", "c", "d", "e"}) notifier.Log(LogLevel::kInfo, "", line);
  host->release.set_value();
  notifier.Close(After(Millis(10'000)));
  CHECK(host->lines == std::vector<std::string>{"first", "c", "d", "e"});
  CHECK(host->lost == 2);
}

TEST_CASE("closing does not wait longer than asked for a host that does not return", "[base]") {
  const auto host = std::make_shared<SlowHost>();
  {
    Notifier notifier(host, 3);
    notifier.Log(LogLevel::kInfo, "", "first");
    host->entered.get_future().wait();
    notifier.Close(After(Millis(10)));
  }
  host->release.set_value();  // the thread that was left behind ends by itself
}

}  // namespace
}  // namespace plugreload::internal
