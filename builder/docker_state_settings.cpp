// SPDX-License-Identifier: Apache-2.0
//
// EXPOSE, VOLUME and HEALTHCHECK: settings of an image with a form of their own.
#include <algorithm>
#include <charconv>

#include "builder/docker_state.hpp"
#include "builder/dockerfile_form.hpp"

namespace berth::builder {

namespace {

std::optional<int> port_number(std::string_view text) {
  int port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size() || port < 1 ||
      port > 65'535)
    return std::nullopt;
  return port;
}

/// "1m30s", "500ms" in nanoseconds, as Go writes durations.
std::optional<std::int64_t> go_duration(std::string_view text) {
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double unit = 0;
    for (const auto& [name, nanoseconds] :
         {std::pair<std::string_view, double>{"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"h", 3.6e12},
          {"m", 6e10}, {"s", 1e9}})
      if (unit == 0 && text.starts_with(name)) {
        unit = nanoseconds;
        text.remove_prefix(name.size());
      }
    if (unit == 0) return std::nullopt;
    total += value * unit;
  }
  return total < 1e18 ? std::optional(static_cast<std::int64_t>(total)) : std::nullopt;
}

}  // namespace

Result<void> DockerState::expose(const Instruction& at) {
  for (const auto& word : at.words) {
    BERTH_ASSIGN(const std::string text, expand(at, word));
    BERTH_ASSIGN(const auto ports, split_words(text, file_.escape));
    for (std::string_view port : ports) {
      const auto slash = port.find('/');
      const std::string protocol =
          slash == port.npos ? "tcp" : lower_case(port.substr(slash + 1));
      port = port.substr(0, slash);
      const auto dash = port.find('-');
      const auto first = port_number(port.substr(0, dash));
      const auto last = dash == port.npos ? first : port_number(port.substr(dash + 1));
      if (!first || !last || *first > *last ||
          (protocol != "tcp" && protocol != "udp" && protocol != "sctp"))
        return fail(at, "'" + text + "' is no port, such as 8080 or 53/udp");
      for (int number = *first; number <= *last; ++number)
        image.exposed_ports.push_back(std::to_string(number) + "/" + protocol);
    }
  }
  std::ranges::sort(image.exposed_ports);
  const auto rest = std::ranges::unique(image.exposed_ports);
  image.exposed_ports.erase(rest.begin(), rest.end());
  return {};
}

Result<void> DockerState::volumes(const Instruction& at) {
  BERTH_ASSIGN(const auto paths, expand_all(at));
  if (!image.further.contains("Volumes")) image.further["Volumes"] = json::object();
  for (const auto& path : paths) {
    if (path.empty()) return fail(at, "a path is empty");
    image.further["Volumes"].get_object()[path] = json::object();
  }
  return {};
}

Result<void> DockerState::health_check(const Instruction& at) {
  json::object check;
  const std::string kind = lower_case(std::string_view(at.text).substr(0, at.text.find(' ')));
  if (kind == "none") {
    check["Test"] = json::array{"NONE"};
  } else if (kind == "cmd" && at.text.size() > 4) {
    const auto begin = at.text.find_first_not_of(" \t", 3);
    const std::string command = at.text.substr(std::min(begin, at.text.size()));
    const auto list = parse_json(command);
    json::array test{"CMD-SHELL", command};
    if (list.has_value() && list->is_array()) {
      test = {"CMD"};
      for (const auto& word : list->get_array()) test.push_back(word);
    }
    check["Test"] = std::move(test);
  } else {
    return fail(at, "it is followed by CMD and a command, or by NONE");
  }
  for (const auto& [flag, key] :
       {std::pair<const char*, const char*>{"interval", "Interval"}, {"timeout", "Timeout"},
        {"start-period", "StartPeriod"}, {"start-interval", "StartInterval"}})
    if (const auto text = at.flag(flag)) {
      const auto time = go_duration(*text);
      if (!time)
        return fail(at, "--" + std::string(flag) + " '" + *text + "' is no time, such as 30s");
      check[key] = *time;
    }
  if (const auto retries = at.flag("retries")) {
    const auto count = port_number(*retries);
    if (!count) return fail(at, "--retries '" + *retries + "' is no number");
    check["Retries"] = *count;
  }
  image.further["Healthcheck"] = std::move(check);
  return {};
}

}  // namespace berth::builder
