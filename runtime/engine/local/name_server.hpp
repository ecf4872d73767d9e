// SPDX-License-Identifier: Apache-2.0
//
// Answers the replicas' questions for names inside their app, on the bridge's own address. A thread
// of its own; all methods are thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "runtime/engine/local/name_table.hpp"

namespace berth::runtime {

class NameServer final {
 public:
  /// An error where somebody else of the host has the port.
  [[nodiscard]] static Result<std::unique_ptr<NameServer>> open(std::uint32_t address);
  ~NameServer();

  void join(std::uint32_t address, std::uint32_t app, std::string_view type);
  void set_serving(std::uint32_t address, bool serving);
  /// It has this address too, which is named as long as its program listens there: whoever is told
  /// both tries this one first, and some nothing else. `process` is its /proc/PID, open.
  void set_ipv6(std::uint32_t address, const IpAddress& address6, const Fd& process);
  void leave(std::uint32_t address);

 private:
  struct Ipv6 {
    IpAddress address;
    Fd process;
    bool listens = false;  ///< seen once, true for good
    std::chrono::steady_clock::time_point looked = {};
  };

  NameServer(Fd socket, Fd wake);
  void run();
  [[nodiscard]] std::optional<IpAddress> ipv6_of(std::uint32_t address);

  Fd socket_;
  Fd wake_;  ///< eventfd: the end
  std::mutex mutex_;
  NameTable table_;
  std::map<std::uint32_t, Ipv6> ipv6_;  ///< by IPv4 address
  std::thread thread_;
};

}  // namespace berth::runtime
