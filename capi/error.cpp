// plugreload_error, the version and the names of codes.
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"
#include "plugreload/plugreload.h"
#include "plugreload/version.h"

using plugreload::capi::Out;

const char* plugreload_version(void) { return PLUGRELOAD_VERSION_STRING; }

const char* plugreload_code_name(plugreload_code code) {
  // Views of literals, which are terminated.
  return Out(plugreload::CodeName(static_cast<plugreload::Code>(code)), nullptr);
}

plugreload_code plugreload_error_code(const plugreload_error* error) {
  return error == nullptr ? PLUGRELOAD_OK : error->code;
}

const char* plugreload_error_reason(const plugreload_error* error, size_t* len) {
  return Out(error == nullptr ? nullptr : &error->reason, len);
}

const char* plugreload_error_message(const plugreload_error* error, size_t* len) {
  return Out(error == nullptr ? nullptr : &error->message, len);
}

plugreload_error* plugreload_error_new(plugreload_code code, const char* reason, size_t reason_len,
                                       const char* message, size_t message_len) {
  try {
    plugreload::capi::Input input(__func__);
    const plugreload::Status status(static_cast<plugreload::Code>(code),
                                    input.View(reason, reason_len, "reason"),
                                    input.View(message, message_len, "message"));
    return status.ok() ? nullptr : new plugreload_error(status);
  } catch (...) {
    return nullptr;
  }
}

void plugreload_error_free(plugreload_error* error) { delete error; }
