#include "sqlite/writing.hpp"

#include <algorithm>
#include <string>

#include "sqlite/schema.hpp"

namespace plugreload::sqlite {

Status Writing::Begin() {
  if (Status status = transaction_.Begin(Transaction::Kind::kWrite); !status.ok()) return status;
  Query query(database_, "SELECT revision, compacted, log_bytes, next_keeper FROM store");
  if (query.Step()) {
    revision_ = query.Number(0) + 1;
    compacted_ = query.Number(1);
    log_bytes_ = query.Number(2);
    next_keeper_ = query.Number(3);
  }
  return query.status();
}

Result<Revision> Writing::RevisionOf(std::string_view key) {
  Query query(database_, "SELECT revision FROM documents WHERE key = ?");
  const Revision revision = query.Bind(key).Step() ? query.Number(0) : 0;
  if (Status status = query.status(); !status.ok()) return status;
  return revision;
}

Status Writing::Put(std::string_view key, std::string_view value,
                    std::optional<std::int64_t> keeper) {
  Query query(database_,
              "INSERT INTO documents (key, value, revision, keeper) VALUES (?, ?, ?, ?) "
              "ON CONFLICT (key) DO UPDATE SET value = excluded.value, "
              "revision = excluded.revision, keeper = excluded.keeper");
  query.Bind(key).Bind(value).Bind(revision_);
  keeper ? query.Bind(*keeper) : query.BindNull();
  if (Status status = query.Run(); !status.ok()) return status;
  return Log(key, value);
}

Status Writing::Erase(std::string_view key) {
  Query query(database_, "DELETE FROM documents WHERE key = ? RETURNING id");
  const bool was_there = query.Bind(key).Step();
  if (was_there) query.Step();  // to its end, or the removal is not finished
  if (Status status = query.status(); !status.ok()) return status;
  return was_there ? Log(key, std::nullopt) : Status();
}

Status Writing::EraseKept(std::int64_t keeper) {
  std::string key;
  {
    Query query(database_, "SELECT key FROM documents WHERE keeper = ?");
    if (query.Bind(keeper).Step()) key = query.Blob(0);
    if (Status status = query.status(); !status.ok()) return status;
  }
  return key.empty() ? Status() : Erase(key);
}

Status Writing::Log(std::string_view key, std::optional<std::string_view> value) {
  Query query(database_, "INSERT INTO changes (id, key, value) VALUES (?, ?, ?)");
  query.Bind(revision_ * kItems + items_++).Bind(key);
  value ? query.Bind(*value) : query.BindNull();
  log_bytes_ += static_cast<std::int64_t>(key.size() + (value ? value->size() : 0));
  return query.Run();
}

Status Writing::Trim() {
  const auto commits = static_cast<Revision>(std::max<std::size_t>(limits_.commits, 1));
  // The newest stays however large it is: a watcher that keeps up must get it.
  while (compacted_ < revision_ - 1 && (revision_ - compacted_ > commits ||
                                        log_bytes_ > static_cast<std::int64_t>(limits_.bytes))) {
    // All that are too many at once, when the limit was lowered; one by one for their bytes.
    compacted_ = std::max(compacted_ + 1, revision_ - commits);
    const std::int64_t end = (compacted_ + 1) * kItems;
    Query sizes(database_,
                "SELECT sum(length(key) + ifnull(length(value), 0)) FROM changes WHERE id < ?");
    if (sizes.Bind(end).Step()) log_bytes_ -= sizes.Number(0);
    if (Status status = sizes.status(); !status.ok()) return status;
    Query removal(database_, "DELETE FROM changes WHERE id < ?");
    if (Status status = removal.Bind(end).Run(); !status.ok()) return status;
  }
  return {};
}

Result<Revision> Writing::Finish() {
  if (items_ == 0) return revision_ - 1;
  if (Status status = Trim(); !status.ok()) return status;
  {
    Query query(database_,
                "UPDATE store SET revision = ?, compacted = ?, log_bytes = ?, next_keeper = ?");
    query.Bind(revision_).Bind(compacted_).Bind(log_bytes_).Bind(next_keeper_);
    if (Status status = query.Run(); !status.ok()) return status;
  }
  if (Status status = transaction_.Commit(); !status.ok()) return status;
  return revision_;
}

}  // namespace plugreload::sqlite
