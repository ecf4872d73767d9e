// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/file.hpp"

namespace berth::api {

namespace {

const prometheus::Histogram::BucketBoundaries latency_buckets = {0.001, 0.005, 0.01, 0.05, 0.1,
                                                                 0.5,   1,     5,    30};

/// Resident bytes of our own process (proc(5), statm: pages, the second number).
double resident_bytes() {
  const auto statm = read_file("/proc/self/statm", 4096);
  if (statm.has_error()) return 0;
  const auto space = statm->find(' ');
  if (space == std::string::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(statm->data() + space + 1, statm->data() + statm->size(), pages);
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("berth_api_requests_total")
                                                          .Help("Requests answered by the API")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& latencies =
      prometheus::BuildHistogram()
          .Name("berth_api_request_seconds")
          .Help("Time to answer, without streams")
          .Register(registry);
  prometheus::Gauge& connections = prometheus::BuildGauge()
                                       .Name("berth_api_connections")
                                       .Help("Open connections to the API")
                                       .Register(registry)
                                       .Add({});
  prometheus::Gauge& memory = prometheus::BuildGauge()
                                  .Name("process_resident_memory_bytes")
                                  .Help("Resident memory of the server")
                                  .Register(registry)
                                  .Add({});
  prometheus::Counter& cpu = prometheus::BuildCounter()
                                 .Name("process_cpu_seconds_total")
                                 .Help("CPU time of the server")
                                 .Register(registry)
                                 .Add({});

  struct StateGauge {
    prometheus::Family<prometheus::Gauge>* family;
    std::map<std::string, prometheus::Gauge*> members = {};
  };
  std::map<std::string, StateGauge, std::less<>> gauges;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;
Metrics::Metrics(Metrics&&) noexcept = default;

void Metrics::count_request(std::string_view method, std::string_view route, int status,
                            std::optional<std::chrono::steady_clock::duration> latency) {
  // A made-up method must not make a series of its own.
  constexpr std::array known = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"};
  std::string verb = "other";
  for (const char* name : known)
    if (method == name) verb = name;
  const std::string pattern(route);
  state_->requests.Add({{"method", verb}, {"route", pattern}, {"status", std::to_string(status)}})
      .Increment();
  if (latency)
    state_->latencies.Add({{"route", pattern}}, latency_buckets)
        .Observe(std::chrono::duration<double>(*latency).count());
}

void Metrics::set_connections(std::size_t count) {
  state_->connections.Set(static_cast<double>(count));
}

void Metrics::set_state(std::string_view gauge, std::string_view help, std::string_view label,
                        const std::map<std::string, double>& values) {
  auto found = state_->gauges.find(gauge);
  if (found == state_->gauges.end()) {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(gauge))
                       .Help(std::string(help))
                       .Register(state_->registry);
    found = state_->gauges.emplace(std::string(gauge), State::StateGauge{&family}).first;
  }
  State::StateGauge& entry = found->second;
  // A value that is gone (the last failed build's app was destroyed) must not stay as it was.
  for (auto& [value, member] : entry.members)
    if (!values.contains(value)) member->Set(0);
  for (const auto& [value, number] : values) {
    auto& member = entry.members[value];
    if (!member)
      member = &entry.family->Add(label.empty() ? prometheus::Labels{}
                                                : prometheus::Labels{{std::string(label), value}});
    member->Set(number);
  }
}

std::string Metrics::text() {
  state_->memory.Set(resident_bytes());
  state_->cpu.Increment(cpu_seconds() - state_->cpu.Value());
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace berth::api
