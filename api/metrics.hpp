// SPDX-License-Identifier: Apache-2.0
//
// `GET /metrics`: requests and latencies as they are counted, the platform's state as it is when
// asked. prometheus-cpp stays inside the .cpp.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace berth::api {

class Metrics final {
 public:
  Metrics();
  ~Metrics();
  Metrics(Metrics&&) noexcept;

  /// `route` is a pattern, never a path: the number of series stays bounded.
  /// A stream has no latency.
  void count_request(std::string_view method, std::string_view route, int status,
                     std::optional<std::chrono::steady_clock::duration> latency);
  void set_connections(std::size_t count);

  /// A gauge of the platform's state, set anew before each scrape: name, label value → number.
  void set_state(std::string_view gauge, std::string_view help, std::string_view label,
                 const std::map<std::string, double>& values);
  /// The whole as Prometheus text, with our process's memory and CPU.
  [[nodiscard]] std::string text();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::api
