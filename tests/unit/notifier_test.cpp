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
  std::uint64_t lost = 0, serving = 0;
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
    if (event.kind == EventKind::kMountServing) ++serving;
  }
};

TEST_CASE("a slow host loses the oldest lines and is told how many", "[base]") {
  const auto host = std::make_shared<SlowHost>();
  Notifier notifier(host, 3);
  notifier.Log(LogLevel::kInfo, "", "first");
  REQUIRE(host->entered.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
  for (const char* line : {"a", "b", "c", "d", "e"}) notifier.Log(LogLevel::kInfo, "", line);
  host->release.set_value();
  notifier.Close(After(Millis(10'000)));
  CHECK(host->lines == std::vector<std::string>{"first", "c", "d", "e"});
  CHECK(host->lost == 2);
}

TEST_CASE("events of a batch are made when they are told, and only those that are", "[base]") {
  const auto host = std::make_shared<SlowHost>();
  Notifier notifier(host, 3);
  notifier.Log(LogLevel::kInfo, "", "first");
  REQUIRE(host->entered.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
  std::vector<std::size_t> made;  // on the notifier's thread
  const auto make = [&](std::size_t i) {
    made.push_back(i);
    return Event();
  };
  notifier.EmitMany(EventKind::kMountServing, 100, make);
  CHECK(made.empty());
  notifier.Log(LogLevel::kInfo, "", "last");  // pushes out one more of them
  host->release.set_value();
  notifier.Close(After(Millis(10'000)));
  CHECK(made == std::vector<std::size_t>{98, 99});
  CHECK(host->serving == 2);
  CHECK(host->lines == std::vector<std::string>{"first", "last"});
  CHECK(host->lost == 98);
  CHECK(notifier.meters().events[static_cast<std::size_t>(EventKind::kMountServing)] == 100);
}

TEST_CASE("without a host there is nobody to tell", "[base]") {
  Notifier notifier(nullptr, 3);
  notifier.Log(LogLevel::kInfo, "", "line");
  notifier.EmitMany(EventKind::kMountServing, 2, [](std::size_t) -> Event {
    FAIL("made for nobody");
    return {};
  });
  notifier.Close(After(Millis(10'000)));
  CHECK(notifier.meters().events[static_cast<std::size_t>(EventKind::kMountServing)] == 2);
}

TEST_CASE("closing does not wait longer than asked for a host that does not return", "[base]") {
  const auto host = std::make_shared<SlowHost>();
  {
    Notifier notifier(host, 3);
    notifier.Log(LogLevel::kInfo, "", "first");
    REQUIRE(host->entered.get_future().wait_for(Millis(10'000)) == std::future_status::ready);
    notifier.Close(After(Millis(10)));
  }
  host->release.set_value();  // the thread that was left behind ends by itself
}

}  // namespace
}  // namespace plugreload::internal
