// SPDX-License-Identifier: Apache-2.0
//
// When is a process that should serve $PORT ready? Its network namespace's socket tables tell what
// it listens on; Readiness, which is pure, decides from them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace berth::runtime {

struct ListeningSocket {
  int port = 0;
  bool loopback = false;  ///< 127.0.0.0/8 or ::1
  bool ipv6 = false;      ///< perhaps with IPv4
  friend bool operator==(const ListeningSocket&, const ListeningSocket&) = default;
};

/// From the text of /proc/PID/net/tcp or tcp6.
[[nodiscard]] std::vector<ListeningSocket> parse_listeners(std::string_view table);

/// "5000v 8080l": a port each, with an l if it is on loopback only, with a v if it is of IPv6; for
/// who cannot read the tables.
[[nodiscard]] std::string listeners_text(const std::vector<ListeningSocket>& sockets);
/// What is no port is left out.
[[nodiscard]] std::vector<ListeningSocket> listeners_of_text(std::string_view text);

/// In the network of the process, by its /proc/PID, open: a number used again cannot lead to
/// another.
[[nodiscard]] std::vector<ListeningSocket> listeners_of(const Fd& process);
/// For others to connect to.
[[nodiscard]] bool listens_by_ipv6(const Fd& process);

struct ReadinessVerdict {
  enum class Kind { wait, ready, loopback_only, boot_timeout };
  Kind kind = Kind::wait;
  int port = 0;         ///< to connect to; for loopback_only the one it listens on there
  std::string message;  ///< for people; may be set with ready too
};

class Readiness final {
 public:
  static constexpr std::chrono::milliseconds other_port_after{1000};
  static constexpr std::chrono::milliseconds loopback_after{2000};

  Readiness() = default;
  Readiness(int port, std::chrono::milliseconds boot_timeout)
      : port_(port), boot_timeout_(boot_timeout) {}

  /// `age` is the time since the start; calls come in order of it.
  [[nodiscard]] ReadinessVerdict look(const std::vector<ListeningSocket>& sockets,
                                      std::chrono::milliseconds age);

 private:
  int port_ = 0;
  std::chrono::milliseconds boot_timeout_{};
  std::optional<std::chrono::milliseconds> other_since_;
  std::optional<std::chrono::milliseconds> loopback_since_;
};

}  // namespace berth::runtime
