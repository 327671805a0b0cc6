// fuzz/dispatch_fuzz.cpp - a whole request through Runtime::Dispatch: five lines, the last the
// body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "plugreload/runtime.hpp"

namespace {

using plugreload::Request;

std::unique_ptr<plugreload::Runtime> NewRuntime() {
  plugreload::RuntimeOptions options;
  plugreload::CallbackLauncherOptions callbacks;
  callbacks.start = [](const plugreload::LaunchSpec&, const plugreload::StartContext&) {
    return plugreload::Result<std::shared_ptr<void>>(std::make_shared<int>(0));
  };
  options.launchers["callback"] = plugreload::NewCallbackLauncher(std::move(callbacks));
  options.dispatch_launchers = {"callback"};
  options.host = std::make_shared<plugreload::Host>();
  auto runtime = plugreload::Runtime::Create(options);
  if (!runtime.ok()) std::abort();
  return *std::move(runtime);
}

std::string TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<plugreload::Runtime> runtime;
  static unsigned count = 0;
  if (count++ % 10'000 == 0) runtime = NewRuntime();  // so that what was made does not pile up
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Request request;
  request.method = TakeLine(text);
  request.target = TakeLine(text);
  request.ns = TakeLine(text);
  request.content_type = TakeLine(text);
  request.body = text;
  request.token = "root";
  const plugreload::Response response = runtime->Dispatch(request);
  if (response.status < 200 || response.status > 599) std::abort();
  if (response.status != 204 && response.status >= 400 && response.body.empty() &&
      request.method != "HEAD") {
    std::abort();
  }
  return 0;
}

#ifdef PLUGRELOAD_FUZZ_FILES  // the corpus as an ordinary test
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
  return argc > 1 ? 0 : 1;
}
#endif
