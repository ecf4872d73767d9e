// SPDX-License-Identifier: Apache-2.0
//
// One request and its response, from the scanned head to the line in the log: which app, held
// or not, which replica, tried again or not, how the bytes flow, how it ends. Every exchange
// ends exactly once, in finish(). Pooled by its worker; at any time it belongs to one requester,
// and has at most one upstream.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "router/errors.hpp"
#include "router/http/body.hpp"
#include "router/http/request_head.hpp"
#include "router/http/rewrite.hpp"
#include "router/loop/event_loop.hpp"
#include "router/requester.hpp"
#include "router/routing.hpp"

namespace berth::router {

class Upstream;
class Worker;
struct AppHandle;
struct PasswordCheck;
struct RateLimit;
struct ReplicaHandle;
struct Rules;

/// Of the cookie that keeps a client at its replica: name and "=".
inline constexpr std::string_view sticky_cookie = "berth_affinity=";

class Exchange final : public Timed {
 public:
  explicit Exchange(Worker& worker) : worker_(worker) {}

  /// `rest` are the bytes read behind the head.
  void start(Requester& requester, const http::RequestHead& head, const char* rest,
             std::size_t size);
  /// Its app has changed while it waited: decides anew.
  void decide_again();
  void on_password_checked(const PasswordCheck& check, bool matches);

  // From the requester:
  [[nodiscard]] bool takes_request_bytes() const;
  [[nodiscard]] bool upstream_is_blocked() const;
  /// Whether the end of the client's stream means that nobody waits for the answer.
  [[nodiscard]] bool ends_with_client() const { return phase_ != Phase::tunnel; }
  void on_request_bytes(const char* data, std::size_t size);
  /// The client ended its side; true if the exchange goes on (a tunnel, half closed).
  [[nodiscard]] bool on_client_ended();
  void on_client_gone();
  void on_client_flushed();

  // From the upstream:
  [[nodiscard]] bool takes_response() const;
  /// How much of it to read at once.
  [[nodiscard]] std::size_t appetite() const;
  void on_connected();
  void on_connect_failed(ErrorCode code);
  void on_response_bytes(char* data, std::size_t size);
  /// What the replica says is not of its protocol.
  void on_response_invalid(std::string_view reason);
  void on_upstream_ended(bool reset);
  void on_upstream_flushed();

  void on_deadline() override;
  /// The router stops: ends it wherever it is.
  void cut_off();

 private:
  enum class Phase : std::uint8_t { free, checking, held, connecting, waiting, responding, tunnel };

  // exchange_gate.cpp: whether it may pass. `client`: the address that it comes from.
  void believe_proxy(const http::RequestHead& head, http::RequestContext& context);
  void admit(const http::RequestHead& head, std::string_view client, std::size_t body_begun);
  [[nodiscard]] static bool is_allowed(const Rules& rules, std::string_view client);
  [[nodiscard]] bool obeys(const Rules& rules, const http::RequestHead& head,
                           std::string_view client, std::size_t body_begun);
  [[nodiscard]] bool is_in_time(const RateLimit& limit, const http::RequestHead& head,
                                std::string_view client);
  [[nodiscard]] bool is_known(const Rules& rules, const http::RequestHead& head,
                              std::string_view client);
  void challenge();
  [[nodiscard]] ReplicaHandle* sticky_replica() const;
  [[nodiscard]] std::string_view sticky_cookie_for(
      std::array<char, http::max_cookie_size>& to) const;

  void dispatch();
  void hold(const Decision& decision);
  void connect();
  void send_request();
  /// Ends the attempt; tries again where that is safe, else fails with the code.
  void attempt_failed(ErrorCode code);
  void detach_upstream(bool reuse);
  /// Of a request that brings none; else nothing.
  [[nodiscard]] std::string_view begun_trace(const http::RequestHead& head,
                                             std::array<char, 55>& to);
  [[nodiscard]] bool is_logged(ErrorCode error);
  [[nodiscard]] ReplicaHandle& choose();
  /// The replica has answered, with this status.
  void note_answer(int status);
  /// `fields`: lines for the head of the answer.
  void fail(ErrorCode code, std::string_view message = {}, int status = 0,
            std::string_view fields = {});
  void redirect();
  void answer(const std::string& response, int status, ErrorCode code, bool keep);
  /// Counts what was sent; false if nobody is there any more, and the exchange has ended.
  [[nodiscard]] bool note_sent(Requester::Outcome sent);
  void forward_interim(const http::ResponseHead& head);
  void start_response(const http::ResponseHead& head, char* data, std::size_t size);
  void start_tunnel(const http::ResponseHead& head, char* data, std::size_t size);
  void forward_body(char* data, std::size_t size);
  /// Takes the framing off where the requester's protocol has its own.
  [[nodiscard]] http::Body::Step follow_response(char* data, std::size_t size);
  void response_sent(bool last);
  void response_complete();
  void tunnel_ended();
  void cut_response(ErrorCode code);
  /// Logs, counts, and gives the exchange back to the pool. The client goes on afterwards.
  void finish(ErrorCode error);
  void set_deadline(std::int64_t in_us);
  void expect_progress();
  [[nodiscard]] std::string_view part(http::RewrittenRequest::Range range) const;

  Worker& worker_;
  Requester* requester_ = nullptr;
  Upstream* upstream_ = nullptr;
  AppHandle* app_ = nullptr;
  ReplicaHandle* replica_ = nullptr;
  /// The rewritten head and the body bytes that came with it: sent again on
  /// a retry, read by the log.
  Buffer request_;
  http::RewrittenRequest parts_;
  http::Body request_body_;
  http::Body response_body_;
  std::string trailers_;  ///< of the answer, where its chunks are taken off

  std::int64_t started_us_ = 0;
  std::int64_t held_since_us_ = 0;
  std::int64_t held_us_ = -1;
  std::int64_t connect_started_us_ = 0;
  std::int64_t connect_us_ = -1;
  std::int64_t sent_us_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t body_left_ = UINT64_MAX;  ///< of what the app's rules take
  std::uint64_t check_ = 0;               ///< of a password, that is waited for
  std::uint64_t sticky_token_ = 0;        ///< of the client's cookie; 0: none
  std::array<const ReplicaHandle*, max_attempts> tried_{};
  int attempts_ = 0;
  int status_ = 0;
  ErrorCode hold_error_ = ErrorCode::none;
  Phase phase_ = Phase::free;
  http::Accepts accepts_ = http::Accepts::text;
  bool secure_ = false;            ///< the client speaks TLS, to us or to a proxy of ours
  bool is_head_ = false;
  bool idempotent_ = false;
  bool http_1_0_ = false;
  bool keep_alive_ = false;
  bool upgrade_ = false;
  bool by_http2_ = false;          ///< gRPC, whose servers speak nothing else
  bool reused_ = false;
  bool nothing_received_ = false;  ///< not one byte of the request got to the replica
  bool replayable_ = true;
  bool fresh_only_ = false;        ///< a kept connection failed: none is used again
  bool upstream_reusable_ = false;
  bool decode_chunks_ = false;
  bool request_refused_ = false;   ///< the replica takes no more of the body
  bool client_ended_ = false;      ///< tunnels: half closed
  bool admitted_ = false;          ///< its app's rules let it pass
  bool sent_whole_ = false;        ///< with its head
  bool by_canary_ = false;         ///< the last replica that was asked is one
  bool upstream_ended_ = false;
};

}  // namespace berth::router
