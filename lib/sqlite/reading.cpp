#include "sqlite/reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "sqlite/schema.hpp"

namespace plugreload::sqlite {
namespace {

// Bounds the memory of a watcher that has to catch up: each is kMaxCommitBytes at most.
constexpr Revision kCommitsAtOnce = 32;

// The first key behind all that begin with `prefix`; empty: there is none.
std::string Behind(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace

Result<Snapshot> LoadDocuments(Database& database, std::string_view prefix) {
  Transaction transaction(database);
  if (Status status = transaction.Begin(Transaction::Kind::kRead); !status.ok()) return status;
  const auto revision = database.Number("SELECT revision FROM store");
  if (!revision.ok()) return revision.status();
  Snapshot snapshot;
  snapshot.revision = *revision;
  const std::string end = Behind(prefix);
  Query query(database, end.empty() ? "SELECT key, value, revision FROM documents WHERE key >= ? "
                                      "ORDER BY key"
                                    : "SELECT key, value, revision FROM documents WHERE key >= ? "
                                      "AND key < ? ORDER BY key");
  query.Bind(prefix);
  if (!end.empty()) query.Bind(end);
  while (query.Step()) {
    snapshot.documents.push_back({query.Blob(0), query.Blob(1), query.Number(2)});
  }
  if (Status status = query.status(); !status.ok()) return status;
  return snapshot;
}

Result<Progress> NextBatches(Database& database, std::string_view prefix, Revision after) {
  Transaction transaction(database);
  if (Status status = transaction.Begin(Transaction::Kind::kRead); !status.ok()) return status;
  Progress progress;
  {
    Query query(database, "SELECT revision, compacted FROM store");
    if (!query.Step()) {
      Status status = query.status();
      return status.ok() ? Result<Progress>(progress) : status;
    }
    const Revision revision = query.Number(0), compacted = query.Number(1);
    if (after < compacted) {
      return Status(Code::kOutOfRange, "compacted",
                    fmt::format("the commits behind revision {} are no longer kept (the oldest is "
                                "{}): load again and watch from there",
                                after, compacted + 1));
    }
    progress.seen = std::max(after, std::min(revision, after + kCommitsAtOnce));
  }
  if (progress.seen == after) return progress;
  Query query(database, "SELECT id, key, value FROM changes WHERE id >= ? AND id < ? ORDER BY id");
  query.Bind((after + 1) * kItems).Bind((progress.seen + 1) * kItems);
  while (query.Step()) {
    std::string key = query.Blob(1);
    if (!key.starts_with(prefix)) continue;
    const Revision revision = query.Number(0) / kItems;
    if (progress.batches.empty() || progress.batches.back().revision != revision) {
      progress.batches.push_back({revision, {}});
    }
    auto value = query.IsNull(2) ? std::nullopt : std::optional(query.Blob(2));
    progress.batches.back().items.push_back({std::move(key), std::move(value)});
  }
  if (Status status = query.status(); !status.ok()) return status;
  return progress;
}

Result<std::vector<std::int64_t>> KeptNumbers(Database& database) {
  Query query(database, "SELECT DISTINCT keeper FROM documents WHERE keeper IS NOT NULL");
  std::vector<std::int64_t> numbers;
  while (query.Step()) numbers.push_back(query.Number(0));
  if (Status status = query.status(); !status.ok()) return status;
  return numbers;
}

}  // namespace plugreload::sqlite
