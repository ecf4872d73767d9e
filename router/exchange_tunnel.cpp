// SPDX-License-Identifier: Apache-2.0
//
// An exchange that became a tunnel: 101 Switching Protocols.
#include "router/exchange.hpp"
#include "router/upstream.hpp"
#include "router/worker.hpp"

namespace berth::router {

void Exchange::start_tunnel(const http::ResponseHead& head, char* data, std::size_t size) {
  if (!upgrade_ || !head.connection.upgrade || !request_body_.complete()) {
    fail(ErrorCode::H17, "the app switched protocols unasked");
    return;
  }
  note_answer(head.status);
  phase_ = Phase::tunnel;
  expect_progress();
  const Buffer kept = requester_->take_kept();
  if (!note_sent(requester_->send_switch(head, data, size))) return;
  if (kept && upstream_->send(kept.view()) == Connection::Sent::failed) {
    requester_->lost();
    return;
  }
  requester_->read_later();
}

void Exchange::tunnel_ended() {
  Requester& requester = *requester_;
  finish(ErrorCode::none);
  // What the replica sent last is still written out.
  requester.exchange_done(false, false);
}

}  // namespace berth::router
