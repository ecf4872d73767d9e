// SPDX-License-Identifier: Apache-2.0
#include "router/http2/stream.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "router/errors.hpp"
#include "router/exchange.hpp"
#include "router/http2/response_fields.hpp"
#include "router/http2/session.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

/// Of body bytes that go with the head: the scratch area holds no more behind it.
constexpr std::size_t first_body = 60 * 1024;
constexpr std::size_t chunk_overhead = 32;
constexpr std::string_view last_chunk = "0\r\n";

/// 16 random bytes in base64 (RFC 6455, section 4.1).
std::string make_websocket_key(Random& random) {
  std::array<std::uint64_t, 2> bits{random.next(), random.next()};
  std::string key(24, '\0');
  std::array<unsigned char, 25> text;
  EVP_EncodeBlock(text.data(), reinterpret_cast<const unsigned char*>(bits.data()), sizeof bits);
  std::memcpy(key.data(), text.data(), key.size());
  return key;
}

std::size_t write_chunk(std::string_view data, char* out) {
  char* at = std::to_chars(out, out + 16, data.size(), 16).ptr;
  *at++ = '\r';
  *at++ = '\n';
  std::memcpy(at, data.data(), data.size());
  at += data.size();
  *at++ = '\r';
  *at++ = '\n';
  return static_cast<std::size_t>(at - out);
}

}  // namespace

// ---- The request --------------------------------------------------------------------------------

void Http2Stream::request_ended() {
  request_ended_ = true;
  session_.work_later(*this);
}

void Http2Stream::data_received(std::string_view data) {
  if (started_ && !exchange_) {
    session_.consume(*this, data.size());
    return;
  }
  if (exchange_ && received_.empty() && exchange_->takes_request_bytes() &&
      !exchange_->upstream_is_blocked()) {
    session_.consume(*this, data.size());
    forward_data(data);
    return;
  }
  // No more than the stream's window.
  received_ += data;
  if (!started_) session_.work_later(*this);
}

void Http2Stream::work() {
  if (closed_ || !head_received_) return;
  if (!started_) {
    start();
  } else {
    forward_kept();
  }
}

void Http2Stream::start() {
  started_ = true;
  const http::Scan fields = text_.finish();
  if (fields.status != http::ScanStatus::complete) {
    refuse(fields.http_status, fields.reason);
    return;
  }
  using Framing = http2::RequestText::Framing;
  const bool whole = request_ended_ && received_.size() <= first_body && request_trailers_.empty();
  const bool has_body = !request_ended_ || !received_.empty();
  const Framing framing = !has_body ? Framing::none : whole ? Framing::length : Framing::chunked;
  tunnel_ = text_.is_tunnel();
  chunked_ = framing == Framing::chunked && !text_.has_length() && !tunnel_;
  char* const out = worker_.loop().scratch().data;
  const std::size_t size = text_.write(
      framing, received_.size(), tunnel_ ? make_websocket_key(worker_.random()) : "", out);
  http::RequestHead& head = worker_.request_head();
  const http::Scan scan = http::scan_request({out, size}, head);
  if (scan.status != http::ScanStatus::complete || head.size != size) {
    refuse(scan.status == http::ScanStatus::invalid ? scan.http_status : 400,
           scan.status == http::ScanStatus::invalid ? scan.reason : "invalid request head");
    return;
  }
  const std::size_t body = tunnel_ ? 0 : frame_body(out + size, first_body + chunk_overhead);
  exchange_ = &worker_.take_exchange();
  session_.exchange_started();
  exchange_->start(*this, head, out + size, body);
  text_.clear();
  if (exchange_) forward_kept();
}

/// Only before the exchange starts: it gets the first bytes together with the head.
std::size_t Http2Stream::frame_body(char* out, std::size_t capacity) {
  const std::size_t taken = std::min(received_.size(), first_body);
  std::size_t size = 0;
  if (taken > 0) {
    const std::string_view data(received_.data(), taken);
    if (chunked_) {
      size = write_chunk(data, out);
    } else {
      std::memcpy(out, data.data(), data.size());
      size = data.size();
    }
    received_.erase(0, taken);
    session_.consume(*this, taken);
  }
  if (request_ended_ && received_.empty()) {
    const std::size_t end = last_chunk.size() + request_trailers_.size() + 2;
    if (!chunked_) {
      end_forwarded_ = true;
    } else if (size + end <= capacity) {
      std::memcpy(out + size, last_chunk.data(), last_chunk.size());
      size += last_chunk.size();
      std::memcpy(out + size, request_trailers_.data(), request_trailers_.size());
      size += request_trailers_.size();
      std::memcpy(out + size, "\r\n", 2);
      size += 2;
      end_forwarded_ = true;
    }
  }
  return size;
}

void Http2Stream::forward_kept() {
  if (!exchange_) {
    discard_kept();
    return;
  }
  while (!received_.empty()) {
    if (!exchange_->takes_request_bytes() || exchange_->upstream_is_blocked()) return;
    std::string data;
    data.swap(received_);
    session_.consume(*this, data.size());
    forward_data(data);
    if (!exchange_) return;
  }
  if (request_ended_ && !end_forwarded_ && !exchange_->upstream_is_blocked()) forward_end();
}

void Http2Stream::forward_data(std::string_view data) {
  if (!chunked_) {
    exchange_->on_request_bytes(data.data(), data.size());
    return;
  }
  char* const out = worker_.loop().scratch().data;
  exchange_->on_request_bytes(out, write_chunk(data, out));
}

void Http2Stream::forward_end() {
  if (tunnel_) {
    end_forwarded_ = true;
    if (!exchange_->on_client_ended()) lost();
    return;
  }
  if (!exchange_->takes_request_bytes()) return;
  end_forwarded_ = true;
  if (!chunked_) return;
  const std::string end = std::string(last_chunk) + request_trailers_ + "\r\n";
  exchange_->on_request_bytes(end.data(), end.size());
}

void Http2Stream::discard_kept() {
  session_.consume(*this, received_.size());
  received_ = {};
}

void Http2Stream::refuse(int status, std::string_view reason) {
  worker_.stats().bad_requests.add();
  ErrorPage page;
  page.code = ErrorCode::bad_request;
  page.status = status;
  page.message = reason;
  static_cast<void>(send_answer(render(page)));
  discard_kept();
}

void Http2Stream::end_exchange() {
  if (!exchange_) return;
  Exchange& exchange = *std::exchange(exchange_, nullptr);
  session_.exchange_ended();
  exchange.on_client_gone();
}

void Http2Stream::cut_off() {
  if (exchange_) exchange_->cut_off();
}

// ---- The answer ---------------------------------------------------------------------------------

const Listener& Http2Stream::listener() const { return session_.client().listener(); }
std::string_view Http2Stream::address() const { return session_.client().address(); }
bool Http2Stream::is_trusted() const { return session_.client().is_trusted(); }

bool Http2Stream::is_blocked() const { return unsent_ || session_.is_blocked(); }

/// What the client's windows let through, and a little more, which is kept: a client that opens no
/// window holds little memory.
std::size_t Http2Stream::appetite() const {
  const std::int32_t window = session_.window(id_);
  return std::clamp<std::size_t>(window > 0 ? static_cast<std::size_t>(window) : 0,
                                 BufferPool::tiny, Scratch::read_size);
}

std::string_view Http2Stream::take(std::size_t size) {
  if (!unsent_) {
    const std::string_view taken = source_.substr(0, size);
    source_.remove_prefix(size);
    return taken;
  }
  const std::string_view taken(unsent_.data(), size);
  unsent_.consume(size);
  return taken;
}

void Http2Stream::taken() {
  if (!unsent_ || unsent_.size() > 0) return;
  unsent_.reset();
  session_.drained_later(*this);
}

void Http2Stream::drained() {
  if (exchange_ && !is_blocked()) exchange_->on_client_flushed();
}

void Http2Stream::push(std::string_view data, bool last, std::string_view trailers) {
  source_ = data;
  answer_ended_ = last;
  if (last) trailers_ = trailers;
  session_.resume(*this);
  session_.pump();
  if (!source_.empty() && !closed_) {
    unsent_ = worker_.loop().buffers().take(source_.size());
    unsent_.append(source_);
  }
  source_ = {};
}

Requester::Outcome Http2Stream::send_interim(const http::ResponseHead& head) {
  http2::ResponseFields fields(worker_.loop().scratch().head);
  fields.set(head, {});
  session_.submit_interim(*this, fields);
  return {true, fields.bytes()};
}

Requester::Outcome Http2Stream::send_whole(const http::ResponseHead& head,
                                        const http::ResponseContext& context,
                                        std::string_view body, bool last,
                                        std::string_view trailers) {
  http2::ResponseFields fields(worker_.loop().scratch().head);
  fields.set(head, context);
  const bool has_body = !body.empty() || !last || !trailers.empty();
  session_.submit_answer(*this, fields, has_body);
  push(body, last, trailers);
  return {true, fields.bytes() + body.size()};
}

Requester::Outcome Http2Stream::send_response(const http::ResponseHead& head,
                                           const http::ResponseContext& context, char* data,
                                           std::size_t size, bool last,
                                           std::string_view trailers) {
  return send_whole(head, context, {data, size}, last, trailers);
}

Requester::Outcome Http2Stream::send_body(char* data, std::size_t size, bool last,
                                       std::string_view trailers) {
  push({data, size}, last, trailers);
  return {true, size};
}

Requester::Outcome Http2Stream::send_answer(std::string_view response) {
  http::ResponseHead& head = worker_.response_head();
  const http::Scan scan = http::scan_response(response, head);
  BERTH_ASSERT(scan.status == http::ScanStatus::complete);
  return send_whole(head, {}, response.substr(head.size), true, {});
}

Requester::Outcome Http2Stream::send_switch(const http::ResponseHead& head, char* data,
                                         std::size_t size) {
  return send_whole(head, {.client_is_http_1_0 = false, .close = false, .upgrade = true},
                    {data, size}, false, {});
}

void Http2Stream::end_sending() {
  if (answer_ended_) return;
  answer_ended_ = true;
  session_.resume(*this);
  session_.pump();
}

void Http2Stream::read_later() { session_.work_later(*this); }

void Http2Stream::exchange_done(bool, bool) {
  exchange_ = nullptr;
  session_.exchange_ended();
  if (!answer_ended_) end_sending();
  discard_kept();
}

void Http2Stream::abort() {
  exchange_ = nullptr;
  session_.exchange_ended();
  aborted_ = true;
  session_.reset(*this, NGHTTP2_INTERNAL_ERROR);
  discard_kept();
}

void Http2Stream::lost() {
  end_exchange();
  aborted_ = true;
  session_.reset(*this, NGHTTP2_CANCEL);
}

}  // namespace berth::router
