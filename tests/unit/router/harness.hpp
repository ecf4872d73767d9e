// SPDX-License-Identifier: Apache-2.0
//
// A router inside the test, with what stands around it: a control plane, small blocking servers as
// replicas, and clients that say exactly the bytes they are given.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/certificate.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "router/router.hpp"
#include "router/worker.hpp"

struct ssl_st;
struct ssl_session_st;

namespace berth::router::test {

using namespace std::chrono_literals;

/// How a client asks for TLS.
struct TlsOffer {
  std::string host = "hello.localhost";         ///< asked for by SNI; "": none
  std::string trusted = {};                     ///< PEM; "": any certificate will do
  int version = 0;                              ///< OpenSSL's number of the only one; 0: any
  std::string ciphers = {};                     ///< of TLS 1.2
  std::vector<std::string> protocols = {};      ///< by ALPN
  std::shared_ptr<ssl_session_st> session = {}; ///< to resume
};

/// A blocking connection that gives up after ten seconds, so that a lost byte fails a test and does
/// not hang it.
class Peer final {
 public:
  Peer() = default;
  explicit Peer(Fd socket);
  [[nodiscard]] static Peer to_port(std::uint16_t port);

  /// False when the other side is gone.
  bool send(std::string_view data);
  /// Up to and with `end`; what came behind it waits for the next call. ""
  /// if the stream ends before.
  [[nodiscard]] std::string read_until(std::string_view end);
  [[nodiscard]] std::string read_exactly(std::size_t size);
  /// To the end of the stream.
  [[nodiscard]] std::string read_all();
  /// One response or request with a body framed by Content-Length or chunks (kept as they are).
  struct Message {
    std::string head;
    std::string body;
    [[nodiscard]] int status() const;
    [[nodiscard]] std::string header(std::string_view name) const;
    [[nodiscard]] std::string text() const { return head + body; }
  };
  [[nodiscard]] Message read_message(bool has_body = true);
  void end_sending();
  /// At once; with TLS, without the notice that the stream has ended.
  void close();
  /// "" once the connection is TLS, else the reason why not.
  [[nodiscard]] std::string start_tls(const TlsOffer& offer);
  [[nodiscard]] ssl_st* tls() const { return tls_.get(); }
  [[nodiscard]] std::shared_ptr<ssl_session_st> session() const;
  /// Whether the stream ended with TLS's notice of it.
  [[nodiscard]] bool ended_whole() const;
  /// Closes with a reset.
  void reset();
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  [[nodiscard]] bool fill();
  Fd socket_;
  std::shared_ptr<ssl_st> tls_;
  std::string input_;
};

/// A server on a port of its own: `serve` is called for each connection, on a thread of it.
class Server final {
 public:
  using Serve = std::function<void(Peer& peer)>;
  explicit Server(Serve serve, int family = AF_INET);
  ~Server();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] std::size_t open_connections();
  /// Closes the listener and every connection, as a killed process does.
  void kill();

 private:
  void accept_loop();
  Serve serve_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accept_thread_;
};

/// Answers each request on a connection with this body.
[[nodiscard]] Server::Serve always(std::string body);
/// Answers each request on a connection with `text` and the request's path.
[[nodiscard]] Server::Serve answer_with(std::string text);
/// A response with Content-Length.
[[nodiscard]] std::string response(std::string_view body, std::string_view fields = "");

/// A port that refuses connections (bound, not listening).
class DeadPort final {
 public:
  DeadPort();
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Fd socket_;
  std::uint16_t port_ = 0;
};

class ControlPlane final {
 public:
  explicit ControlPlane(const std::filesystem::path& socket);
  void send(json::object message);
  void send_line(std::string_view line) { peer_.send(std::string(line) + "\n"); }
  /// The next message of the type; others are skipped, but for "drained", which is kept for its
  /// turn. An empty object if none comes.
  [[nodiscard]] json::object wait_for(std::string_view type);
  /// Sends and waits until it is applied.
  void apply(json::object message);
  [[nodiscard]] bool is_closed();

 private:
  Peer peer_;
  std::vector<json::object> kept_;
};

struct ReplicaSpec {
  std::string id;
  std::uint16_t port;
  std::string address = "127.0.0.1";
};
[[nodiscard]] json::object app_json(std::string_view name, std::string_view state,
                                    const std::vector<ReplicaSpec>& replicas,
                                    json::object more = {});

/// BERTH_ROUTER_IO of the environment: the tests run with either loop.
[[nodiscard]] Io io_of_this_run();

/// For a worker without a control thread.
struct Deaf final : WorkerObserver {
  void adopted(const Snapshot&) override {}
  void drained(const std::string&) override {}
  void wake_wanted(AppRuntime&) override {}
  void emptied() override {}
};

/// A router with its directory, and a control plane that is connected.
class Bed {
 public:
  explicit Bed(unsigned threads = 1, std::function<void(Options&)> adjust = {});
  ~Bed();
  /// App "hello" at hello.localhost in the state, with these replicas.
  void put(std::string_view state, const std::vector<ReplicaSpec>& replicas,
           json::object more = {});
  [[nodiscard]] Peer client() const { return Peer::to_port(port()); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A connection to the HTTPS port, before its handshake.
  [[nodiscard]] Peer https_client() const { return Peer::to_port(https_port()); }
  [[nodiscard]] std::uint16_t https_port() const { return https_port_; }
  void put_certificate(std::string_view name, const std::vector<std::string>& hosts,
                       const CertificatePem& pem, bool is_default = false);
  /// The lines of the access log once there are `count` of them.
  [[nodiscard]] std::vector<std::string> log_lines(std::size_t count) const;
  void restart();
  /// Another router takes the place of this one, which goes on for what is connected to it.
  void replace();

  TempDir directory;
  Options options;
  std::vector<std::unique_ptr<Router>> replaced;
  std::unique_ptr<Router> router;
  std::unique_ptr<ControlPlane> control;
  std::uint64_t version = 0;

 private:
  void start();
  void connect();
  bool host_is_put_ = false;
  // For clients' threads, also while a router is replaced, which has them too.
  std::uint16_t port_ = 0;
  std::uint16_t https_port_ = 0;
};

/// Runs it on a thread of its own.
void aside(const std::function<void()>& body);
/// A GET for hello.localhost.
[[nodiscard]] std::string get(std::string_view path, std::string_view fields = "");
/// Waits until `condition` holds, ten seconds at most; whether it does.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

}  // namespace berth::router::test
