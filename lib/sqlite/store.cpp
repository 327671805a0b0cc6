// The core as a StateStore.
#include <fmt/format.h>

#include <memory>
#include <system_error>
#include <utility>

#include "plugreload/sqlite.hpp"
#include "sqlite/core.hpp"
#include "sqlite/watcher.hpp"

namespace plugreload {
namespace {

constexpr Millis kConnectTimeout{10'000};
constexpr Millis kEndKeepTimeout{1'000};

class SqliteKeeper : public StateStore::Keeper {
 public:
  SqliteKeeper(std::shared_ptr<sqlite::Core> core, std::shared_ptr<sqlite::Kept> kept)
      : core_(std::move(core)), kept_(std::move(kept)) {}
  ~SqliteKeeper() override { core_->EndKeep(*kept_, After(kEndKeepTimeout)); }

  Revision revision() const override { return kept_->revision.load(); }

 private:
  const std::shared_ptr<sqlite::Core> core_;
  const std::shared_ptr<sqlite::Kept> kept_;
};

class SqliteStore : public StateStore {
 public:
  explicit SqliteStore(std::shared_ptr<sqlite::Core> core) : core_(std::move(core)) {}
  ~SqliteStore() override { core_->Close(); }

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    return core_->Commit(changes, deadline);
  }

  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    return core_->Load(prefix, deadline);
  }

  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    if (after < 0 || !callback) {
      return Status(Code::kInvalidArgument, "invalid_watch",
                    "a watch needs a callback and a revision that is not negative");
    }
    auto database = core_->Connect(After(kConnectTimeout));
    if (!database.ok()) return database.status();
    try {
      return std::unique_ptr<Watcher>(std::make_unique<sqlite::Watcher>(
          core_, *std::move(database), std::string(prefix), after, std::move(callback)));
    } catch (const std::system_error& error) {
      return Status(Code::kResourceExhausted, "no_thread",
                    fmt::format("no thread for a watch of the store: {}", error.what()));
    }
  }

  // The kernel tells when an owner is gone, so no time to live is needed.
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis,
                                       Deadline deadline) override {
    auto kept = core_->Keep(key, value, deadline);
    if (!kept.ok()) return kept.status();
    return std::unique_ptr<Keeper>(std::make_unique<SqliteKeeper>(core_, *std::move(kept)));
  }

 private:
  // Shared with watchers and keepers, which may outlive the store.
  const std::shared_ptr<sqlite::Core> core_;
};

}  // namespace

Result<std::shared_ptr<StateStore>> NewSqliteStore(SqliteOptions options) {
  auto core = sqlite::Core::Open(options);
  if (!core.ok()) return core.status();
  return std::shared_ptr<StateStore>(std::make_shared<SqliteStore>(*std::move(core)));
}

}  // namespace plugreload
