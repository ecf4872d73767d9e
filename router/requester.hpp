// SPDX-License-Identifier: Apache-2.0
//
// Who waits for the answer of an exchange: a Client of HTTP/1, or a Stream of HTTP/2. An exchange
// knows no more of either than this; each says what it is given in its own protocol.
#pragma once

#include <cstddef>
#include <string_view>

#include "router/http/response_head.hpp"
#include "router/http/rewrite.hpp"
#include "router/loop/buffer.hpp"

namespace berth::router {

struct Listener;

class Requester {
 public:
  struct Outcome {
    bool ok = true;  ///< false: the connection is dead
    std::size_t bytes = 0;
  };

  [[nodiscard]] virtual const Listener& listener() const = 0;
  /// The peer's address as text.
  [[nodiscard]] virtual std::string_view address() const = 0;
  /// It is a proxy of ours: what it says of the client is true.
  [[nodiscard]] virtual bool is_trusted() const = 0;
  /// The protocol frames bodies itself: it is given them without chunks, trailers apart.
  [[nodiscard]] virtual bool frames_bodies() const = 0;

  /// Has bytes of the answer that nobody took yet: it must not be given more.
  [[nodiscard]] virtual bool is_blocked() const = 0;
  /// How much of the answer to read at once.
  [[nodiscard]] virtual std::size_t appetite() const = 0;

  // What is sent. `data` has room in front for a rewritten head; `last`: the answer ends here.
  [[nodiscard]] virtual Outcome send_interim(const http::ResponseHead& head) = 0;
  [[nodiscard]] virtual Outcome send_response(const http::ResponseHead& head,
                                           const http::ResponseContext& context, char* data,
                                           std::size_t size, bool last,
                                           std::string_view trailers) = 0;
  [[nodiscard]] virtual Outcome send_body(char* data, std::size_t size, bool last,
                                       std::string_view trailers) = 0;
  /// An answer of the router's own, whole, as HTTP/1.1.
  [[nodiscard]] virtual Outcome send_answer(std::string_view response) = 0;
  /// The replica switched protocols: what is sent from now on is the tunnel's.
  [[nodiscard]] virtual Outcome send_switch(const http::ResponseHead& head, char* data,
                                         std::size_t size) = 0;
  /// Tunnels: nothing more comes from the replica.
  virtual void end_sending() = 0;

  /// Bytes behind the current request's: they belong to the next one, or to a tunnel.
  virtual void keep(std::string_view data) = 0;
  [[nodiscard]] virtual Buffer take_kept() = 0;
  /// The exchange takes bytes of the request from now on, or again. Soon: it returns first.
  virtual void read_later() = 0;
  virtual void read_on() = 0;

  /// The exchange has ended and is gone. `linger`: the request was not read to its end.
  virtual void exchange_done(bool keep_alive, bool linger) = 0;
  /// The answer ends here and is not whole: whoever reads sees that.
  virtual void abort() = 0;
  /// Nobody is there any more: the exchange ends with it.
  virtual void lost() = 0;

 protected:
  ~Requester() = default;
};

}  // namespace berth::router
