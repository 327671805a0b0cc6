// Dispatch, and plugreload_response.
#include <memory>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Response;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::Field;
using plugreload::capi::Input;
using plugreload::capi::Out;
using plugreload::capi::Rule;

plugreload_code plugreload_engine_dispatch(plugreload_engine* engine, const plugreload_call* call,
                                           plugreload_response** response,
                                           plugreload_error** error) {
  if (response != nullptr) *response = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const plugreload_call given = input.Copy(call, "call");
    plugreload::Request request;
    request.method = input.Text(given.method, given.method_len, "method");
    request.target = input.Text(given.target, given.target_len, "target");
    request.ns = input.Text(given.ns, given.ns_len, "ns");
    request.token = input.Text(given.token, given.token_len, "token");
    request.content_type = input.Text(given.content_type, given.content_type_len, "content_type");
    request.body = input.Text(given.body, given.body_len, "body");
    request.remote = input.Text(given.remote, given.remote_len, "remote");
    input.Require(given.method, "method of the call");
    input.Require(given.target, "target of the call");
    input.Require(response, "response");
    if (!input.status().ok()) return input.status();
    auto answer = std::make_unique<plugreload_response>();
    answer->response = runtime.Dispatch(request);
    *response = answer.release();
    return {};
  });
}

plugreload_code plugreload_engine_metrics(plugreload_engine* engine, plugreload_response** response,
                                          plugreload_error** error) {
  if (response != nullptr) *response = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    if (!input.Require(response, "response")) return input.status();
    auto answer = std::make_unique<plugreload_response>();
    answer->response.body = runtime.Metrics();
    answer->response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    *response = answer.release();
    return {};
  });
}

int32_t plugreload_response_status(const plugreload_response* response) {
  return response == nullptr ? 0 : response->response.status;
}
const char* plugreload_response_body(const plugreload_response* response, size_t* len) {
  return Out(Field(response, &plugreload_response::response, &Response::body), len);
}
const char* plugreload_response_content_type(const plugreload_response* response, size_t* len) {
  return Out(Field(response, &plugreload_response::response, &Response::content_type), len);
}
const char* plugreload_response_namespace(const plugreload_response* response, size_t* len) {
  return Out(Field(response, &plugreload_response::response, &Response::ns), len);
}
void plugreload_response_free(plugreload_response* response) { delete response; }
