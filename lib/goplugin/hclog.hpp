// goplugin/hclog.hpp - the JSON lines in which Go plugins log.
#ifndef PLUGRELOAD_GOPLUGIN_HCLOG_HPP_
#define PLUGRELOAD_GOPLUGIN_HCLOG_HPP_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugreload/host.hpp"

namespace plugreload::goplugin {

struct HclogLine {
  LogLevel level = LogLevel::kInfo;
  std::string message;
  // Everything but level and message, in order: "@module", "@timestamp", the plugin's own. A string
  // as it is, anything else as JSON.
  std::vector<std::pair<std::string, std::string>> fields;
};

// nullopt when the line is not exactly one JSON object with a text as "@message" and, if there is
// one, a text as "@level": then it is a line like any other. Whatever a plugin writes, nothing
// worse happens.
std::optional<HclogLine> ParseHclog(std::string_view line);

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_HCLOG_HPP_
