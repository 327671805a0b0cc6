#include "store_table/store_table.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace plugreload::capi {
namespace {

// A struct of the engine's, which may be of another age: what it lacks is zero.
template <typename Struct>
Struct Known(const Struct* given) {
  Struct own{};
  if (given != nullptr) std::memcpy(&own, given, std::min(given->struct_size, sizeof own));
  return own;
}

plugreload_code Answer(const Status& status, const plugreload_reply* reply) {
  if (status.ok()) return PLUGRELOAD_OK;
  const plugreload_reply known = Known(reply);
  if (known.error != nullptr) {
    const std::string_view reason = status.reason(), message = status.message();
    known.error(known.context, reason.data(), reason.size(), message.data(), message.size());
  }
  return static_cast<plugreload_code>(status.code());
}

// No exception leaves a function of the table.
template <typename Body>
plugreload_code Guard(const plugreload_reply* reply, Body body) noexcept {
  try {
    return Answer(body(), reply);
  } catch (const std::bad_alloc&) {
    return PLUGRELOAD_RESOURCE_EXHAUSTED;
  } catch (...) {
    return PLUGRELOAD_INTERNAL;
  }
}

struct User {
  std::shared_ptr<StateStore> store;
};
StateStore& StoreOf(void* user_data) { return *static_cast<User*>(user_data)->store; }

Deadline Until(std::int64_t timeout_ms) {
  return After(Millis(std::max<std::int64_t>(timeout_ms, 0)));
}

std::vector<Change> Changes(const plugreload_commit& commit) {
  std::vector<Change> changes;
  for (std::size_t i = 0; i < commit.count; ++i) {
    Change& change = changes.emplace_back();
    change.key.assign(commit.keys[i], commit.key_lens[i]);
    if (commit.expected[i] >= 0) change.expected = commit.expected[i];
    change.check_only = commit.actions[i] == PLUGRELOAD_CHANGE_CHECK;
    if (commit.actions[i] == PLUGRELOAD_CHANGE_WRITE) {
      change.value.emplace(commit.values[i], commit.value_lens[i]);
    }
  }
  return changes;
}

plugreload_code Commit(void* user_data, const plugreload_commit* commit, std::int64_t timeout_ms,
                       std::int64_t* revision, const plugreload_reply* reply) {
  return Guard(reply, [&]() -> Status {
    const auto committed = StoreOf(user_data).Commit(Changes(Known(commit)), Until(timeout_ms));
    if (committed.ok()) *revision = *committed;
    return committed.status();
  });
}

plugreload_code Load(void* user_data, const char* prefix, std::size_t prefix_len,
                     std::int64_t timeout_ms, std::int64_t* revision,
                     const plugreload_reply* reply) {
  return Guard(reply, [&]() -> Status {
    const auto snapshot =
        StoreOf(user_data).Load(std::string(prefix, prefix_len), Until(timeout_ms));
    if (!snapshot.ok()) return snapshot.status();
    const plugreload_reply known = Known(reply);
    for (const Document& document : snapshot->documents) {
      known.document(known.context, document.key.data(), document.key.size(), document.value.data(),
                     document.value.size(), document.revision);
    }
    *revision = snapshot->revision;
    return {};
  });
}

void Tell(const plugreload_watcher& watcher, const Result<WatchBatch>& batch) {
  if (!batch.ok()) {
    const std::string_view reason = batch.status().reason(), message = batch.status().message();
    watcher.end(watcher.context, static_cast<plugreload_code>(batch.status().code()), reason.data(),
                reason.size(), message.data(), message.size());
    return;
  }
  std::vector<const char*> keys, values;
  std::vector<std::size_t> key_lens, value_lens;
  for (const WatchBatch::Item& item : batch->items) {
    keys.push_back(item.key.data());
    key_lens.push_back(item.key.size());
    values.push_back(item.value ? item.value->data() : nullptr);
    value_lens.push_back(item.value ? item.value->size() : 0);
  }
  watcher.batch(watcher.context, batch->revision, keys.data(), key_lens.data(), values.data(),
                value_lens.data(), keys.size());
}

plugreload_code Watch(void* user_data, const char* prefix, std::size_t prefix_len,
                      std::int64_t after, const plugreload_watcher* watcher, void** watch,
                      const plugreload_reply* reply) {
  return Guard(reply, [&]() -> Status {
    auto made = StoreOf(user_data).Watch(
        std::string(prefix, prefix_len), after,
        [known = Known(watcher)](const Result<WatchBatch>& batch) { Tell(known, batch); });
    if (!made.ok()) return made.status();
    *watch = (*std::move(made)).release();
    return {};
  });
}

void Unwatch(void*, void* watch) { delete static_cast<StateStore::Watcher*>(watch); }

plugreload_code Keep(void* user_data, const char* key, std::size_t key_len, const char* value,
                     std::size_t value_len, std::int64_t ttl_ms, std::int64_t timeout_ms,
                     void** keeper, const plugreload_reply* reply) {
  return Guard(reply, [&]() -> Status {
    auto kept = StoreOf(user_data).Keep(std::string(key, key_len), std::string(value, value_len),
                                        Millis(ttl_ms), Until(timeout_ms));
    if (!kept.ok()) return kept.status();
    *keeper = (*std::move(kept)).release();
    return {};
  });
}

std::int64_t Kept(void*, void* keeper) {
  return static_cast<const StateStore::Keeper*>(keeper)->revision();
}

void Unkeep(void*, void* keeper) { delete static_cast<StateStore::Keeper*>(keeper); }

void Destroy(void* user_data) { delete static_cast<User*>(user_data); }

}  // namespace

Status FillTable(std::shared_ptr<StateStore> store, plugreload_store_ops* table) {
  const std::size_t size = table->struct_size;
  if (size < offsetof(plugreload_store_ops, destroy) + sizeof table->destroy ||
      size > kMaxStructSize) {
    return Status(Code::kInvalidArgument, "struct_size",
                  "struct_size of the table is " + std::to_string(size) +
                      "; set it to the sizeof of the struct");
  }
  auto user = std::make_unique<User>(User{std::move(store)});
  plugreload_store_ops own{sizeof own, user.get(), Commit, Load,   Watch,
                           Unwatch,    Keep,       Kept,   Unkeep, Destroy};
  own.struct_size = size;
  // A caller of a newer header has fields that are unknown here: zero, as their default.
  std::memset(static_cast<void*>(table), 0, size);
  std::memcpy(table, &own, std::min(size, sizeof own));
  (void)user.release();
  return {};
}

plugreload_code Fail(const Status& status, plugreload_error** error) noexcept {
  if (error != nullptr) {
    const std::string_view reason = status.reason(), message = status.message();
    *error = plugreload_error_new(static_cast<plugreload_code>(status.code()), reason.data(),
                                  reason.size(), message.data(), message.size());
  }
  return static_cast<plugreload_code>(status.code());
}

plugreload_code FailWithException(plugreload_error** error) noexcept {
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return Fail(Status(Code::kResourceExhausted, "out_of_memory",
                         "there was not enough memory; what was being done is not done"),
                  error);
    } catch (const std::exception& exception) {
      return Fail(Status(Code::kInternal, "exception",
                         std::string("an exception reached the C border: ") + exception.what()),
                  error);
    }
  } catch (...) {
    return PLUGRELOAD_INTERNAL;
  }
}

}  // namespace plugreload::capi
