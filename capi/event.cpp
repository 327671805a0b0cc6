// Events: the descriptor, taking one, and plugreload_event.
#include <memory>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Event;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::Field;
using plugreload::capi::Input;
using plugreload::capi::Life;
using plugreload::capi::Out;
using plugreload::capi::Rule;
using plugreload::capi::ValueOf;

namespace {

const Event* Inner(const plugreload_event* event) { return Field(event, &plugreload_event::event); }

}  // namespace

int32_t plugreload_event_fd(const plugreload_engine* engine) {
  if (engine == nullptr || engine->session->life() == Life::kForked) return -1;
  return engine->session->events().descriptor();
}

plugreload_code plugreload_event_take(plugreload_engine* engine, plugreload_event** event,
                                      plugreload_error** error) {
  if (event != nullptr) *event = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kAfterClose, what, error, [&](Runtime&) -> Status {
    Input input(what);
    if (!input.Require(event, "event")) return input.status();
    auto handle = std::make_unique<plugreload_event>();
    auto taken = engine->session->events().Take();
    if (!taken) return {};
    handle->event = *std::move(taken);
    *event = handle.release();
    return {};
  });
}

int32_t plugreload_event_kind(const plugreload_event* event) {
  return event == nullptr ? 0 : static_cast<int32_t>(event->event.kind);
}
const char* plugreload_event_reload_id(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::reload_id), len);
}
const char* plugreload_event_namespace(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::ns), len);
}
const char* plugreload_event_mount_path(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::mount), len);
}
const char* plugreload_event_plugin(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::plugin), len);
}
const char* plugreload_event_instance(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::instance), len);
}
const char* plugreload_event_message(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::message), len);
}
uint64_t plugreload_event_generation(const plugreload_event* event) {
  return ValueOf(Field(Inner(event), &Event::generation));
}
const char* plugreload_event_state(const plugreload_event* event, size_t* len) {
  return Out(Field(Inner(event), &Event::state), len);
}
uint64_t plugreload_event_total(const plugreload_event* event) {
  return ValueOf(Field(Inner(event), &Event::total));
}
uint64_t plugreload_event_count(const plugreload_event* event) {
  return ValueOf(Field(Inner(event), &Event::count));
}
void plugreload_event_free(plugreload_event* event) { delete event; }
