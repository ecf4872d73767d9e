// SPDX-License-Identifier: Apache-2.0
#include "router/exchange.hpp"

#include <algorithm>
#include <cstring>

#include "router/handles.hpp"
#include "router/upstream.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t connect_timeout_us = 5'000'000;

std::int64_t us(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

// ---- The request: routing, holding, choosing --------------------------------------------------

void Exchange::start(Requester& requester, const http::RequestHead& head, const char* rest,
                     std::size_t size) {
  requester_ = &requester;
  const Listener& listener = requester.listener();
  started_us_ = worker_.loop().now_us();
  is_head_ = head.is_head;
  idempotent_ = head.is_idempotent;
  http_1_0_ = head.minor_version == 0;
  keep_alive_ = head.keep_alive;
  upgrade_ = !head.upgrade.empty();
  accepts_ = head.accepts;
  by_http2_ = requester.frames_bodies() && http::is_grpc(head.fields);

  request_body_ = http::Body::of_request(head.framing);
  const http::Body::Step body = request_body_.follow(rest, size);
  const std::size_t bound = http::rewritten_request_bound(head.size);
  request_ = worker_.loop().buffers().take(bound + body.consumed);
  http::RequestContext context;
  context.client_ip = requester.address();
  context.port = listener.port_text;
  secure_ = listener.tls;
  if (requester.is_trusted()) believe_proxy(head, context);
  context.proto = secure_ ? "https" : "http";
  context.version = requester.frames_bodies() ? "2.0" : "1.1";
  context.started_ms = worker_.loop().unix_us() / 1000;
  std::array<char, 36> made_id;
  context.request_id = http::is_valid_request_id(head.request_id)
                           ? head.request_id
                           : worker_.make_request_id(made_id);
  const auto slot = worker_.table().routes->find(head.host, head.target);
  app_ = slot ? worker_.app(*slot) : nullptr;
  std::array<char, 55> made_trace;
  if (app_ && app_->app && app_->app->trace) context.trace = begun_trace(head, made_trace);
  parts_ = http::rewrite_request(head, context, request_.tail());
  request_.grow(parts_.size);
  request_.append({rest, body.consumed});

  if (app_) app_->shard.in_flight.add();
  if (!body.valid) {
    fail(ErrorCode::bad_request, "invalid chunk in the request body");
    return;
  }
  requester.keep({rest + body.consumed, size - body.consumed});
  admit(head, context.origin_ip.empty() ? context.client_ip : context.origin_ip, body.consumed);
}

void Exchange::decide_again() {
  held_us_ = std::max<std::int64_t>(held_us_, 0) + worker_.loop().now_us() - held_since_us_;
  dispatch();
}

void Exchange::dispatch() {
  admitted_ = true;
  if (!app_ || !app_->app) {
    fail(ErrorCode::no_such_app);
    return;
  }
  const Decision decision = decide(app_->app->state, app_->regulars() > 0);
  switch (decision.action) {
    case Decision::Action::proxy: connect(); break;
    case Decision::Action::hold: hold(decision); break;
    case Decision::Action::fail:
      fail(decision.error,
           decision.error == ErrorCode::H10 || decision.error == ErrorCode::H14
               ? app_->app->message
               : std::string_view());
      break;
  }
}

void Exchange::hold(const Decision& decision) {
  phase_ = Phase::held;
  held_since_us_ = worker_.loop().now_us();
  hold_error_ = decision.error;
  if (!app_->held.push(this)) {
    fail(ErrorCode::H11);
    return;
  }
  set_deadline(
      std::max<std::int64_t>(us(app_->app->hold_timeout) - std::max<std::int64_t>(held_us_, 0), 0));
  if (decision.wake) worker_.want_wake(*app_);
}

void Exchange::connect() {
  ReplicaHandle& replica = choose();
  tried_[static_cast<std::size_t>(std::min(attempts_, max_attempts - 1))] = &replica;
  if (attempts_++ == 0) app_->retries.requested();
  replica_ = &replica;
  by_canary_ = replica.canary;
  ++replica.in_flight;
  auto& kept = by_http2_ ? replica.idle_http2 : replica.idle;
  while (!fresh_only_ && !kept.empty()) {
    Upstream& idle = *kept.front();
    // A request that must not be sent twice is not given to a connection that is closed already.
    if (!idempotent_ && idle.is_stale()) {
      idle.close();
      continue;
    }
    idle.assign(*this);
    upstream_ = &idle;
    reused_ = true;
    connect_us_ = 0;
    send_request();
    return;
  }
  reused_ = false;
  phase_ = Phase::connecting;
  connect_started_us_ = worker_.loop().now_us();
  auto upstream = Upstream::connect(worker_.loop(), replica, *this, by_http2_);
  if (upstream.has_error()) {
    const bool ours = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
    on_connect_failed(ours ? ErrorCode::H99 : ErrorCode::H21);
    return;
  }
  upstream_ = *upstream;
  set_deadline(connect_timeout_us);
}

void Exchange::on_connected() {
  if (replica_->removed) {
    // The table has changed meanwhile: a removed replica gets no new request.
    detach_upstream(false);
    --attempts_;
    dispatch();
    return;
  }
  connect_us_ = worker_.loop().now_us() - connect_started_us_;
  send_request();
}

void Exchange::on_connect_failed(ErrorCode code) {
  replica_->standing.refused(worker_.loop().now_us());
  attempt_failed(code);
}

void Exchange::send_request() {
  phase_ = Phase::waiting;
  sent_us_ = worker_.loop().now_us();
  bytes_in_ = request_.size();
  nothing_received_ = upstream_->send(request_.view()) == Connection::Sent::failed;
  if (nothing_received_) {
    attempt_failed(ErrorCode::H13);
    return;
  }
  sent_whole_ = request_body_.complete();
  if (sent_whole_) {
    if (replica_->standing.is_prompt()) worker_.loop().stay_awake(Standing::prompt_us);
    set_deadline(us(app_->app->first_byte_timeout));
  } else {
    expect_progress();
    requester_->read_later();
  }
}

void Exchange::note_answer(int status) {
  status_ = status;
  const std::int64_t now = worker_.loop().now_us();
  worker_.loop().may_sleep();
  replica_->standing.answered(sent_whole_ ? now - sent_us_ : -1, status < 500, now);
}

void Exchange::attempt_failed(ErrorCode code) {
  const std::int64_t now = worker_.loop().now_us();
  const Attempt attempt{
      .number = attempts_,
      .connected = phase_ != Phase::connecting,
      .reused = reused_,
      .nothing_received = nothing_received_,
      .response_begun = bytes_out_ > 0 || (upstream_ && upstream_->has_stash()),
      .replayable = replayable_,
      .idempotent = idempotent_,
  };
  // A kept connection that was closed tells nothing of the replica.
  if (attempt.connected && !attempt.reused) replica_->standing.disappointed(now);
  if (!may_retry(attempt) || !app_->retries.take(now)) {
    if (attempt.response_begun && code == ErrorCode::H13) code = ErrorCode::H18;
    if (app_->app && app_->app->state == AppState::crashed) code = ErrorCode::H10;
    fail(code);
    return;
  }
  detach_upstream(false);
  if (attempt.connected) fresh_only_ = true;
  dispatch();
}

void Exchange::detach_upstream(bool reuse) {
  if (upstream_) {
    if (reuse) {
      upstream_->park(worker_.loop().now_us() + worker_.limits().upstream_idle_us);
    } else {
      upstream_->close();
    }
    upstream_ = nullptr;
  }
  if (replica_) worker_.release(*app_, *replica_);
  replica_ = nullptr;
}

// ---- The request body ---------------------------------------------------------------------------

bool Exchange::takes_request_bytes() const {
  if (phase_ == Phase::tunnel) return !client_ended_;
  if (phase_ != Phase::waiting && phase_ != Phase::responding) return false;
  return !request_body_.complete() && !request_refused_;
}

bool Exchange::upstream_is_blocked() const { return upstream_ && upstream_->is_blocked(); }

void Exchange::on_request_bytes(const char* data, std::size_t size) {
  if (phase_ == Phase::tunnel) {
    bytes_in_ += size;
    expect_progress();
    if (upstream_->send({data, size}) == Connection::Sent::failed) tunnel_ended();
    return;
  }
  const http::Body::Step body = request_body_.follow(data, size);
  if (!body.valid) {
    fail(ErrorCode::bad_request, "invalid chunk in the request body");
    return;
  }
  requester_->keep({data + body.consumed, size - body.consumed});
  bytes_in_ += body.consumed;
  replayable_ = false;
  if (body.consumed > body_left_) {
    fail(ErrorCode::body_too_large);
    return;
  }
  body_left_ -= body.consumed;
  if (request_body_.complete() && phase_ == Phase::waiting) {
    set_deadline(us(app_->app->first_byte_timeout));
  } else {
    expect_progress();
  }
  if (upstream_->send({data, body.consumed}) == Connection::Sent::failed) {
    request_refused_ = true;
    upstream_->read_last_words();
  }
}

bool Exchange::on_client_ended() {
  if (phase_ != Phase::tunnel) return false;
  client_ended_ = true;
  if (upstream_ended_) {
    tunnel_ended();
  } else {
    upstream_->end_sending();
  }
  return true;
}

void Exchange::on_client_gone() {
  if (phase_ == Phase::tunnel) {
    finish(ErrorCode::none);
    return;
  }
  status_ = info(ErrorCode::H27).status;
  finish(ErrorCode::H27);
}

void Exchange::on_client_flushed() {
  if (!upstream_) return;
  if (phase_ == Phase::responding || phase_ == Phase::tunnel) expect_progress();
  upstream_->resume();
}

void Exchange::on_upstream_flushed() {
  if (!takes_request_bytes()) return;
  expect_progress();
  requester_->read_on();
}

// ---- The response -------------------------------------------------------------------------------

bool Exchange::takes_response() const {
  return (phase_ == Phase::waiting || phase_ == Phase::responding || phase_ == Phase::tunnel) &&
         !requester_->is_blocked();
}

std::size_t Exchange::appetite() const { return requester_->appetite(); }

void Exchange::on_response_bytes(char* data, std::size_t size) {
  http::ResponseHead& head = worker_.response_head();
  while (phase_ == Phase::waiting) {
    const http::Scan scan = http::scan_response({data, size}, head);
    if (scan.status == http::ScanStatus::incomplete) {
      if (size > 0) upstream_->stash({data, size});
      return;
    }
    if (scan.status == http::ScanStatus::invalid) {
      fail(ErrorCode::H17, scan.reason);
      return;
    }
    data += head.size;
    size -= head.size;
    if (head.status == 101) {
      start_tunnel(head, data, size);
      return;
    }
    if (head.status >= 200) {
      start_response(head, data, size);
      return;
    }
    forward_interim(head);
  }
  if (phase_ == Phase::tunnel) {
    expect_progress();
    static_cast<void>(note_sent(requester_->send_body(data, size, false, {})));
  } else if (phase_ == Phase::responding) {
    forward_body(data, size);
  }
}

bool Exchange::note_sent(Requester::Outcome sent) {
  bytes_out_ += sent.bytes;
  if (!sent.ok) requester_->lost();
  return sent.ok;
}

void Exchange::forward_interim(const http::ResponseHead& head) {
  if (!http_1_0_) static_cast<void>(note_sent(requester_->send_interim(head)));
}

http::Body::Step Exchange::follow_response(char* data, std::size_t size) {
  if (!decode_chunks_) return response_body_.follow(data, size);
  return response_body_.decode(data, size, requester_->frames_bodies() ? &trailers_ : nullptr);
}

void Exchange::start_response(const http::ResponseHead& head, char* data, std::size_t size) {
  response_body_ = http::Body::of_response(head.framing, http::has_no_body(head.status, is_head_));
  decode_chunks_ = response_body_.is_chunked() && (http_1_0_ || requester_->frames_bodies());
  upstream_reusable_ = head.keep_alive && !response_body_.ends_by_close();
  if (response_body_.ends_by_close() || (http_1_0_ && decode_chunks_) || worker_.draining())
    keep_alive_ = false;
  note_answer(head.status);

  http::ResponseContext context{
      .client_is_http_1_0 = http_1_0_, .close = !keep_alive_, .upgrade = false};
  if (secure_ && app_->app) context.hsts = app_->app->hsts;
  std::array<char, http::max_cookie_size> cookie;
  context.cookie = sticky_cookie_for(cookie);
  const http::Body::Step body = follow_response(data, size);
  if (!body.valid) {
    fail(ErrorCode::H17, "the answer has an invalid chunk");
    return;
  }
  if (body.consumed < size) upstream_reusable_ = false;
  phase_ = Phase::responding;
  const bool last = response_body_.complete();
  if (note_sent(requester_->send_response(head, context, data, body.payload, last, trailers_)))
    response_sent(last);
}

void Exchange::forward_body(char* data, std::size_t size) {
  const http::Body::Step body = follow_response(data, size);
  if (!body.valid) {
    cut_response(ErrorCode::H17);
    return;
  }
  if (body.consumed < size) upstream_reusable_ = false;
  const bool last = response_body_.complete();
  if (body.payload == 0 && !last) {
    expect_progress();
  } else if (note_sent(requester_->send_body(data, body.payload, last, trailers_))) {
    response_sent(last);
  }
}

void Exchange::response_sent(bool last) {
  if (last) {
    response_complete();
  } else {
    expect_progress();
  }
}

void Exchange::on_response_invalid(std::string_view reason) {
  if (phase_ == Phase::waiting) {
    fail(ErrorCode::H17, reason);
  } else {
    cut_response(ErrorCode::H17);
  }
}

void Exchange::on_upstream_ended(bool reset) {
  switch (phase_) {
    case Phase::waiting:
      nothing_received_ =
          upstream_->has_sent_nothing() || (!reset && upstream_->request_was_not_received());
      attempt_failed(ErrorCode::H13);
      break;
    case Phase::responding:
      if (response_body_.ends_by_close() && !reset) {
        if (note_sent(requester_->send_body(nullptr, 0, true, {}))) response_complete();
      } else {
        cut_response(ErrorCode::H18);
      }
      break;
    case Phase::tunnel:
      upstream_ended_ = true;
      if (reset || client_ended_) {
        tunnel_ended();
      } else {
        requester_->end_sending();
      }
      break;
    default: break;
  }
}

void Exchange::response_complete() {
  const bool request_read = request_body_.complete();
  const bool keep = keep_alive_ && request_read;
  if (!request_read || upstream_->is_blocked() || !upstream_->is_clean())
    upstream_reusable_ = false;
  Requester& requester = *requester_;
  finish(ErrorCode::none);
  requester.exchange_done(keep, !request_read);
}

void Exchange::set_deadline(std::int64_t in_us) {
  worker_.loop().timers().set(*this, worker_.loop().now_us() + in_us);
}

void Exchange::expect_progress() {
  const std::int64_t idle_us =
      us(app_->app ? app_->app->idle_timeout : std::chrono::milliseconds(55'000));
  worker_.loop().timers().set(*this, worker_.loop().recent_us() + idle_us);
}

std::string_view Exchange::part(http::RewrittenRequest::Range range) const {
  return request_.view().substr(range.begin, range.size);
}

}  // namespace berth::router
