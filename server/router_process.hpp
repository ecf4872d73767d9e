// SPDX-License-Identifier: Apache-2.0
//
// Keeps a `berth router` running beside the server: starts one if nobody listens on the control
// socket, adopts the one that does, has it replaced in full flight if it is another program or was
// told other things (docs/decisions/0014), and starts another when it dies. The router is a session
// of its own and outlives us; nothing here ever stops it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace berth::server {

class RouterProcess final {
 public:
  struct Options {
    std::vector<std::string> argv;        ///< the program and its arguments
    std::filesystem::path control_socket;
    std::filesystem::path log_file;       ///< its standard error, appended
  };

  RouterProcess(boost::asio::any_io_executor strand, Options options);
  ~RouterProcess();

  /// Starts or adopts; the error of a first start (a port that is taken) is the caller's to show.
  [[nodiscard]] Result<void> start();
  /// The router goes on; its end is no longer ours to mend.
  boost::asio::awaitable<void> stop_watching();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
