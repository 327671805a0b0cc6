// c_engine.hpp - an engine and its last error, freed with the test case.
#ifndef PLUGRELOAD_TESTS_CAPI_C_ENGINE_HPP_
#define PLUGRELOAD_TESTS_CAPI_C_ENGINE_HPP_

#include <string>

#include "plugreload/plugreload.h"
#include "support/leaks.hpp"

namespace plugreload::test {

struct Outcome {
  plugreload_code code = PLUGRELOAD_OK;
  std::string reason, message;
};

// It leaves nothing behind, which is checked at its end.
class CEngine {
 public:
  CEngine() = default;
  ~CEngine() {
    plugreload_engine_free(engine_);
    plugreload_error_free(error_);
  }
  CEngine(const CEngine&) = delete;
  CEngine& operator=(const CEngine&) = delete;

  // Puts the run directory into the options.
  Outcome Open() {
    plugreload_options options{};
    options.struct_size = sizeof options;
    return Open(options);
  }
  Outcome Open(plugreload_options options) {
    UseRunDirectory(&options);
    return OpenAsIs(&options);
  }
  Outcome OpenAsIs(const void* options) {
    plugreload_engine_open(static_cast<const plugreload_options*>(options), &engine_, error());
    return TakeError();
  }
  void UseRunDirectory(plugreload_options* options) const {
    options->run_directory = leaks_.run_directory().c_str();
    options->run_directory_len = PLUGRELOAD_NTS;
  }
  plugreload_engine* get() const { return engine_; }

  // For the last argument of a call; then TakeError.
  plugreload_error** error() { return &error_; }
  Outcome TakeError() {
    const Outcome outcome{plugreload_error_code(error_), plugreload_error_reason(error_, nullptr),
                          plugreload_error_message(error_, nullptr)};
    plugreload_error_free(error_);
    error_ = nullptr;
    return outcome;
  }

 private:
  LeakCheck leaks_;  // first: looks when everything else is gone
  plugreload_engine* engine_ = nullptr;
  plugreload_error* error_ = nullptr;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CAPI_C_ENGINE_HPP_
