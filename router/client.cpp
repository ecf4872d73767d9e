// SPDX-License-Identifier: Apache-2.0
#include "router/client.hpp"

#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "router/exchange.hpp"
#include "router/http/proxy_header.hpp"
#include "router/http2/session.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t linger_us = 2'000'000;

}  // namespace

Client::Client(Worker& worker, EventLoop& loop, Fd socket, const Listener& listener)
    : Connection(loop, std::move(socket)), worker_(worker), listener_(&listener) {}

Client::~Client() = default;

void Client::set_address(std::string_view text) {
  address_size_ = static_cast<std::uint8_t>(std::min(text.size(), address_.size()));
  std::memcpy(address_.data(), text.data(), address_size_);
}

bool Client::secure(TlsContext& context) {
  if (!start_tls(context)) return false;
  handshaking_ = true;
  head_deadline_us_ = loop_.now_us() + worker_.limits().handshake_us;
  return true;
}

void Client::note_handshake() {
  if (tls()->is_established()) {
    handshaking_ = false;
    head_deadline_us_ = 0;
    (tls()->is_resumed() ? worker_.stats().tls_resumed : worker_.stats().tls_handshakes).add();
    return;
  }
  if (!tls()->is_plain_http()) return;
  handshaking_ = false;
  head_deadline_us_ = 0;
  drop_tls();
  refuse(400, "this port speaks HTTPS alone: write https:// in the address");
}

void Client::end() {
  if (is_open()) say_end();
  close();
}

void Client::retire() {
  if (http2_) http2_->drain();
}

void Client::drain() {
  if (http2_) {
    http2_->drain();
  } else if (!exchange_ && !closing_) {
    end();
  }
}

void Client::stop() {
  if (http2_) {
    http2_->stop();
  } else if (exchange_) {
    exchange_->cut_off();
  }
  close();
}

void Client::close() {
  if (!is_open()) return;
  if (handshaking_) worker_.stats().tls_failures.add();
  kept_.reset();
  if (http2_) http2_->abandon();
  Hook<ClientsTag>::unlink();
  if (place_) worker_.leave(place_);
  worker_.client_closed();
  bury();
}

void Client::on_events(std::uint32_t events) {
  if (!is_open()) return;
  note(events);
  if (http2_ && !closing_) {
    on_http2_events();
    return;
  }
  if (broken_ && !closing_ && exchange_) {
    lost();
    return;
  }
  if (is_blocked() && writable_) {
    if (flush() == Sent::failed) {
      lost();
      return;
    }
    if (!is_blocked()) {
      if (closing_) {
        finish();
        return;
      }
      if (end_after_flush_) end_stream();
      end_after_flush_ = false;
      if (exchange_) exchange_->on_client_flushed();
      if (!is_open()) return;
    }
  }
  resume();
}

void Client::lost() {
  if (exchange_) exchange_->on_client_gone();
  close();
}

void Client::on_deadline() {
  if (!is_open() || exchange_) return;
  if (http2_ && !closing_) {
    http2_->on_deadline();
    return;
  }
  if (closing_ || handshaking_ || awaits_proxy_header_ || head_deadline_us_ == 0) {
    end();
    return;
  }
  refuse(408, "the request head did not arrive in time");
}

void Client::resume() {
  if (!is_open()) return;
  if (awaits_proxy_header_ && !read_proxy_header()) return;
  if (lingering_) {
    discard();
  } else if (closing_) {
    return;
  } else if (http2_) {
    read_for_http2();
  } else if (!exchange_) {
    read_head();
  } else if (exchange_->takes_request_bytes()) {
    read_for_exchange();
  } else if (peer_ended_ && exchange_->ends_with_client()) {
    notice_abort();
  }
}

/// Looked at in the kernel's buffer, so that what is behind it, TLS perhaps, stays there.
bool Client::read_proxy_header() {
  char* const data = loop_.scratch().data;
  const ssize_t count =
      ::recv(socket_.get(), data, http::max_proxy_header_size, MSG_PEEK | MSG_DONTWAIT);
  const bool waits = count < 0 && (errno == EAGAIN || errno == EINTR);
  http::ProxyHeader header;
  if (count > 0) header = http::scan_proxy_header({data, static_cast<std::size_t>(count)});
  if ((count <= 0 && !waits) || header.status == http::ProxyHeader::Status::invalid) {
    worker_.stats().bad_requests.add();
    close();
    return false;
  }
  if (header.status == http::ProxyHeader::Status::incomplete) {
    readable_ = false;
    if (head_deadline_us_ == 0) head_deadline_us_ = loop_.now_us() + worker_.limits().handshake_us;
    loop_.timers().set(*this, head_deadline_us_);
    if (peer_ended_ || !ensure_registered(Wait::readiness)) close();
    return false;
  }
  static_cast<void>(::recv(socket_.get(), data, header.size, MSG_DONTWAIT));
  awaits_proxy_header_ = false;
  readable_ = true;
  if (!handshaking_) head_deadline_us_ = 0;
  if (!header.source) return true;
  set_address(header.source->text());
  if (worker_.welcome(*this, *header.source)) return true;
  close();
  return false;
}

void Client::read_head() {
  Scratch& scratch = loop_.scratch();
  for (;;) {
    if (is_blocked()) return;  // the last answer first
    const std::size_t kept = kept_.size();
    if (kept) std::memcpy(scratch.data, kept_.data(), kept);
    // What was kept of a pipelined request may be a whole one: it is tried before more is read.
    const bool try_kept = kept != 0 && head_deadline_us_ == 0;
    std::size_t size = 0;
    if (!try_kept) {
      const Read result =
          readable_ ? read(scratch.data + kept, Scratch::read_size, size) : Read::blocked;
      if (handshaking_) {
        note_handshake();
        if (closing_ || lingering_) return;
        if (!handshaking_ && tls() && tls()->is_proof()) {
          end();
          return;
        }
        if (!handshaking_ && tls() && tls()->is_http2()) {
          if (result == Read::data || result == Read::blocked) {
            speak_http2({scratch.data, size});
          } else {
            close();
          }
          return;
        }
      }
      if (result == Read::end || result == Read::failed) {
        close();
        return;
      }
      if (result == Read::blocked) {
        if (!ensure_registered()) {
          close();
          return;
        }
        if (kept == 0)
          loop_.timers().set(*this, handshaking_
                                        ? head_deadline_us_
                                        : loop_.now_us() + worker_.limits().client_idle_us);
        return;
      }
    }
    kept_.reset();
    if (!handle_head(kept + size)) return;
  }
}

bool Client::handle_head(std::size_t size) {
  Scratch& scratch = loop_.scratch();
  http::RequestHead& head = worker_.request_head();
  http::Scan scan = http::scan_request({scratch.data, size}, head);
  if (scan.status == http::ScanStatus::invalid && is_first_ && !tls()) {
    // By prior knowledge (RFC 9113, section 3.3): a preface that HTTP/1 cannot be taken for.
    const std::string_view preface(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    const std::size_t compared = std::min(size, preface.size());
    if (preface.substr(0, compared) == std::string_view(scratch.data, compared)) {
      if (compared == preface.size()) {
        speak_http2({scratch.data, size});
        return false;
      }
      scan = http::scan_incomplete();
    }
  }
  switch (scan.status) {
    case http::ScanStatus::incomplete:
      keep({scratch.data, size});
      if (head_deadline_us_ == 0) {
        // Fixed at the first byte: a head that trickles in does not move it.
        head_deadline_us_ = loop_.now_us() + worker_.limits().head_us;
        loop_.timers().set(*this, head_deadline_us_);
      }
      return true;
    case http::ScanStatus::invalid: refuse(scan.http_status, scan.reason); return false;
    case http::ScanStatus::complete: break;
  }
  head_deadline_us_ = 0;
  is_first_ = false;
  loop_.timers().clear(*this);
  exchange_ = &worker_.take_exchange();
  exchange_->start(*this, head, scratch.data + head.size, size - head.size);
  if (!is_open() || closing_) return false;
  if (!exchange_) return true;
  loop_.register_later(*this);  // to hear of an abort
  return false;
}

void Client::refuse(int status, std::string_view reason) {
  worker_.stats().bad_requests.add();
  ErrorPage page;
  page.code = ErrorCode::bad_request;
  page.status = status;
  page.message = reason;
  page.close = true;
  if (send(render(page)) == Sent::failed) {
    close();
    return;
  }
  exchange_done(false, true);
}

void Client::read_for_exchange() {
  Scratch& scratch = loop_.scratch();
  for (int budget = read_budget;; --budget) {
    if (!is_open() || !exchange_ || !exchange_->takes_request_bytes()) return;
    if (exchange_->upstream_is_blocked()) return;
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    std::size_t size = 0;
    const Read result = readable_ ? read(scratch.data, Scratch::read_size, size) : Read::blocked;
    switch (result) {
      case Read::data: exchange_->on_request_bytes(scratch.data, size); break;
      case Read::blocked:
        if (!ensure_registered()) lost();
        return;
      case Read::end:
        if (exchange_->on_client_ended()) return;
        lost();
        return;
      case Read::failed: lost(); return;
    }
  }
}

/// The client has ended its side while it waits for the answer. With another request in the
/// pipe that is no abort yet.
void Client::notice_abort() {
  if (kept_) return;
  if (!broken_ && has_input()) return;
  lost();
}

void Client::keep(std::string_view data) {
  if (data.empty()) return;
  kept_ = loop_.buffers().take(data.size());
  kept_.append(data);
}

void Client::exchange_done(bool keep_alive, bool linger) {
  exchange_ = nullptr;
  if (!keep_alive) {
    closing_ = true;
    linger_ = linger || readable_ || kept_;
    push();
    if (is_blocked()) {
      loop_.timers().set(*this, loop_.now_us() + worker_.limits().client_idle_us);
    } else {
      finish();
    }
    return;
  }
  if (kept_ || readable_) {
    loop_.resume_later(*this);
    return;
  }
  if (!ensure_registered()) {
    close();
    return;
  }
  wait_for_bytes();
  loop_.timers().set(*this, loop_.now_us() + worker_.limits().client_idle_us);
}

void Client::finish() {
  if (!linger_) {
    end();
    return;
  }
  // Closing with unread input would reset the connection and may take the answer with it: the rest
  // is read for a moment (RFC 9112, section 9.6).
  linger_ = false;
  lingering_ = true;
  kept_.reset();
  end_stream();
  loop_.timers().set(*this, loop_.now_us() + linger_us);
  if (!ensure_registered()) {
    close();
    return;
  }
  loop_.resume_later(*this);
}

void Client::discard() {
  Scratch& scratch = loop_.scratch();
  for (int budget = read_budget; budget > 0; --budget) {
    if (!readable_) return;
    std::size_t size = 0;
    const Read result = read(scratch.data, Scratch::read_size, size);
    if (result == Read::blocked) return;
    if (result != Read::data) {
      close();
      return;
    }
  }
  loop_.resume_later(*this);
}

void Client::abort() {
  exchange_ = nullptr;
  close();
}

void Client::end_sending() {
  push();
  if (is_blocked()) {
    end_after_flush_ = true;
  } else {
    end_stream();
  }
}

// ---- What the exchange says, in HTTP/1.1 --------------------------------------------------------

Requester::Outcome Client::send_counted(std::string_view data) {
  return {send(data) != Sent::failed, data.size()};
}

Requester::Outcome Client::send_interim(const http::ResponseHead& head) {
  char* const out = loop_.scratch().head;
  return send_counted({out, http::rewrite_response(head, {}, out)});
}

Requester::Outcome Client::send_response(const http::ResponseHead& head,
                                      const http::ResponseContext& context, char* data,
                                      std::size_t size, bool, std::string_view) {
  char* const out = loop_.scratch().head;
  const std::size_t head_size = http::rewrite_response(head, context, out);
  std::memcpy(data - head_size, out, head_size);
  return send_counted({data - head_size, head_size + size});
}

Requester::Outcome Client::send_body(char* data, std::size_t size, bool, std::string_view) {
  return size == 0 ? Outcome{} : send_counted({data, size});
}

Requester::Outcome Client::send_answer(std::string_view response) { return send_counted(response); }

Requester::Outcome Client::send_switch(const http::ResponseHead& head, char* data,
                                       std::size_t size) {
  const http::ResponseContext context{
      .client_is_http_1_0 = false, .close = false, .upgrade = true};
  return send_response(head, context, data, size, false, {});
}

// ---- HTTP/2 -------------------------------------------------------------------------------------

void Client::speak_http2(std::string_view first) {
  head_deadline_us_ = 0;
  is_first_ = false;
  worker_.stats().http2_clients.add();
  http2_ = Http2Session::create(*this, worker_);
  if (!http2_) {
    close();
    return;
  }
  // The session works where reads go.
  char* const input = worker_.http2_input();
  std::memcpy(input, first.data(), first.size());
  http2_->receive({input, first.size()});
  if (is_open()) loop_.resume_later(*this);
}

void Client::on_http2_events() {
  if (broken_) {
    close();
    return;
  }
  if (is_blocked() && writable_ && flush() == Sent::failed) {
    close();
    return;
  }
  resume();
}

void Client::read_for_http2() {
  for (int budget = read_budget;; --budget) {
    http2_->flush();
    // A client that takes no answers is not asked for more.
    if (!is_open() || closing_ || is_blocked()) return;
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    char* const input = worker_.http2_input();
    std::size_t size = 0;
    switch (readable_ ? read(input, Scratch::read_size, size) : Read::blocked) {
      case Read::data: http2_->receive({input, size}); break;
      case Read::blocked:
        if (!ensure_registered()) close();
        return;
      case Read::end:
      case Read::failed: close(); return;
    }
  }
}

void Client::end_after_flush() {
  if (!is_open() || closing_) return;
  http2_->abandon();
  exchange_done(false, /*linger=*/true);
}

}  // namespace berth::router
