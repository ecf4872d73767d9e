// SPDX-License-Identifier: Apache-2.0
//
// One connection to a replica. It is connecting or serving for an exchange, or idle
// in the replica's pool of its thread; what it reads goes to the exchange. It is
// owned by whichever has it.
#pragma once

#include <memory>

#include "router/http2/origin.hpp"
#include "router/loop/connection.hpp"

namespace berth::router {

class Exchange;
struct ReplicaHandle;
struct IdleTag;

class Upstream final : public Connection, public Hook<IdleTag> {
 public:
  /// Begins to connect for `exchange`, which hears the outcome. An immediate refusal is the error.
  /// `by_http2`: the replica is spoken to by HTTP/2, while the exchange goes on in HTTP/1.1.
  [[nodiscard]] static Result<Upstream*> connect(EventLoop& loop, ReplicaHandle& replica,
                                                 Exchange& exchange, bool by_http2);

  void on_events(std::uint32_t events) override;
  void on_deadline() override;  ///< idle for too long
  void resume() override;

  [[nodiscard]] Sent send(std::string_view data) {
    return http2_ ? send_by_http2(data) : Connection::send(data);
  }
  [[nodiscard]] bool is_blocked() const {
    return Connection::is_blocked() || (http2_ && http2_->is_blocked());
  }
  /// Takes it out of the idle pool for a request.
  void assign(Exchange& exchange);
  /// Back into the idle pool.
  void park(std::int64_t close_at_us);
  void close();
  /// Keeps the beginning of a head until the rest comes.
  void stash(std::string_view data);
  [[nodiscard]] bool has_stash() const { return static_cast<bool>(stash_); }
  /// No more will be sent to the replica, but its answer is still read (tunnels).
  void end_sending();
  /// Nothing arrived behind the last response and the replica has not closed.
  [[nodiscard]] bool is_clean() const { 
    return !peer_ended_ && !broken_ && !readable_ && (!http2_ || http2_->is_reusable());
  }
  /// Whether the replica has closed it by now, asked of the kernel.
  [[nodiscard]] bool is_stale() const;
  /// No byte of the request at hand has left: it waited, or failed to be sent.
  [[nodiscard]] bool has_sent_nothing() const {
    return bytes_written() - queued() == sent_before_;
  }
  /// After the replica ended the stream: whether it did so before any byte of the request reached
  /// it. Its FIN acknowledges all that its kernel had received; what is not acknowledged by then
  /// meets a closed socket and is never read.
  [[nodiscard]] bool request_was_not_received() const;
  /// Reads on although the replica takes nothing any more: it may have answered early.
  void read_last_words();

 private:
  Upstream(EventLoop& loop, Fd socket, ReplicaHandle& replica, Exchange& exchange)
      : Connection(loop, std::move(socket)), replica_(&replica), exchange_(&exchange) {
    readable_ = false;
    writable_ = false;
  }
  void on_connect_event();
  void after_flush();
  [[nodiscard]] Sent send_by_http2(std::string_view data);
  /// Sends the frames that wait, as far as the replica takes them; false if that fails.
  [[nodiscard]] bool send_frames();
  void read_by_http2();
  /// What was read, as text for the exchange.
  void take_frames(std::string_view data);

  ReplicaHandle* replica_;
  Exchange* exchange_;
  std::unique_ptr<Http2Origin> http2_;  ///< null: HTTP/1.1
  Buffer stash_;
  std::uint64_t sent_before_ = 0;  ///< bytes of earlier requests on this connection
  bool connecting_ = true;
  bool end_after_flush_ = false;
};

}  // namespace berth::router
