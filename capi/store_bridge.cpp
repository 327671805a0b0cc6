#include "store_bridge.hpp"

#include <algorithm>
#include <chrono>

#include "guard.hpp"
#include "plugreload/store_limits.hpp"

namespace plugreload::capi {
namespace {

std::int64_t Remaining(Deadline deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
  return std::max<std::int64_t>(left, 0);
}

std::string_view Text(const char* data, std::size_t len) {
  if (data == nullptr) return {};
  return len == PLUGRELOAD_NTS ? std::string_view(data) : std::string_view(data, len);
}

// A code that the host gave; none of ours becomes kInternal.
Status Failed(plugreload_code code, std::string_view reason, std::string_view message) {
  const bool known = code != PLUGRELOAD_OK &&
                     CodeName(static_cast<Code>(code)) != std::string_view("CODE_UNKNOWN");
  return Status(known ? static_cast<Code>(code) : Code::kInternal,
                reason.empty() ? "store_failed" : reason,
                message.empty() ? "the host's store gave no reason" : message);
}

Status Broken(std::string_view how) {
  return Status(Code::kInternal, "store_contract",
                "the host's store broke its contract: it " + std::string(how));
}

// What one call of the table is answered; it lives on the stack of the call.
class Reply {
 public:
  explicit Reply(Snapshot* snapshot = nullptr)
      : snapshot_(snapshot), table_{sizeof table_, this, &Reply::OnError, &Reply::OnDocument} {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  const plugreload_reply* table() const { return &table_; }
  Status StatusOf(plugreload_code code) const {
    if (code == PLUGRELOAD_OK) return memory_short_ ? OutOfMemory() : Status();
    return Failed(code, reason_, message_);
  }

 private:
  static Status OutOfMemory() {
    return Status(Code::kResourceExhausted, "out_of_memory",
                  "there was not enough memory for what the host's store answered");
  }
  // No exception may go through the store's frames.
  template <typename Body>
  static void Guarded(void* context, Body body) noexcept {
    auto* self = static_cast<Reply*>(context);
    try {
      body(*self);
    } catch (...) {
      self->memory_short_ = true;
    }
  }
  static void OnError(void* context, const char* reason, std::size_t reason_len,
                      const char* message, std::size_t message_len) {
    Guarded(context, [&](Reply& self) {
      self.reason_ = Text(reason, reason_len);
      self.message_ = Text(message, message_len);
    });
  }
  static void OnDocument(void* context, const char* key, std::size_t key_len, const char* value,
                         std::size_t value_len, std::int64_t revision) {
    Guarded(context, [&](Reply& self) {
      if (self.snapshot_ == nullptr) return;
      self.snapshot_->documents.push_back(
          {std::string(Text(key, key_len)), std::string(Text(value, value_len)), revision});
    });
  }

  Snapshot* const snapshot_;
  const plugreload_reply table_;
  bool memory_short_ = false;
  std::string reason_, message_;
};

// Changes as the arrays that a table gets.
struct Arrays {
  explicit Arrays(std::span<const Change> changes) {
    for (const Change& change : changes) {
      actions.push_back(change.check_only ? PLUGRELOAD_CHANGE_CHECK
                        : change.value    ? PLUGRELOAD_CHANGE_WRITE
                                          : PLUGRELOAD_CHANGE_REMOVE);
      keys.push_back(change.key.data());
      key_lens.push_back(change.key.size());
      const bool write = change.value && !change.check_only;
      values.push_back(write ? change.value->data() : nullptr);
      value_lens.push_back(write ? change.value->size() : 0);
      expected.push_back(change.expected.value_or(PLUGRELOAD_ANY_REVISION));
    }
  }
  plugreload_commit Table() const {
    return {sizeof(plugreload_commit), actions.data(),  keys.data(), key_lens.data(), values.data(),
            value_lens.data(),         expected.data(), keys.size()};
  }

  std::vector<std::int32_t> actions;
  std::vector<const char*> keys, values;
  std::vector<std::size_t> key_lens, value_lens;
  std::vector<std::int64_t> expected;
};

class TableWatcher : public StateStore::Watcher {
 public:
  TableWatcher(std::shared_ptr<const StoreBridge> store, WatchSink* sink)
      : store_(std::move(store)), sink_(sink) {}
  ~TableWatcher() override {
    if (started_) {
      CallHost(0, [&] {
        store_->table().unwatch(store_->user_data(), watch_);
        return 0;
      });
    }
    sink_->Retire();
  }
  // From here on there is something to unwatch.
  void Started(void* watch) {
    watch_ = watch;
    started_ = true;
  }

 private:
  const std::shared_ptr<const StoreBridge> store_;
  WatchSink* const sink_;
  void* watch_ = nullptr;
  bool started_ = false;
};

class TableKeeper : public StateStore::Keeper {
 public:
  explicit TableKeeper(std::shared_ptr<const StoreBridge> store) : store_(std::move(store)) {}
  ~TableKeeper() override {
    if (!started_) return;
    CallHost(0, [&] {
      store_->table().unkeep(store_->user_data(), keeper_);
      return 0;
    });
  }
  void Started(void* keeper) {
    keeper_ = keeper;
    started_ = true;
  }
  Revision revision() const override {
    return std::max<Revision>(0, CallHost<Revision>(0, [&] {
                                return store_->table().kept(store_->user_data(), keeper_);
                              }));
  }

 private:
  const std::shared_ptr<const StoreBridge> store_;
  void* keeper_ = nullptr;
  bool started_ = false;
};

}  // namespace

plugreload_watcher WatchSink::Table() {
  return {sizeof(plugreload_watcher), this, &WatchSink::OnBatch, &WatchSink::OnEnd};
}

void WatchSink::Retire() {
  const std::lock_guard lock(mutex_);
  callback_ = nullptr;
}

// The lock is this watch's alone: it orders calls of a store that makes them at once.
void WatchSink::Give(const Result<WatchBatch>& batch) {
  if (!callback_) return;
  callback_(batch);
  if (!batch.ok()) callback_ = nullptr;
}

void WatchSink::OnBatch(void* context, std::int64_t revision, const char* const* keys,
                        const std::size_t* key_lens, const char* const* values,
                        const std::size_t* value_lens, std::size_t count) {
  auto* self = static_cast<WatchSink*>(context);
  const std::lock_guard lock(self->mutex_);
  try {
    if (revision <= self->last_) return self->Give(Broken("told of a revision twice or too late"));
    if (count > kMaxChangesPerCommit) return self->Give(Broken("told of too many changes at once"));
    WatchBatch batch{revision, {}};
    for (std::size_t i = 0; i < count; ++i) {
      WatchBatch::Item item{std::string(Text(keys[i], key_lens[i])), std::nullopt};
      if (values[i] != nullptr) item.value = std::string(Text(values[i], value_lens[i]));
      batch.items.push_back(std::move(item));
    }
    self->last_ = revision;
    self->Give(batch);
  } catch (...) {
    // What was not taken would be a gap: the watch is over, and its user loads again.
    try {
      self->Give(Status(Code::kUnavailable, "out_of_memory", "a change of the store got lost"));
    } catch (...) {
      self->callback_ = nullptr;
    }
  }
}

void WatchSink::OnEnd(void* context, plugreload_code code, const char* reason,
                      std::size_t reason_len, const char* message, std::size_t message_len) {
  auto* self = static_cast<WatchSink*>(context);
  const std::lock_guard lock(self->mutex_);
  try {
    self->Give(Failed(code, Text(reason, reason_len), Text(message, message_len)));
  } catch (...) {
    self->callback_ = nullptr;
  }
}

Result<Revision> StoreBridge::Commit(std::span<const Change> changes, Deadline deadline) {
  if (Status status = CheckChanges(changes); !status.ok()) return status;
  const Arrays arrays(changes);
  const plugreload_commit commit = arrays.Table();
  const Reply reply;
  std::int64_t revision = 0;
  // A host that threw in the middle may have done it.
  const plugreload_code code = CallHost<plugreload_code>(PLUGRELOAD_UNKNOWN, [&] {
    return table_.commit(user_data(), &commit, Remaining(deadline), &revision, reply.table());
  });
  if (Status status = reply.StatusOf(code); !status.ok()) return status;
  if (revision < 0) return Broken("committed as a negative revision");
  return revision;
}

Result<Snapshot> StoreBridge::Load(std::string_view prefix, Deadline deadline) {
  Snapshot snapshot;
  const Reply reply(&snapshot);
  const plugreload_code code = CallHost<plugreload_code>(PLUGRELOAD_INTERNAL, [&] {
    return table_.load(user_data(), prefix.data(), prefix.size(), Remaining(deadline),
                       &snapshot.revision, reply.table());
  });
  if (Status status = reply.StatusOf(code); !status.ok()) return status;
  const bool sorted =
      std::is_sorted(snapshot.documents.begin(), snapshot.documents.end(),
                     [](const Document& a, const Document& b) { return a.key < b.key; });
  if (snapshot.revision < 0 || !sorted) return Broken("loaded documents out of order");
  return snapshot;
}

Result<std::unique_ptr<StateStore::Watcher>> StoreBridge::Watch(std::string_view prefix,
                                                                Revision after,
                                                                WatchCallback callback) {
  if (after < 0 || !callback) {
    return Status(Code::kInvalidArgument, "invalid_watch",
                  "a watch needs a callback and a revision that is not negative");
  }
  WatchSink* sink = nullptr;
  {
    const std::lock_guard lock(mutex_);
    sinks_.push_back(std::make_unique<WatchSink>(after, std::move(callback)));
    sink = sinks_.back().get();
  }
  auto watcher = std::make_unique<TableWatcher>(shared_from_this(), sink);
  const plugreload_watcher table = sink->Table();
  const Reply reply;
  void* watch = nullptr;
  const plugreload_code code = CallHost<plugreload_code>(PLUGRELOAD_INTERNAL, [&] {
    return table_.watch(user_data(), prefix.data(), prefix.size(), after, &table, &watch,
                        reply.table());
  });
  if (code == PLUGRELOAD_OK) watcher->Started(watch);
  if (Status status = reply.StatusOf(code); !status.ok()) return status;
  return std::unique_ptr<Watcher>(std::move(watcher));
}

Result<std::unique_ptr<StateStore::Keeper>> StoreBridge::Keep(std::string_view key,
                                                              std::string_view value, Millis ttl,
                                                              Deadline deadline) {
  const Change creation{std::string(key), std::string(value), 0};
  if (Status status = CheckChanges({&creation, 1}); !status.ok()) return status;
  auto keeper = std::make_unique<TableKeeper>(shared_from_this());
  const Reply reply;
  void* object = nullptr;
  const plugreload_code code = CallHost<plugreload_code>(PLUGRELOAD_INTERNAL, [&] {
    return table_.keep(user_data(), key.data(), key.size(), value.data(), value.size(), ttl.count(),
                       Remaining(deadline), &object, reply.table());
  });
  if (code == PLUGRELOAD_OK) keeper->Started(object);
  if (Status status = reply.StatusOf(code); !status.ok()) return status;
  return std::unique_ptr<Keeper>(std::move(keeper));
}

}  // namespace plugreload::capi
