// sys/metrics.
#include "dispatch/metrics.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <ctime>

#include "dispatch/route.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"format", FieldKind::kString}};
constexpr std::array<std::string_view, Meters::kPhases> kPhaseNames = {"prepare", "commit", "drain",
                                                                       "retire"};

double Load(const Meters::Count& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

Metric Plain(std::string_view name, std::string_view kind, std::string_view help, double value) {
  return {name, kind, help, {{{}, value}}};
}

Metric MountStates(const Slots::Census& census) {
  Metric metric{"plugreload_mounts", "gauge", "Mounts by state.", {}};
  for (std::size_t i = 0; i < census.mounts.size(); ++i) {
    const auto state = static_cast<MountState>(i);
    if (state == MountState::kRemoved) continue;
    metric.samples.push_back(
        {{{"state", std::string(MountStateName(state))}}, static_cast<double>(census.mounts[i])});
  }
  return metric;
}

Metric Reloads(const Meters& meters) {
  Metric metric{"plugreload_reloads_total", "counter", "Reloads that ended, by result.", {}};
  for (const auto state : {ReloadState::kDone, ReloadState::kFailed, ReloadState::kCancelled}) {
    metric.samples.push_back({{{"result", std::string(ReloadStateName(state))}},
                              Load(meters.reloads[static_cast<std::size_t>(state)])});
  }
  return metric;
}

Metric Events(const Meters& meters) {
  Metric metric{"plugreload_events_total", "counter", "Events told to the host, by kind.", {}};
  for (std::size_t i = 1; i < meters.events.size(); ++i) {
    const std::string_view name = EventKindName(static_cast<EventKind>(i));
    if (name == "invalid") break;
    metric.samples.push_back({{{"kind", std::string(name)}}, Load(meters.events[i])});
  }
  return metric;
}

// 0.0.4 escapes backslash, quote and newline in label values.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string LabelText(Metric::Labels labels, std::string_view bound) {
  if (!bound.empty()) labels.emplace_back("le", std::string(bound));
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, Escaped(value));
  }
  return text.empty() ? text : "{" + text + "}";
}

void AddHistogram(const Metric& metric, const Metric::Sample& sample, std::string& text) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= Histogram::kBounds.size(); ++i) {
    total += sample.histogram->bucket(i);
    const std::string bound =
        i < Histogram::kBounds.size() ? fmt::format("{}", Histogram::kBounds[i]) : "+Inf";
    text += fmt::format("{}_bucket{} {}\n", metric.name, LabelText(sample.labels, bound), total);
  }
  const std::string labels = LabelText(sample.labels, "");
  text += fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", metric.name, labels,
                      sample.histogram->sum(), total);
}

std::string Timestamp() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[48];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &utc);
  return text;
}

Json LabelsJson(const Metric::Labels& labels) {
  Json data{Json::Object{}};
  for (const auto& [name, value] : labels) data.Set(name, value);
  return data;
}

Json CounterJson(const Metric& metric, const Metric::Sample& sample) {
  return Json::Object{{"Name", metric.name},
                      {"Count", sample.value},
                      {"Sum", sample.value},
                      {"Labels", LabelsJson(sample.labels)}};
}

Json SampleJson(const Metric& metric, const Metric::Sample& sample) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= Histogram::kBounds.size(); ++i) count += sample.histogram->bucket(i);
  const double sum = sample.histogram->sum();
  return Json::Object{{"Name", metric.name},
                      {"Count", count},
                      {"Sum", sum},
                      {"Mean", count == 0 ? 0.0 : sum / static_cast<double>(count)},
                      {"Labels", LabelsJson(sample.labels)}};
}

Reply ReadMetrics(const ApiCall& call) {
  const std::string format = call.fields.String("format");
  const auto metrics = CollectMetrics(call.backend.engine, call.backend.meters);
  Reply reply;
  if (format == "prometheus") {
    reply.layout = Layout::kText;
    reply.data = PrometheusText(metrics);
    return reply;
  }
  if (!format.empty()) {
    return Refuse(400, fmt::format("metric response format {} unknown; it is prometheus or absent",
                                   Quote(Shortened(format))));
  }
  reply.layout = Layout::kBare;
  reply.data = MetricsJson(metrics);
  return reply;
}

}  // namespace

std::vector<Metric> CollectMetrics(Engine& engine, const Meters& meters) {
  const Engine::Usage usage = engine.Use();
  std::vector<Metric> metrics;
  metrics.push_back(Plain("plugreload_acquires_total", "counter", "Leases taken.",
                          static_cast<double>(usage.leases.begun)));
  metrics.push_back(Plain("plugreload_leases_held", "gauge", "Leases that are held now.",
                          static_cast<double>(usage.leases.held)));
  metrics.push_back(MountStates(usage.census));
  metrics.push_back({"plugreload_instances",
                     "gauge",
                     "Instances by state.",
                     {{{{"state", "starting"}}, static_cast<double>(usage.starting)},
                      {{{"state", "serving"}}, static_cast<double>(usage.census.instances)},
                      {{{"state", "draining"}}, static_cast<double>(usage.draining)}}});
  metrics.push_back(Plain("plugreload_restarts_total", "counter",
                          "Restarts of instances that ended by themselves or did not start.",
                          Load(meters.restarts)));
  metrics.push_back(Reloads(meters));
  Metric phases{"plugreload_reload_phase_seconds",
                "histogram",
                "How long the phases of a reload took, by mount that was reloaded.",
                {}};
  for (std::size_t i = 0; i < Meters::kPhases; ++i) {
    phases.samples.push_back({{{"phase", std::string(kPhaseNames[i])}}, 0, &meters.phases[i]});
  }
  metrics.push_back(std::move(phases));
  Metric blockers{"plugreload_drain_blocking_leases",
                  "gauge",
                  "Leases that keep an old instance from being stopped, by mount; 100 mounts at "
                  "most.",
                  {}};
  for (const auto& blocker : usage.blockers) {
    blockers.samples.push_back({{{"namespace", blocker.mount.ns},
                                 {"mount", blocker.mount.path},
                                 {"plugin", blocker.mount.plugin}},
                                static_cast<double>(blocker.held)});
  }
  metrics.push_back(std::move(blockers));
  Metric calls{"plugreload_dispatched_total", "counter", "Dispatched calls, by HTTP status.", {}};
  for (std::size_t status = 0; status < meters.dispatched.size(); ++status) {
    const double count = Load(meters.dispatched[status]);
    if (count != 0) calls.samples.push_back({{{"status", std::to_string(status)}}, count});
  }
  metrics.push_back(std::move(calls));
  metrics.push_back(Events(meters));
  metrics.push_back(Plain("plugreload_notifications_lost_total", "counter",
                          "Log lines and events dropped because the host was slower.",
                          Load(meters.notifications_lost)));
  return metrics;
}

std::string PrometheusText(const std::vector<Metric>& metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", metric.name, metric.help, metric.kind);
    for (const Metric::Sample& sample : metric.samples) {
      if (sample.histogram != nullptr) {
        AddHistogram(metric, sample, text);
      } else {
        text += fmt::format("{}{} {}\n", metric.name, LabelText(sample.labels, ""), sample.value);
      }
    }
  }
  return text;
}

Json MetricsJson(const std::vector<Metric>& metrics) {
  Json::Array gauges, counters, samples;
  for (const Metric& metric : metrics) {
    for (const Metric::Sample& sample : metric.samples) {
      if (metric.kind == "gauge") {
        gauges.push_back(Json::Object{
            {"Name", metric.name}, {"Value", sample.value}, {"Labels", LabelsJson(sample.labels)}});
      } else if (metric.kind == "counter") {
        counters.push_back(CounterJson(metric, sample));
      } else {
        samples.push_back(SampleJson(metric, sample));
      }
    }
  }
  return Json::Object{{"Timestamp", Timestamp()},
                      {"Gauges", std::move(gauges)},
                      {"Points", Json::Array{}},
                      {"Counters", std::move(counters)},
                      {"Samples", std::move(samples)}};
}

std::vector<Route> MetricsRoutes() {
  return {{.pattern = "sys/metrics",
           .where = Where::kRootNamespace,
           .fields = kFields,
           .read = ReadMetrics,
           .summary = "Counters and gauges; format=prometheus for Prometheus' text."}};
}

}  // namespace plugreload::internal
