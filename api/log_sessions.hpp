// SPDX-License-Identifier: Apache-2.0
//
// What a log URL stands for. The secret in it is the only credential, so it is short-lived: half an
// hour after the session was last used it is gone, and so it is when the server restarts.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "api/log_reader.hpp"
#include "platform/model.hpp"

namespace berth::api {

struct LogSession {
  std::string id;
  platform::AppId app;
  LogFilter filter;
  std::size_t lines = 100;
  bool tail = false;
};

class LogSessions final {
 public:
  using Clock = std::chrono::steady_clock;

  /// Keeps the session and returns its secret.
  [[nodiscard]] std::string add(LogSession session, Clock::time_point at = Clock::now());
  /// Counts as a use.
  [[nodiscard]] std::optional<LogSession> find(const std::string& secret,
                                               Clock::time_point at = Clock::now());

 private:
  struct Entry {
    LogSession session;
    Clock::time_point used;
  };
  std::map<std::string, Entry> entries_;  ///< by the secret's SHA-256
};

}  // namespace berth::api
