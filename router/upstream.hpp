// SPDX-License-Identifier: Apache-2.0
//
// One connection to a replica. It is connecting or serving for an exchange, or idle
// in the replica's pool of its thread; what it reads goes to the exchange. It is
// owned by whichever has it.
#pragma once

#include <memory>

#include "router/loop/connection.hpp"

namespace berth::router {

class Exchange;
struct ReplicaHandle;
struct IdleTag;

class Upstream final : public Connection, public Hook<IdleTag> {
 public:
  /// Begins to connect for `exchange`, which hears the outcome. An immediate refusal is the error.
  [[nodiscard]] static Result<Upstream*> connect(EventLoop& loop, ReplicaHandle& replica,
                                                 Exchange& exchange);

  void on_events(std::uint32_t events) override;
  void on_deadline() override;  ///< idle for too long
  void resume() override;

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
  [[nodiscard]] bool is_clean() const { return !peer_ended_ && !broken_ && !readable_; }
  /// Whether the replica has closed it by now, asked of the kernel.
  [[nodiscard]] bool is_stale() const;
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

  ReplicaHandle* replica_;
  Exchange* exchange_;
  Buffer stash_;
  std::uint64_t sent_before_ = 0;  ///< bytes of earlier requests on this connection
  bool connecting_ = true;
  bool end_after_flush_ = false;
};

}  // namespace berth::router
