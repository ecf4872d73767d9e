// SPDX-License-Identifier: Apache-2.0
//
// How an exchange ends: answered by the router, cut off, out of time, logged and counted.
#include <algorithm>

#include "router/exchange.hpp"
#include "router/handles.hpp"
#include "router/upstream.hpp"
#include "router/worker.hpp"

namespace berth::router {

void Exchange::cut_response(ErrorCode code) {
  status_ = info(code).status;
  Requester& requester = *requester_;
  finish(code);
  requester.abort();
}

void Exchange::fail(ErrorCode code, std::string_view message, int status,
                    std::string_view fields) {
  if (phase_ == Phase::responding || phase_ == Phase::tunnel) {
    cut_response(code);
    return;
  }
  const bool keep = keep_alive_ && request_body_.complete() && !worker_.draining();
  ErrorPage page;
  page.code = code;
  page.status = status;
  if (app_) page.app = app_->runtime.name;
  page.host = part(parts_.host);
  page.message = message;
  page.fields = fields;
  if (app_ && app_->app) {
    if (code == ErrorCode::H80) page.html = app_->app->maintenance_page;
    else if (info(code).status >= 500) page.html = app_->app->error_page;
  }
  page.request_id = part(parts_.request_id);
  const std::int64_t now = worker_.loop().now_us();
  page.times = {.held_us = held_us_,
                .connect_us = connect_us_,
                .wait_us = sent_us_ ? now - sent_us_ : -1,
                .total_us = now - started_us_};
  page.accepts = accepts_;
  page.to_head = is_head_;
  page.close = !keep;
  page.http_1_0 = http_1_0_;
  answer(render(page), status ? status : info(code).status, code, keep);
}

/// Of the router itself, in place of one of the app's.
void Exchange::answer(const std::string& response, int status, ErrorCode code, bool keep) {
  const bool request_read = request_body_.complete();
  status_ = status;
  Requester& requester = *requester_;
  const Requester::Outcome sent = requester.send_answer(response);
  bytes_out_ += sent.bytes;
  finish(code);
  if (sent.ok) {
    requester.exchange_done(keep, !request_read);
  } else {
    requester.abort();
  }
}

void Exchange::on_deadline() {
  switch (phase_) {
    case Phase::free: break;
    case Phase::checking: fail(ErrorCode::H99, "The password could not be checked in time."); break;
    case Phase::held:
      held_us_ = std::max<std::int64_t>(held_us_, 0) + worker_.loop().now_us() - held_since_us_;
      fail(hold_error_);
      break;
    case Phase::connecting: on_connect_failed(ErrorCode::H19); break;
    case Phase::waiting:
      if (request_body_.complete() || upstream_->is_blocked()) {
        replica_->standing.disappointed(worker_.loop().now_us());
        fail(ErrorCode::H12);
      } else {
        cut_response(ErrorCode::H28);
      }
      break;
    case Phase::responding:
    case Phase::tunnel: cut_response(ErrorCode::H15); break;
  }
}

void Exchange::cut_off() {
  if (phase_ == Phase::tunnel) {
    Requester& requester = *requester_;
    finish(ErrorCode::none);
    requester.abort();
  } else {
    fail(ErrorCode::H99, "The router is shutting down.");
  }
}

void Exchange::finish(ErrorCode error) {
  const std::int64_t now = worker_.loop().now_us();
  if (phase_ == Phase::held) app_->held.remove(this);
  if (check_) worker_.forget_check(check_);
  const std::int64_t service = sent_us_ ? now - sent_us_ : -1;
  if (app_) {
    AppShard::Finished finished;
    finished.status = status_;
    finished.error = error;
    finished.refused = !admitted_;
    finished.by_canary = by_canary_;
    finished.bytes_in = bytes_in_;
    finished.bytes_out = bytes_out_;
    finished.latency_us = static_cast<std::uint64_t>(now - started_us_);
    finished.service_us = static_cast<std::uint64_t>(std::max<std::int64_t>(service, 0));
    app_->shard.finished(finished);
    app_->shard.in_flight.subtract();
    if (is_logged(error)) {
      AccessRecord record;
      record.at_us = worker_.loop().unix_us();
      record.error = error;
      if (secure_) record.protocol = "https";
      record.method = part(parts_.method);
      record.target = part(parts_.target);
      record.host = part(parts_.host);
      record.request_id = part(parts_.request_id);
      record.forwarded_for = part(parts_.forwarded_for);
      if (replica_) record.replica = replica_->replica.name;
      record.connect_us = connect_us_;
      record.service_us = service;
      record.held_us = held_us_;
      record.status = status_;
      record.bytes = bytes_out_;
      worker_.log(*app_, record);
    }
  } else {
    worker_.stats().unrouted.add();
  }
  // Only after an answer that was read to its end: the rest of any other would be taken for the
  // answer to the next request.
  const bool reusable = error == ErrorCode::none && upstream_reusable_;
  detach_upstream(reusable && replica_ && !replica_->removed &&
                  replica_->idle_count < worker_.limits().idle_per_replica);
  worker_.loop().timers().clear(*this);
  request_.reset();
  requester_ = nullptr;
  trailers_.clear();
  app_ = nullptr;
  started_us_ = held_since_us_ = connect_started_us_ = sent_us_ = 0;
  held_us_ = connect_us_ = -1;
  bytes_in_ = bytes_out_ = 0;
  body_left_ = UINT64_MAX;
  check_ = sticky_token_ = 0;
  tried_ = {};
  attempts_ = status_ = 0;
  phase_ = Phase::free;
  reused_ = nothing_received_ = fresh_only_ = upstream_reusable_ = decode_chunks_ = false;
  request_refused_ = client_ended_ = upstream_ended_ = admitted_ = false;
  by_canary_ = false;
  replayable_ = true;
  worker_.give_back(*this);
}

}  // namespace berth::router
