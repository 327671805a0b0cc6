#include "sqlite/schema.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace plugreload::sqlite {
namespace {

// "plrg", in the header of the file; `file` shows it, and so does PRAGMA application_id.
#define PLUGRELOAD_SQLITE_APPLICATION "1886155367"
constexpr std::int64_t kApplication = 0x706c7267;
static_assert(kApplication == 1886155367);

// Step n makes version n + 1 of version n. A step that was released never changes: a new one is
// added behind it.
constexpr std::array<const char*, 6> kVersion1 = {
    "CREATE TABLE store (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, "
    "compacted INTEGER NOT NULL, log_bytes INTEGER NOT NULL, next_keeper INTEGER NOT NULL)",
    "CREATE TABLE documents (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
    "value BLOB NOT NULL, revision INTEGER NOT NULL, keeper INTEGER)",
    "CREATE INDEX kept ON documents (keeper) WHERE keeper IS NOT NULL",
    "CREATE TABLE changes (id INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB)",
    "INSERT INTO store VALUES (1, 0, 0, 0, 1)",
    "PRAGMA user_version = 1"};
constexpr std::array<std::span<const char* const>, 1> kSteps = {kVersion1};

Status Migrate(Database& database, std::int64_t from) {
  for (std::size_t step = static_cast<std::size_t>(from); step < kSteps.size(); ++step) {
    for (const char* sql : kSteps[step]) {
      if (Status status = database.Run(sql); !status.ok()) return status;
    }
  }
  return {};
}

Status CheckSound(Database& database) {
  // Only the documents: the changes can be many, and are read by revision with all its checks.
  Query check(database, "PRAGMA quick_check(documents)");
  const bool sound = check.Step() && check.Blob(0) == "ok";
  if (Status status = check.status(); !status.ok()) return status;
  if (sound) return {};
  return Status(Code::kDataLoss, "store_corrupt",
                fmt::format("the store {} is damaged: restore a backup, or remove the file to "
                            "begin anew",
                            database.path()));
}

}  // namespace

Status CreateSchema(Database& database) {
  Transaction transaction(database);
  if (Status status = transaction.Begin(Transaction::Kind::kWrite); !status.ok()) return status;
  Status status = database.Run("PRAGMA application_id = " PLUGRELOAD_SQLITE_APPLICATION);
  if (status.ok()) status = Migrate(database, 0);
  return status.ok() ? transaction.Commit() : status;
}

Status CheckSchema(Database& database) {
  const auto application = database.Number("PRAGMA application_id");
  if (!application.ok()) return application.status();
  if (*application != kApplication) {
    return Status(Code::kFailedPrecondition, "store_foreign",
                  fmt::format("{} was not made by this library (application id {:#x}): nothing was "
                              "changed; give another path",
                              database.path(), *application));
  }
  const auto known = static_cast<std::int64_t>(kSteps.size());
  auto version = database.Number("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version > known) {
    return Status(Code::kFailedPrecondition, "store_newer",
                  fmt::format("{} has schema {}, and this version of the library knows up to {}: "
                              "nothing was changed; update the library",
                              database.path(), *version, known));
  }
  if (*version < known) {
    Transaction transaction(database);
    if (Status status = transaction.Begin(Transaction::Kind::kWrite); !status.ok()) return status;
    // Again, now that nobody else can be at it.
    version = database.Number("PRAGMA user_version");
    if (!version.ok()) return version.status();
    Status status = Migrate(database, *version);
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
  }
  return CheckSound(database);
}

}  // namespace plugreload::sqlite
