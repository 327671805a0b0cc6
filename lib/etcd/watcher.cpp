#include "etcd/watcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "etcd/etcd.pb.h"
#include "etcd/stream.hpp"

namespace plugreload::etcd {
namespace {

// etcd tells every ten minutes that a quiet watch is up to date, unless told otherwise. A dead
// connection, or a member without a leader, is noticed within seconds by other means.
constexpr std::chrono::minutes kQuiet{15};
constexpr Millis kFirstRest{50};
constexpr Millis kLongestRest{2'000};

}  // namespace

Watcher::Watcher(std::shared_ptr<Client> client, std::shared_ptr<Board> board,
                 std::shared_ptr<const Keys> keys, std::string prefix, Revision after,
                 StateStore::WatchCallback callback)
    : client_(std::move(client)),
      board_(std::move(board)),
      keys_(std::move(keys)),
      callback_(std::move(callback)),
      seen_(after + 1) {
  watched_.prefix = std::move(prefix);
  board_->Join(&watched_);
  try {
    thread_ = StartThread("pr-etcd-watch", [this] { Run(); });
  } catch (...) {
    board_->Leave(&watched_);
    throw;
  }
}

Watcher::~Watcher() {
  watched_.interrupt.Set();
  thread_.join();
  board_->Leave(&watched_);
}

void Watcher::Run() {
  Millis rest = kFirstRest;
  for (int denials = 0; !stopped();) {
    const Ended ended = Follow();
    if (stopped()) break;
    // etcd says the same of a token that has expired: only a second time is it meant.
    if (ended.denied) ++denials;
    if (ended.served) denials = 0;
    if (ended.status && (!ended.denied || denials > 1)) {
      callback_(*ended.status);
      return;
    }
    if (ended.served) rest = kFirstRest;
    // A leader's end ends the watches of all nodes at once; they must not come back at once.
    watched_.interrupt.Wait(Now() + Jitter(rest));
    rest = std::min(rest * 2, kLongestRest);
  }
  if (watched_.store_closed.load()) {
    callback_(Status(Code::kUnavailable, "store_closed", "the store was closed"));
  }
}

Watcher::Ended Watcher::Follow() {
  batches_.clear();
  Client::Place place;
  Ended ended;
  const Answer found = client_->Find(place, Deadline::max(), &watched_.interrupt);
  if (found.fate == Fate::kRefused) ended.status = found.status;
  if (found.fate != Fate::kDone) return ended;
  const Deadline soon = After(client_->settings().try_timeout);
  Stream stream(place, kWatch, &watched_.interrupt, soon);
  wire::WatchRequest request;
  wire::WatchCreateRequest& create = *request.mutable_create_request();
  create.set_key(keys_->Document(watched_.prefix));
  create.set_range_end(EndOf(create.key()));
  create.set_start_revision(seen_ + 1);
  create.set_progress_notify(true);
  create.set_fragment(true);
  stream.Write(request, soon);
  wire::WatchResponse response;
  while (stream.Read(&response, ended.served ? Now() + kQuiet : soon)) {
    ended = Take(response);
    if (ended.denied) client_->Distrust(place);
    if (ended.status || !ended.served || stopped()) return ended;
  }
  const grpc::Status status = stream.Finish();
  if (WantsNewToken(status)) client_->Distrust(place);
  client_->Avoid(place);
  const Answer answer = Understand(status, client_->url(place));
  if (answer.fate == Fate::kRefused && !WantsNewToken(status)) ended.status = answer.status;
  return ended;
}

Watcher::Ended Watcher::Take(const wire::WatchResponse& response) {
  Ended ended;
  if (response.compact_revision() != 0) {
    ended.status = Status(
        Code::kOutOfRange, "compacted",
        fmt::format("the commits behind revision {} are no longer kept (the oldest is {}): load "
                    "again and watch from there",
                    FromEtcd(seen_), FromEtcd(response.compact_revision())));
    return ended;
  }
  if (response.canceled()) {
    ended.denied = response.cancel_reason().find("permission denied") != std::string::npos;
    if (ended.denied) {
      ended.status =
          Status(Code::kPermissionDenied, "store_permission",
                 fmt::format("etcd refuses to let '{}' be watched: {}",
                             keys_->Document(watched_.prefix), response.cancel_reason()));
    }
    return ended;
  }
  ended.served = true;
  for (const wire::Event& event : response.events()) {
    const std::int64_t revision = event.kv().mod_revision();
    if (revision <= seen_) continue;
    if (batches_.empty() || batches_.back().revision != FromEtcd(revision)) {
      batches_.push_back({FromEtcd(revision), {}});
    }
    WatchBatch::Item item{keys_->NameOf(event.kv().key()), std::nullopt};
    if (event.type() == wire::Event::PUT) item.value = event.kv().value();
    batches_.back().items.push_back(std::move(item));
  }
  // Of what is cut into pieces the last revision is only whole with the last piece.
  if (response.fragment()) return ended;
  Deliver();
  // That of the announcement of a new watch may be behind where it begins.
  if (response.events_size() == 0 && !response.created()) {
    seen_ = std::max(seen_, response.header().revision());
  }
  return ended;
}

void Watcher::Deliver() {
  for (const WatchBatch& batch : batches_) {
    if (stopped()) return;
    callback_(batch);
    seen_ = ToEtcd(batch.revision);
    board_->Delivered(&watched_, seen_);
  }
  batches_.clear();
}

}  // namespace plugreload::etcd
