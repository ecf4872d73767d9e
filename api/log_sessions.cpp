// SPDX-License-Identifier: Apache-2.0
#include "api/log_sessions.hpp"

#include <algorithm>

#include "base/crypto.hpp"

namespace berth::api {

namespace {

constexpr auto lifetime = std::chrono::minutes(30);
constexpr std::size_t most_sessions = 10'000;

}  // namespace

std::string LogSessions::add(LogSession session, Clock::time_point at) {
  std::erase_if(entries_, [&](const auto& entry) { return at - entry.second.used > lifetime; });
  if (entries_.size() >= most_sessions)
    entries_.erase(std::ranges::min_element(entries_, {},
                                            [](const auto& entry) { return entry.second.used; }));
  const std::string secret = random_hex(24);
  entries_[sha256_hex(secret)] = {std::move(session), at};
  return secret;
}

std::optional<LogSession> LogSessions::find(const std::string& secret, Clock::time_point at) {
  const auto found = entries_.find(sha256_hex(secret));
  if (found == entries_.end() || at - found->second.used > lifetime) return std::nullopt;
  found->second.used = at;
  return found->second.session;
}

}  // namespace berth::api
