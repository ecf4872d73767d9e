// SPDX-License-Identifier: Apache-2.0
//
// Structured logs of our own processes, one logfmt-like line an event on standard error. App logs
// are something else (runtime/logs). Secrets are never passed here.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace berth {

enum class LogLevel { debug, info, warning, error };

void set_log_level(LogLevel level);
/// The role that stands in every line: "server", "router", …
void set_log_role(std::string_view role);
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace berth
