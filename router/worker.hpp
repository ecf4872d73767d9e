// SPDX-License-Identifier: Apache-2.0
//
// One thread of the data plane: its event loop, listeners, clients, replicas and counters.
// It shares nothing with the other threads but the published table; what it has to tell
// goes to a WorkerObserver.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "router/choose.hpp"
#include "router/client.hpp"
#include "router/counters.hpp"
#include "router/exchange.hpp"
#include "router/handles.hpp"
#include "router/http/request_head.hpp"
#include "router/http/response_head.hpp"
#include "router/loop/event_loop.hpp"
#include "router/snapshot.hpp"
#include "router/tls/context.hpp"
#include "router/worker_shared.hpp"

namespace berth::router {

/// Hears from workers, on their threads.
class WorkerObserver {
 public:
  /// The thread serves by this snapshot; it holds no pointer to an earlier one.
  virtual void adopted(const Snapshot& snapshot) = 0;
  /// A replica that the table does not have any more has no request left on this thread.
  virtual void drained(const std::string& replica_id) = 0;
  /// Requests for the app wait, for the first time since `wake_wanted` was taken back.
  virtual void wake_wanted(AppRuntime& app) = 0;
  /// The thread drains and its last client is gone.
  virtual void emptied() = 0;

 protected:
  ~WorkerObserver() = default;
};

/// An address that a thread accepts on. The socket is the thread's own (SO_REUSEPORT).
struct Listener {
  Fd socket;
  std::string port_text;
  bool tls = false;
};

struct WorkerLimits {
  std::vector<IpNetwork> trusted_proxies;  ///< whose X-Forwarded-For is believed
  std::vector<IpNetwork> proxy_protocol;   ///< whose connections begin with a PROXY header
  bool by_io_uring = false;
  std::size_t max_clients = 4096;
  std::uint32_t idle_per_replica = 128;
  std::int64_t client_idle_us = 75'000'000;
  std::int64_t head_us = 15'000'000;
  std::int64_t handshake_us = 10'000'000;
  /// Below the 5 s after which Node.js and others close: we close first, so that no request meets a
  /// connection that is being closed.
  std::int64_t upstream_idle_us = 4'000'000;
};

struct WorkerStats {
  Count accepted, clients, bad_requests, unrouted, log_bytes_lost;
  Count tls_handshakes, tls_resumed, tls_failures;
  Count http2_clients, http2_abuses;
  Count refused;  ///< connections, of addresses that had as many as they may
};

/// What is known of a password while it is being checked.
struct PasswordCheck {
  std::uint64_t authorization = 0;  ///< hash of the field
  std::uint64_t client = 0;         ///< key in AppRuntime::passwords_of_clients
  std::string user = {};
  std::string hash = {};            ///< that it must match
};

class Worker final {
 public:
  Worker(std::size_t index, std::vector<Listener> listeners, WorkerLimits limits,
         WorkerObserver& observer,
         std::shared_ptr<WorkerShared> shared = std::make_shared<WorkerShared>());
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Makes the loop; before run().
  [[nodiscard]] Result<void> open();
  /// The thread's function; returns after stop().
  void run();

  // From other threads:

  /// The next snapshot. It must live until a later one is adopted.
  void publish(const Snapshot& snapshot);
  /// Another process accepts from now on. What is connected goes on; a connection is closed when
  /// its next request is answered, and one of HTTP/2 when its streams have ended.
  void retire();
  /// No new connections; kept ones are closed when their request is answered, idle ones at once.
  void drain();
  /// Ends what is left and returns from run().
  void stop();
  [[nodiscard]] const WorkerStats& stats() const { return stats_; }
  /// Connections of clients that are open.
  [[nodiscard]] std::uint64_t open_clients() const { return stats_.clients.get(); }

  // From the thread's own clients and exchanges:

  [[nodiscard]] EventLoop& loop() { return *loop_; }
  [[nodiscard]] const WorkerLimits& limits() const { return limits_; }
  [[nodiscard]] const Snapshot& table() const { return *table_; }
  [[nodiscard]] AppHandle* app(AppSlot slot) {
    return slot < apps_.size() ? apps_[slot].get() : nullptr;
  }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] http::RequestHead& request_head() { return *request_head_; }
  [[nodiscard]] http::ResponseHead& response_head() { return *response_head_; }
  /// That plain requests are redirected to; empty: none.
  [[nodiscard]] std::string_view https_port() const { return https_port_; }
  /// Connections are closed after the request at hand.
  [[nodiscard]] bool draining() const { return ending_ != Ending::none; }
  /// Where bytes of HTTP/2 are read to: Scratch::read_size of them. What a session does while it
  /// works on them may use the loop's scratch area.
  [[nodiscard]] char* http2_input() {
    if (!http2_input_) http2_input_ = std::unique_ptr<char[]>(new char[Scratch::read_size]);
    return http2_input_.get();
  }
  [[nodiscard]] WorkerStats& stats() { return stats_; }
  [[nodiscard]] Exchange& take_exchange();
  void give_back(Exchange& exchange) { free_exchanges_.push_back(&exchange); }
  [[nodiscard]] std::string_view make_request_id(std::array<char, 36>& to);
  /// A W3C traceparent, sampled.
  [[nodiscard]] std::string_view make_trace(std::array<char, 55>& to);
  void log(AppHandle& app, const AccessRecord& record);
  void want_wake(AppHandle& app);
  /// A request on the replica has ended.
  void release(AppHandle& app, ReplicaHandle& replica);
  void client_closed();
  /// An address is known for the client's; false if it must not have another connection.
  [[nodiscard]] bool welcome(Client& client, const IpAddress& address);
  /// What to forget_check() by; 0: too many wait. Exchange::on_password_checked comes later.
  [[nodiscard]] std::uint64_t check_password(Exchange& exchange, PasswordCheck check,
                                             std::string password);
  void forget_check(std::uint64_t check) { checks_.erase(check); }
  [[nodiscard]] const KeyedHash& password_hash() const { return shared_->password_hash; }
  void leave(std::uint64_t address) { shared_->addresses->leave(address); }

 private:
  class Acceptor;
  class Waker;
  enum class Ending : std::uint8_t { none, retire, drain };

  void adopt(const Snapshot& snapshot);
  void adopt_app(const Snapshot::Change& change);
  void replace_replicas(AppHandle& handle);
  void on_wake();
  void settle_checks();
  /// When a new connection is read for the first time.
  enum class First : std::uint8_t { now, later };
  void accept_from(Acceptor& acceptor, First read);
  [[nodiscard]] bool receive(Client& client, const IpAddress& address);
  void pause_accepting(bool until_later);
  void resume_accepting();
  void begin(Ending ending);
  void tell_if_empty();
  void flush_logs(bool all);

  const std::size_t index_;
  const WorkerLimits limits_;
  WorkerObserver& observer_;
  std::vector<Listener> listeners_;
  std::string https_port_;
  std::unique_ptr<TlsContext> tls_;  ///< null: no listener speaks TLS
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Waker> waker_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  Random random_;
  std::unique_ptr<http::RequestHead> request_head_ = std::make_unique<http::RequestHead>();
  std::unique_ptr<http::ResponseHead> response_head_ = std::make_unique<http::ResponseHead>();
  std::unique_ptr<char[]> http2_input_;
  TimestampFormatter timestamps_;
  WorkerStats stats_;

  std::atomic<const Snapshot*> next_table_{nullptr};
  std::atomic<Ending> ending_asked_{Ending::none};
  std::atomic<bool> stop_asked_{false};

  const Snapshot* table_;
  std::vector<std::unique_ptr<AppHandle>> apps_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> free_exchanges_;
  List<Client, ClientsTag> clients_;
  std::size_t client_count_ = 0;
  std::vector<AppHandle*> logs_;  ///< with lines in the buffer or the file open
  std::int64_t logs_due_us_ = INT64_MAX;
  std::int64_t accept_again_us_ = INT64_MAX;
  bool accepting_ = true;
  Ending ending_ = Ending::none;
  bool told_empty_ = false;
  const bool looks_at_addresses_;

  struct PendingCheck {
    Exchange* exchange;
    PasswordCheck check;
  };
  std::unordered_map<std::uint64_t, PendingCheck> checks_;
  std::uint64_t last_check_ = 0;
  std::mutex checked_mutex_;  ///< guards what the checker's thread tells, below
  std::vector<std::pair<std::uint64_t, bool>> checked_;
  /// Last: the checker's thread has ended before what it tells to is gone.
  std::shared_ptr<WorkerShared> shared_;
};

}  // namespace berth::router
