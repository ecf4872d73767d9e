// SPDX-License-Identifier: Apache-2.0
//
// The line to somebody who pushes, through git's pre-receive hook: frames of text, at last the
// hook's exit status. Shared by the coroutine that ends it and the build that writes to it. Used on
// the strand.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/tasks.hpp"

namespace berth::server {

struct Pusher : std::enable_shared_from_this<Pusher> {
  using Socket = boost::asio::local::stream_protocol::socket;

  Pusher(Socket connected, TaskGroup& group) : socket(std::move(connected)), tasks(group) {}

  /// One who reads much too slowly loses the rest of the live log, not the build.
  void say(std::string_view text);
  void finish(int code);

  Socket socket;
  TaskGroup& tasks;
  bool gone = false;
  bool finished = false;

 private:
  void send(std::string data);
  static boost::asio::awaitable<void> write(std::shared_ptr<Pusher> self);

  std::deque<std::string> unsent_;
  std::size_t unsent_bytes_ = 0;
  bool writing_ = false;
};

}  // namespace berth::server
