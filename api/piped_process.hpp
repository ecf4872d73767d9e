// SPDX-License-Identifier: Apache-2.0
//
// A child process whose three pipes are read and written by coroutines, so that no git ever blocks
// the strand. It leads a session of its own: kill() reaches its children (index-pack, hooks) too.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

#include "base/child_process.hpp"
#include "base/result.hpp"

namespace berth::api {

class PipedProcess final {
 public:
  [[nodiscard]] static Result<PipedProcess> start(boost::asio::any_io_executor executor,
                                                  Command command);
  PipedProcess(PipedProcess&&) noexcept;
  ~PipedProcess();  ///< kills what still runs

  /// "" at the end.
  boost::asio::awaitable<Result<std::string>> read_out();
  /// All of standard error, at most `limit` bytes kept.
  boost::asio::awaitable<std::string> read_errors(std::size_t limit);
  boost::asio::awaitable<Result<void>> write_in(std::string data);
  void close_in();
  boost::asio::awaitable<Result<ExitStatus>> wait();
  /// SIGTERM, which git cleans up on.
  void terminate();

 private:
  struct State;
  explicit PipedProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::api
