// SPDX-License-Identifier: Apache-2.0
//
// One connection of a client. By HTTP/1 it reads heads and bodies, has at most one exchange at a
// time (pipelined requests wait their turn), and writes what the exchange gives it. By HTTP/2 it
// carries bytes for its session, which has a stream for each exchange. Owned by its worker's list.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "router/loop/connection.hpp"
#include "router/requester.hpp"

namespace berth::router {

class Exchange;
class Http2Session;
class Worker;
struct ClientsTag;
struct Listener;

class Client final : public Connection, public Hook<ClientsTag>, public Requester {
 public:
  Client(Worker& worker, EventLoop& loop, Fd socket, const Listener& listener);
  ~Client() override;

  /// The peer's address as text, at most 45 characters.
  void set_address(std::string_view text);
  [[nodiscard]] std::string_view address() const override {
    return {address_.data(), address_size_};
  }
  [[nodiscard]] bool is_trusted() const override { return trusted_; }
  [[nodiscard]] const Listener& listener() const override { return *listener_; }
  // Before anything is read:
  void trust() { trusted_ = true; }
  /// Where its address is counted; 0: nowhere.
  void set_place(std::uint64_t place) { place_ = place; }
  /// It begins with a header of the PROXY protocol, which says whose connection it is.
  void expect_proxy_header() { awaits_proxy_header_ = true; }
  /// The connection speaks TLS; before anything is read. False if memory is short.
  [[nodiscard]] bool secure(TlsContext& context);

  void on_events(std::uint32_t events) override;
  void on_deadline() override;
  void resume() override;

  /// Another router takes new connections: this one ends after its next request.
  void retire();
  /// The router stops soon: ends it now if it is idle, else after what it has begun.
  void drain();
  /// The router stops: ends it wherever it is.
  void stop();
  void close();

  // For the exchange:

  [[nodiscard]] bool frames_bodies() const override { return false; }
  [[nodiscard]] bool is_blocked() const override { return Connection::is_blocked(); }
  [[nodiscard]] std::size_t appetite() const override { return Scratch::read_size; }
  [[nodiscard]] Outcome send_interim(const http::ResponseHead& head) override;
  [[nodiscard]] Outcome send_response(const http::ResponseHead& head,
                                   const http::ResponseContext& context, char* data,
                                   std::size_t size, bool last,
                                   std::string_view trailers) override;
  [[nodiscard]] Outcome send_body(char* data, std::size_t size, bool last,
                               std::string_view trailers) override;
  [[nodiscard]] Outcome send_answer(std::string_view response) override;
  [[nodiscard]] Outcome send_switch(const http::ResponseHead& head, char* data,
                                 std::size_t size) override;
  void end_sending() override;
  void keep(std::string_view data) override;
  [[nodiscard]] Buffer take_kept() override { return std::move(kept_); }
  void read_later() override { loop_.resume_later(*this); }
  void read_on() override { resume(); }
  void exchange_done(bool keep_alive, bool linger) override;
  void abort() override;
  void lost() override;

  // For the session of HTTP/2:

  /// The session has nothing more to say: closes once what was sent is out, and in good order: the
  /// peer may still be sending, also one that said that it goes.
  void end_after_flush();

 private:
  /// As close(), in good order: the other side is told.
  void end();
  [[nodiscard]] Outcome send_counted(std::string_view data);
  void note_handshake();
  void speak_http2(std::string_view first);
  void on_http2_events();
  void read_for_http2();
  /// Whether it is there, and the connection goes on.
  [[nodiscard]] bool read_proxy_header();
  void read_head();
  /// Returns whether another request may be there already.
  bool handle_head(std::size_t size);
  void refuse(int status, std::string_view reason);
  void read_for_exchange();
  void notice_abort();
  void finish();
  void discard();

  Worker& worker_;
  const Listener* listener_;
  Exchange* exchange_ = nullptr;
  std::unique_ptr<Http2Session> http2_;  ///< null: HTTP/1
  Buffer kept_;
  /// Of a handshake, then of a head. 0: no part of a head is here yet.
  std::int64_t head_deadline_us_ = 0;
  std::array<char, 46> address_;
  std::uint8_t address_size_ = 0;
  bool closing_ : 1 = false;     ///< after the unsent bytes are out
  bool linger_ : 1 = false;      ///< then the rest of the input is discarded first
  bool lingering_ : 1 = false;
  bool end_after_flush_ : 1 = false;
  bool handshaking_ : 1 = false;
  bool is_first_ : 1 = true;     ///< no request has come yet
  bool trusted_ : 1 = false;     ///< a proxy of ours
  bool awaits_proxy_header_ : 1 = false;
  std::uint64_t place_ = 0;      ///< in the counts of addresses
};

}  // namespace berth::router
