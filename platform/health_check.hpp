// SPDX-License-Identifier: Apache-2.0
//
// A health check of app.json as a value. A replica gets traffic once its startup and readiness
// checks have passed; one whose liveness check fails is started again (docs/app-json.md).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "platform/json_field.hpp"

namespace berth::platform {

struct HealthCheck {
  enum class Type { startup, liveness, readiness };
  enum class Kind {
    http,     ///< GET answers 200 to 399, with `content` in it
    tcp,      ///< somebody accepts connections
    command,  ///< exits with 0 in the replica
    uptime,   ///< the replica has run this long
  };

  Type type = Type::startup;
  Kind kind = Kind::tcp;
  std::string name;  ///< for people; never empty
  std::string path = {};
  std::string content = {};
  std::map<std::string, std::string> headers = {};
  std::vector<std::string> command = {};  ///< one word is for a shell
  int port = 0;                           ///< 0: where the replica listens
  int attempts = 3;                       ///< in a row that fail, until the check has failed
  Duration timeout = 5s;
  Duration wait = 5s;      ///< from a try that failed to the next that counts
  Duration interval = 10s;  ///< from a try that passed to the next
  Duration initial_delay = 0s;  ///< from the replica's start
  Duration uptime = 0s;
  bool warn = false;  ///< only say that it failed
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

[[nodiscard]] std::string_view name_of(HealthCheck::Type type);
/// "GET /health", "a connection to port 5000", "`bin/check`"; what is tried, for people.
[[nodiscard]] std::string describe(const HealthCheck& check);

/// An entry of `healthchecks.<type>`. Fields that do nothing here are told in `notes`.
[[nodiscard]] Result<HealthCheck> read_health_check(const JsonField& field, bool is_web,
                                                    std::vector<std::string>& notes);
/// The same entry, with every field.
[[nodiscard]] json::object to_json(const HealthCheck& check);

}  // namespace berth::platform
