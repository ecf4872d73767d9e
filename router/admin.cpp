// SPDX-License-Identifier: Apache-2.0
#include "router/admin.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>

#include "base/file.hpp"
#include "router/listen.hpp"

namespace berth::router {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<double, 11> bucket_bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                               0.5,   1,    2.5,   5,    10};
constexpr std::array<std::string_view, 6> status_names{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

class Families final {
 public:
  Families() { families_.reserve(24); }
  MetricFamily& add(std::string name, std::string help, MetricType type) {
    MetricFamily& family = families_.emplace_back();
    family.name = std::move(name);
    family.help = std::move(help);
    family.type = type;
    return family;
  }
  void number(std::string name, std::string help, MetricType type, double value) {
    put(add(std::move(name), std::move(help), type), value, {});
  }
  static void put(MetricFamily& family, double value, std::vector<ClientMetric::Label> labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string text() const {
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

ClientMetric latency_metric(const Totals& totals) {
  ClientMetric metric;
  metric.histogram.sample_count = totals.requests;
  metric.histogram.sample_sum = static_cast<double>(totals.latency_sum_us) / 1e6;
  std::size_t bucket = 0;
  std::uint64_t cumulative = 0;
  for (const double bound : bucket_bounds) {
    while (bucket < histogram::bucket_count &&
           static_cast<double>(histogram::bucket_end(bucket)) <= bound * 1e6)
      cumulative += totals.latency[bucket++];
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.bucket.push_back({totals.requests, std::numeric_limits<double>::infinity()});
  return metric;
}

double resident_bytes() {
  const auto statm = read_file("/proc/self/statm", 4096);
  unsigned long size = 0;
  unsigned long resident = 0;
  if (statm.has_error() || std::sscanf(statm->c_str(), "%lu %lu", &size, &resident) != 2) return 0;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void add_process(Families& families, const std::vector<Worker*>& workers, std::uint64_t version) {
  double open = 0, accepted = 0, bad = 0, unrouted = 0, lost = 0;
  double handshakes = 0, resumed = 0, refused = 0;
  double http2 = 0, abuses = 0, capped = 0;
  for (const Worker* worker : workers) {
    const WorkerStats& stats = worker->stats();
    open += static_cast<double>(stats.clients.get());
    accepted += static_cast<double>(stats.accepted.get());
    bad += static_cast<double>(stats.bad_requests.get());
    unrouted += static_cast<double>(stats.unrouted.get());
    lost += static_cast<double>(stats.log_bytes_lost.get());
    handshakes += static_cast<double>(stats.tls_handshakes.get());
    resumed += static_cast<double>(stats.tls_resumed.get());
    refused += static_cast<double>(stats.tls_failures.get());
    http2 += static_cast<double>(stats.http2_clients.get());
    abuses += static_cast<double>(stats.http2_abuses.get());
    capped += static_cast<double>(stats.refused.get());
  }
  MetricFamily& tls = families.add("berth_router_tls_handshakes_total",
                                   "TLS handshakes, by how they ended", MetricType::Counter);
  Families::put(tls, handshakes, {{"outcome", "full"}});
  Families::put(tls, resumed, {{"outcome", "resumed"}});
  Families::put(tls, refused, {{"outcome", "failed"}});
  families.number("berth_router_client_connections", "Open connections of clients",
                  MetricType::Gauge, open);
  families.number("berth_router_client_connections_accepted_total",
                  "Connections accepted from clients", MetricType::Counter, accepted);
  families.number("berth_router_http2_connections_total", "Connections that spoke HTTP/2",
                  MetricType::Counter, http2);
  families.number("berth_router_http2_abuses_total",
                  "Connections of HTTP/2 ended for frames that served no request",
                  MetricType::Counter, abuses);
  families.number("berth_router_connections_refused_total",
                  "Connections closed at once: their address had as many as it may",
                  MetricType::Counter, capped);
  families.number("berth_router_bad_requests_total", "Requests refused as not valid HTTP",
                  MetricType::Counter, bad);
  families.number("berth_router_unrouted_requests_total", "Requests for hosts that no app has",
                  MetricType::Counter, unrouted);
  families.number("berth_router_access_log_lost_bytes_total",
                  "Bytes of access log that could not be written", MetricType::Counter, lost);
  families.number("berth_router_table_version", "Version of the table that all threads serve by",
                  MetricType::Gauge, static_cast<double>(version));
  families.number("process_resident_memory_bytes", "Resident memory", MetricType::Gauge,
                  resident_bytes());
}

}  // namespace

std::string metrics_text(const std::vector<std::unique_ptr<AppRuntime>>& apps,
                         const std::vector<Worker*>& workers, std::uint64_t version) {
  Families families;
  add_process(families, workers, version);
  MetricFamily& requests = families.add(
      "berth_router_requests_total", "Requests finished, by class of status", MetricType::Counter);
  MetricFamily& errors = families.add("berth_router_errors_total",
                                      "Requests that ended in an H-code", MetricType::Counter);
  MetricFamily& flying = families.add("berth_router_requests_in_flight",
                                      "Requests not finished yet, held ones included",
                                      MetricType::Gauge);
  MetricFamily& held = families.add("berth_router_requests_held",
                                    "Requests that wait for a replica", MetricType::Gauge);
  MetricFamily& sent = families.add("berth_router_response_bytes_total", "Bytes sent to clients",
                                    MetricType::Counter);
  MetricFamily& latency = families.add("berth_router_request_duration_seconds",
                                       "From the request's head to the end of its answer",
                                       MetricType::Histogram);
  for (const auto& app : apps) {
    const Totals totals = totals_of(*app);
    const ClientMetric::Label label{"app", app->name};
    if (totals.requests == 0 && totals.in_flight == 0) continue;
    for (std::size_t i = 0; i < status_names.size(); ++i)
      if (totals.status[i] > 0)
        Families::put(requests, static_cast<double>(totals.status[i]),
                      {label, {"status", std::string(status_names[i])}});
    for (std::size_t i = 1; i < error_code_count; ++i)
      if (totals.errors[i] > 0)
        Families::put(errors, static_cast<double>(totals.errors[i]),
                      {label, {"code", std::string(info(static_cast<ErrorCode>(i)).code)}});
    Families::put(flying, static_cast<double>(totals.in_flight), {label});
    Families::put(held, static_cast<double>(app->held.load(std::memory_order_relaxed)), {label});
    Families::put(sent, static_cast<double>(totals.bytes_out), {label});
    ClientMetric metric = latency_metric(totals);
    metric.label = {label};
    latency.metric.push_back(std::move(metric));
  }
  return families.text();
}

Result<std::unique_ptr<Admin>> Admin::open(std::string_view address, std::vector<Fd> inherited) {
  BERTH_ASSIGN(TcpListeners listeners, listen_tcp(address, 1, std::move(inherited)));
  std::unique_ptr<Admin> admin(new Admin);
  admin->port_ = listeners.port;
  admin->listener_ = std::move(listeners.sockets.front());
  return admin;
}

void Admin::add_to(std::vector<pollfd>& polled) const {
  if (connections_.size() < max_connections) polled.push_back({listener_.get(), POLLIN, 0});
  for (const Connection& connection : connections_)
    polled.push_back({connection.socket.get(),
                      static_cast<short>(connection.answered ? POLLOUT : POLLIN), 0});
}

void Admin::work(const std::function<std::string()>& metrics) {
  while (connections_.size() < max_connections) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) break;
    connections_.push_back({std::move(socket), {}, {}, false});
  }
  std::erase_if(connections_,
                [&](Connection& connection) { return !advance(connection, metrics); });
}

bool Admin::advance(Connection& connection, const std::function<std::string()>& metrics) {
  while (!connection.answered) {
    std::array<char, 4096> buffer;
    const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    connection.input.append(buffer.data(), static_cast<std::size_t>(count));
    if (connection.input.size() > 16 * 1024) return false;
    if (connection.input.find("\r\n\r\n") == std::string::npos) continue;
    const bool found = connection.input.starts_with("GET /metrics ");
    const std::string body = found ? metrics() : "see /metrics\n";
    connection.output = std::string(found ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                        "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8" +
                        "\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\nConnection: close\r\n\r\n" + body;
    connection.answered = true;
  }
  while (!connection.output.empty()) {
    const ssize_t count = ::send(connection.socket.get(), connection.output.data(),
                                 connection.output.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN;
    connection.output.erase(0, static_cast<std::size_t>(count));
  }
  return false;
}

}  // namespace berth::router
