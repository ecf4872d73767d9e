// SPDX-License-Identifier: Apache-2.0
//
// How a router takes the place of the one that runs, without a connection lost or refused
// (docs/decisions/0014). The one that runs gives its listening sockets and its table; from then on
// the new one is its control plane, until its last connection has ended.
//
// On a Unix socket, lines of JSON: `{"type":"listener","kind":…,"address":…}` with a descriptor
// each, `{"type":"table","table":…}`; then the new one says `{"type":"take"}`, and the connection
// is the control connection of the old (docs/decisions/0002).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/table.hpp"

namespace berth::router {

/// A listening socket, by what it is for: "http", "https", "admin", "control" or "handover". Or
/// "tickets": the keys of TLS sessions, as a file in memory.
struct HandedListener {
  std::string kind;
  std::string address;
  Fd socket;
};

/// What the new router says, at once and alone, when it takes over.
inline constexpr std::string_view take_line = "{\"type\":\"take\"}\n";

struct Handover {
  std::vector<HandedListener> listeners;
  Table table;
  Fd connection;

  /// Those of this kind and address, taken out.
  [[nodiscard]] std::vector<Fd> take(std::string_view kind, std::string_view address);
  /// The one before stops accepting, and hears from us alone.
  [[nodiscard]] Result<void> finish() const;
};

/// Of a router's control socket.
[[nodiscard]] std::filesystem::path handover_socket(const std::filesystem::path& control_socket);

/// Asks the router that runs; blocking, a few seconds at most. Error: unavailable if none runs, or
/// one that cannot be replaced.
[[nodiscard]] Result<Handover> ask_for_handover(const std::filesystem::path& control_socket);

/// The other side of that: gives what a router has. `connection` is as it was accepted.
[[nodiscard]] Result<void> hand_over(int connection, const std::vector<HandedListener>& listeners,
                                     const Table& table);

}  // namespace berth::router
