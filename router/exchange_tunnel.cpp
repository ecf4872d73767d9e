// SPDX-License-Identifier: Apache-2.0
//
// An exchange that became a tunnel: 101 Switching Protocols.
#include <cstring>

#include "router/client.hpp"
#include "router/exchange.hpp"
#include "router/upstream.hpp"
#include "router/worker.hpp"

namespace berth::router {

void Exchange::start_tunnel(const http::ResponseHead& head, char* data, std::size_t size) {
  if (!upgrade_ || !head.connection.upgrade || !request_body_.complete()) {
    fail(ErrorCode::H17, "the app switched protocols unasked");
    return;
  }
  status_ = head.status;
  phase_ = Phase::tunnel;
  char* const out = worker_.loop().scratch().head;
  const std::size_t head_size = http::rewrite_response(
      head, {.client_is_http_1_0 = false, .close = false, .upgrade = true}, out);
  std::memcpy(data - head_size, out, head_size);
  bytes_out_ += head_size + size;
  expect_progress();
  const Buffer kept = client_->take_kept();
  if (client_->send({data - head_size, head_size + size}) == Connection::Sent::failed ||
      (kept && upstream_->send(kept.view()) == Connection::Sent::failed)) {
    client_->lost();
    return;
  }
  worker_.loop().resume_later(*client_);
}

void Exchange::tunnel_ended() {
  Client& client = *client_;
  finish(ErrorCode::none);
  // What the replica sent last is still written out.
  client.exchange_done(false, false);
}

}  // namespace berth::router
