// http_host/example_host.hpp - what the library asks of this server.
#ifndef EXAMPLES_HTTP_HOST_EXAMPLE_HOST_HPP_
#define EXAMPLES_HTTP_HOST_EXAMPLE_HOST_HPP_

#include <memory>

#include "http_host/tokens.hpp"
#include "plugreload/host.hpp"

namespace example {

// Logs to stderr, lets tokens decide, and keeps a PluginPool per instance.
class ExampleHost : public plugreload::Host {
 public:
  ExampleHost(const Tokens& tokens, plugreload::LogLevel level) : tokens_(tokens), level_(level) {}

  plugreload::Decision Authorise(const plugreload::Call& call) noexcept override;
  void Log(const plugreload::LogRecord& record) noexcept override;
  void OnEvent(const plugreload::Event& event) noexcept override;
  plugreload::Result<std::shared_ptr<void>> Attach(const plugreload::LaunchSpec& spec,
                                                   const plugreload::InstanceInfo& info) override;

 private:
  const Tokens& tokens_;
  const plugreload::LogLevel level_;
};

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_EXAMPLE_HOST_HPP_
