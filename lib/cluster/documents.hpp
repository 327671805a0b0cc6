// cluster/documents.hpp - requests, members and results as they stand in the store.
#ifndef PLUGRELOAD_CLUSTER_DOCUMENTS_HPP_
#define PLUGRELOAD_CLUSTER_DOCUMENTS_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/reload.hpp"
#include "plugreload/store.hpp"

namespace plugreload::internal {

// Requests lie below the prefix that the images watch, so that each arrives in the order of the
// commits, after what it applies to. The rest is read when somebody asks.
inline constexpr std::string_view kRequestPrefix = "state/reloads/";
inline constexpr std::string_view kMemberPrefix = "cluster/members/";
inline constexpr std::string_view kResultPrefix = "cluster/results/";
inline constexpr std::string_view kPermitPrefix = "cluster/permits/";
inline constexpr std::string_view kRunningPrefix = "cluster/running/";

// A reload_id as one segment of a key.
std::string Segment(std::string_view reload_id);
std::string RequestKey(std::string_view reload_id);
std::string MemberKey(std::string_view member);
std::string ResultsOf(std::string_view reload_id);  // a prefix, ends with a slash
std::string ResultKey(std::string_view reload_id, std::string_view member);
std::string PermitsOf(std::string_view reload_id);  // a prefix, ends with a slash
std::string PermitKey(std::string_view reload_id, std::uint32_t number);

struct GlobalRequest {
  ReloadRequest request;  // pin is committed beside it and not repeated
  std::string node;       // empty: every node
  std::optional<PluginRef> pin_before;
  std::int64_t requested_at_ms = 0;
  bool cancelled = false;
  std::vector<MemberReport> expected;  // node and member only
  // Of the commit that brought it: the order of requests. 0 in the text of that very commit.
  Revision created = 0;
  Revision revision = 0;  // of the document now; not in the text
};

std::string EncodeRequest(const GlobalRequest& request);
std::optional<GlobalRequest> DecodeRequest(std::string_view text);
std::string EncodeMember(const MemberReport& report);
std::optional<MemberReport> DecodeMember(std::string_view text);
std::string RunningKey(std::string_view member);
std::string EncodeRunning(const MemberState& state);
std::optional<MemberState> DecodeRunning(std::string_view text);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_CLUSTER_DOCUMENTS_HPP_
