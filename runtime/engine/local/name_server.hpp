// SPDX-License-Identifier: Apache-2.0
//
// Answers the replicas' questions for names inside their app, on the bridge's own address. A thread
// of its own; all methods are thread-safe.
#pragma once

#include <memory>
#include <mutex>
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
  void leave(std::uint32_t address);

 private:
  NameServer(Fd socket, Fd wake);
  void run();

  Fd socket_;
  Fd wake_;  ///< eventfd: the end
  std::mutex mutex_;
  NameTable table_;
  std::thread thread_;
};

}  // namespace berth::runtime
