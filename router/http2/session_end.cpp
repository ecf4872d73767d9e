// SPDX-License-Identifier: Apache-2.0
//
// How a session of HTTP/2 ends, by its deadlines or because it is asked to.
#include <algorithm>
#include <utility>

#include "router/client.hpp"
#include "router/http2/session.hpp"
#include "router/http2/stream.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t drain_ping_us = 1'000'000;

}  // namespace

void Http2Session::set_timer() {
  std::int64_t deadline = INT64_MAX;
  if (head_deadline_us_ != 0) deadline = head_deadline_us_;
  if (drain_deadline_us_ != 0) deadline = std::min(deadline, drain_deadline_us_);
  if (held_until_us_ != 0) deadline = std::min(deadline, held_until_us_);
  if (exchanges_ == 0)
    deadline = std::min(deadline, idle_since_us_ + worker_.limits().client_idle_us);
  if (deadline == INT64_MAX) {
    worker_.loop().timers().clear(client_);
  } else {
    worker_.loop().timers().set(client_, deadline);
  }
}

void Http2Session::on_deadline() {
  const std::int64_t now = worker_.loop().now_us();
  if (held_until_us_ != 0 && now >= held_until_us_) {
    release_held();
    hold_is_over_ = true;
    pump();
    hold_is_over_ = false;
  } else if (drain_deadline_us_ != 0 && now >= drain_deadline_us_) {
    end(NGHTTP2_NO_ERROR);
  } else {
    // An answer that nobody takes, or no request for long; or a head that comes too slowly.
    end(head_deadline_us_ != 0 ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR);
  }
  flush();
}

void Http2Session::end(std::uint32_t error) {
  ending_ = true;
  // Nothing is begun for a client that is sent away: from here on nghttp2 does not close streams
  // any more that were found bad.
  if (error != NGHTTP2_NO_ERROR)
    for (Http2Stream* stream : std::exchange(work_, {})) stream->in_work_ = false;
  nghttp2_session_terminate_session(session_, error);
}

/// First that no more requests shall come, then, when the peer has read it, which was the last.
void Http2Session::drain() {
  if (ending_ || drain_deadline_us_ != 0) return;
  drain_deadline_us_ = worker_.loop().now_us() + drain_ping_us;
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  pump();
  set_timer();
}

void Http2Session::stop() {
  streams_.for_each([](Http2Stream& stream) { stream.cut_off(); });
  if (!ending_) end(NGHTTP2_NO_ERROR);
  pump();
  send_output();
}

void Http2Session::abandon() {
  streams_.for_each([](Http2Stream& stream) {
    stream.closed();
    stream.end_exchange();
  });
}

}  // namespace berth::router
