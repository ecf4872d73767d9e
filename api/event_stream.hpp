// SPDX-License-Identifier: Apache-2.0
//
// What all server-sent event streams share: the head, the fields, and the loop's wait that ends on
// news, on the heartbeat, or when the client has gone.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "api/context.hpp"
#include "base/tasks.hpp"

namespace berth::api {

[[nodiscard]] Response event_stream_head();

/// One event; empty fields are left out. A line break in `data` becomes several data lines.
[[nodiscard]] std::string event_text(std::string_view id, std::string_view type,
                                     std::string_view data);

/// When the next sign of life is due, whether or not there was news meanwhile.
class Heartbeat final {
 public:
  explicit Heartbeat(std::chrono::milliseconds every)
      : every_(every), next_(Clock::now() + every) {}
  [[nodiscard]] std::chrono::milliseconds left() const;
  /// True, once, each time that it is due.
  [[nodiscard]] bool due();

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::milliseconds every_;
  Clock::time_point next_;
};

/// Wakes `wakeup` when the exchange is aborted, for as long as it lives.
class AbortNotice final {
 public:
  AbortNotice(Exchange* exchange, Wakeup* wakeup) : exchange_(exchange) {
    exchange_->on_abort([wakeup] { wakeup->notify(); });
  }
  ~AbortNotice() { exchange_->on_abort({}); }
  AbortNotice(const AbortNotice&) = delete;
  AbortNotice& operator=(const AbortNotice&) = delete;

 private:
  Exchange* exchange_;
};

}  // namespace berth::api
