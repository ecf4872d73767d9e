// SPDX-License-Identifier: Apache-2.0
//
// Live notices as server-sent events. A client that reads too slowly loses notices and is told so;
// it never makes the server remember more than a bounded number for it.
#include <deque>

#include "api/event_stream.hpp"
#include "api/handlers.hpp"

namespace berth::api {

namespace {

constexpr std::size_t most_waiting = 256;
constexpr std::size_t piece_bytes = 64 << 10;

class NoticeQueue final {
 public:
  explicit NoticeQueue(std::string app) : app_(std::move(app)) {}

  void push(const Control::Notice& notice) {
    if (!app_.empty() && optional_string(*notice, "app").value_or("") != app_) return;
    if (waiting_.size() >= most_waiting) {
      lost_ += waiting_.size();
      waiting_.clear();
    }
    waiting_.push_back(notice);
  }

  /// The next of what waits, as one text of about a piece; "" if nothing does.
  [[nodiscard]] std::string take() {
    std::string text;
    if (lost_ > 0)
      text += event_text("", "gap", to_text(json::object{{"type", "gap"}, {"lost", lost_}}));
    lost_ = 0;
    for (; !waiting_.empty() && text.size() < piece_bytes; waiting_.pop_front()) {
      const json::object& notice = *waiting_.front();
      text += event_text("", optional_string(notice, "type").value_or("notice"), to_text(notice));
    }
    return text;
  }

 private:
  std::string app_;
  std::deque<Control::Notice> waiting_;
  std::size_t lost_ = 0;
};

}  // namespace

Task<Answer> stream_notices(Call call, Exchange* exchange) {
  std::string app;
  if (const auto found = call.request.query.find("app"); found != call.request.query.end()) {
    const auto named = or_missing(call.store().find_app(found->second), "app");
    if (named.has_error()) co_return named.error();
    app = named->name;
  }
  Wakeup wakeup(exchange->executor());
  const AbortNotice on_abort(exchange, &wakeup);
  NoticeQueue queue(app);
  const auto subscription =
      call.control().subscribe([&wakeup, &queue](const Control::Notice& notice) {
        queue.push(notice);
        wakeup.notify();
      });
  auto written = co_await exchange->begin(event_stream_head());
  if (!written.has_error())
    written =
        co_await exchange->write(event_text("", "hello", to_text(json::object{{"type", "hello"}})));
  Heartbeat heartbeat(call.settings().heartbeat);
  while (!written.has_error() && !exchange->aborted()) {
    std::string text = queue.take();
    if (heartbeat.due()) {
      // A revoked token or a session that expired ends the stream too.
      if (call.store().authenticate(call.identity.secret).has_error()) break;
      text += ":\n\n";
    }
    if (text.empty())
      co_await wakeup.wait(heartbeat.left());
    else
      written = co_await exchange->write(std::move(text));
  }
  const auto finished = co_await exchange->finish();
  (void)finished;
  co_return Response{};
}

}  // namespace berth::api
