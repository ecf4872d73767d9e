// SPDX-License-Identifier: Apache-2.0
//
// One HTTP/1 client connection: reads heads and bodies, has at most one exchange at
// a time (pipelined requests wait their turn), writes what the exchange gives it.
// Owned by its worker's list.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "router/loop/connection.hpp"

namespace berth::router {

class Exchange;
class Worker;
struct ClientsTag;
struct Listener;

class Client final : public Connection, public Hook<ClientsTag> {
 public:
  Client(Worker& worker, EventLoop& loop, Fd socket, const Listener& listener);
  ~Client() override;

  /// The peer's address as text, at most 45 characters.
  void set_address(std::string_view text);
  [[nodiscard]] std::string_view address() const { return {address_.data(), address_size_}; }
  [[nodiscard]] const Listener& listener() const { return *listener_; }
  /// The connection speaks TLS; before anything is read. False if memory is short.
  [[nodiscard]] bool secure(TlsContext& context);

  void on_events(std::uint32_t events) override;
  void on_deadline() override;
  void resume() override;

  // For the exchange:

  /// Bytes behind the current request's: they belong to the next one, or to a tunnel.
  void keep(std::string_view data);
  /// The exchange has ended and is gone. `linger`: the request was not read to its end.
  void exchange_done(bool keep_alive, bool linger);
  /// Ends the connection at once; whoever reads sees that the response is cut off.
  void abort();
  /// The connection is dead: its exchange ends with it.
  void lost();
  /// The exchange is a tunnel now: what was kept goes first.
  [[nodiscard]] Buffer take_kept() { return std::move(kept_); }
  void end_sending();
  [[nodiscard]] bool is_idle() const { return !exchange_ && !closing_; }
  [[nodiscard]] Exchange* exchange() const { return exchange_; }
  void close();
  /// As close(), in good order: the other side is told.
  void end();

 private:
  void note_handshake();
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
  Buffer kept_;
  /// Of a handshake, then of a head. 0: no part of a head is here yet.
  std::int64_t head_deadline_us_ = 0;
  std::array<char, 46> address_;
  std::uint8_t address_size_ = 0;
  bool closing_ = false;    ///< after the unsent bytes are out
  bool linger_ = false;     ///< then the rest of the input is discarded first
  bool lingering_ = false;
  bool end_after_flush_ = false;
  bool handshaking_ = false;
};

}  // namespace berth::router
