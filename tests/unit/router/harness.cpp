// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/router/harness.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "base/unix_socket.hpp"
#include "router/http/characters.hpp"

namespace berth::router::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t bind_loopback(int socket, int family = AF_INET) {
  sockaddr_in ipv4 = loopback(0);
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_addr = in6addr_loopback;
  auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&ipv4)
                                    : reinterpret_cast<sockaddr*>(&ipv6);
  socklen_t size = family == AF_INET ? sizeof ipv4 : sizeof ipv6;
  REQUIRE(::bind(socket, address, size) == 0);
  ::getsockname(socket, address, &size);
  return ntohs(family == AF_INET ? ipv4.sin_port : ipv6.sin6_port);
}

}  // namespace

Peer::Peer(Fd socket) : socket_(std::move(socket)) {
  const timeval limit{30, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Peer Peer::to_port(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  return Peer(std::move(socket));
}

bool Peer::send(std::string_view data) {
  if (tls_) {
    std::size_t sent = 0;
    ERR_clear_error();
    return SSL_write_ex(tls_.get(), data.data(), data.size(), &sent) == 1;
  }
  while (!data.empty()) {
    const ssize_t count = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Peer::fill() {
  char buffer[65536];
  ERR_clear_error();
  const ssize_t count = tls_ ? SSL_read(tls_.get(), buffer, sizeof buffer)
                             : ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (count > 0) input_.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

std::string Peer::read_until(std::string_view end) {
  std::size_t at = 0;
  while ((at = input_.find(end)) == std::string::npos)
    if (!fill()) return {};
  std::string text = input_.substr(0, at + end.size());
  input_.erase(0, text.size());
  return text;
}

std::string Peer::read_exactly(std::size_t size) {
  while (input_.size() < size && fill()) {
  }
  std::string text = input_.substr(0, size);
  input_.erase(0, text.size());
  return text;
}

std::string Peer::read_all() {
  while (fill()) {
  }
  return std::exchange(input_, {});
}

int Peer::Message::status() const {
  return head.size() > 12 ? std::atoi(head.c_str() + 9) : 0;
}

std::string Peer::Message::header(std::string_view name) const {
  std::size_t at = 0;
  while ((at = head.find("\r\n", at)) != std::string::npos) {
    at += 2;
    const std::size_t colon = head.find(':', at);
    if (colon == std::string::npos) break;
    std::string lower = head.substr(at, colon - at);
    for (char& c : lower) c = http::to_lower(c);
    if (lower == name) return head.substr(colon + 2, head.find("\r\n", colon) - colon - 2);
  }
  return {};
}

Peer::Message Peer::read_message(bool has_body) {
  Message message;
  message.head = read_until("\r\n\r\n");
  if (!has_body) return message;
  if (message.header("transfer-encoding") == "chunked") {
    message.body = read_until("0\r\n\r\n");
  } else if (const std::string length = message.header("content-length"); !length.empty()) {
    message.body = read_exactly(std::strtoull(length.c_str(), nullptr, 10));
  }
  return message;
}

void Peer::end_sending() {
  if (tls_) SSL_shutdown(tls_.get());
  ::shutdown(socket_.get(), SHUT_WR);
}

void Peer::close() {
  tls_.reset();
  socket_.reset();
}

std::string Peer::start_tls(const TlsOffer& offer) {
  SSL_CTX* settings = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(settings, 0);  // what is refused is refused by the router
  SSL_CTX_set_min_proto_version(settings, offer.version ? offer.version : TLS1_VERSION);
  if (offer.version) SSL_CTX_set_max_proto_version(settings, offer.version);
  if (!offer.ciphers.empty())
    REQUIRE(SSL_CTX_set_cipher_list(settings, offer.ciphers.c_str()) == 1);
  if (!offer.trusted.empty()) {
    BIO* bio = BIO_new_mem_buf(offer.trusted.data(), static_cast<int>(offer.trusted.size()));
    X509* trusted = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(settings), trusted);
    X509_free(trusted);
    BIO_free(bio);
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, nullptr);
  }
  tls_ = std::shared_ptr<ssl_st>(SSL_new(settings), SSL_free);
  SSL_CTX_free(settings);
  SSL_set_fd(tls_.get(), socket_.get());
  if (!offer.host.empty()) {
    SSL_set_tlsext_host_name(tls_.get(), offer.host.c_str());
    SSL_set1_host(tls_.get(), offer.host.c_str());
  }
  std::string protocols;
  for (const std::string& name : offer.protocols)
    protocols += static_cast<char>(name.size()) + name;
  if (!protocols.empty())
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  if (offer.session) {
    // A copy: OpenSSL takes a session for bad whose connection did not end in good order.
    SSL_SESSION* session = SSL_SESSION_dup(offer.session.get());
    SSL_set_session(tls_.get(), session);
    SSL_SESSION_free(session);
  }
  ERR_clear_error();
  if (SSL_connect(tls_.get()) == 1) return {};
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason ? reason : "the connection ended";
}

std::shared_ptr<ssl_session_st> Peer::session() const {
  return {SSL_get1_session(tls_.get()), SSL_SESSION_free};
}

bool Peer::ended_whole() const {
  return (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

Server::Server(Serve serve, int family) : serve_(std::move(serve)) {
  listener_ = Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  port_ = bind_loopback(listener_.get(), family);
  REQUIRE(::listen(listener_.get(), 1024) == 0);
  accept_thread_ = std::thread([this] { accept_loop(); });
}

void Server::accept_loop() {
  while (!stop_) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) break;
    const std::lock_guard lock(mutex_);
    ++connections_;
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      Peer peer{Fd(fd)};
      serve_(peer);
      const std::lock_guard done(mutex_);
      std::erase(open_, fd);
      peer.close();
    });
  }
}

std::size_t Server::open_connections() {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

void Server::kill() {
  if (stop_.exchange(true)) return;
  ::shutdown(listener_.get(), SHUT_RDWR);
  accept_thread_.join();
  listener_.reset();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

Server::~Server() { kill(); }

std::string response(std::string_view body, std::string_view fields) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(fields) + "\r\n" + std::string(body);
}

Server::Serve always(std::string body) {
  return [body](Peer& peer) {
    while (!peer.read_message().head.empty())
      if (!peer.send(response(body))) return;
  };
}

Server::Serve answer_with(std::string text) {
  return [text](Peer& peer) {
    for (;;) {
      const Peer::Message request = peer.read_message();
      if (request.head.empty()) return;
      const std::size_t path = request.head.find(' ') + 1;
      if (!peer.send(
              response(text + request.head.substr(path, request.head.find(' ', path) - path))))
        return;
    }
  };
}

DeadPort::DeadPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  port_ = bind_loopback(socket_.get());
}

ControlPlane::ControlPlane(const std::filesystem::path& socket) {
  auto connected = connect_unix(socket);
  REQUIRE_FALSE(connected.has_error());
  peer_ = Peer(std::move(*connected));
}

void ControlPlane::send(json::object message) { send_line(to_text(message)); }

json::object ControlPlane::wait_for(std::string_view type) {
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
    if (optional_string(*kept, "type") != type) continue;
    json::object object = std::move(*kept);
    kept_.erase(kept);
    return object;
  }
  for (;;) {
    const std::string line = peer_.read_until("\n");
    if (line.empty()) return {};
    auto object = parse_json_object(line);
    if (object.has_error()) continue;
    if (optional_string(*object, "type") == type) return *object;
    if (optional_string(*object, "type") == "drained") kept_.push_back(std::move(*object));
  }
}

void ControlPlane::apply(json::object message) {
  const auto version = message.at("version").to_number<std::uint64_t>();
  send(std::move(message));
  for (;;) {
    const json::object applied = wait_for("applied");
    REQUIRE_FALSE(applied.empty());
    if (applied.at("version").to_number<std::uint64_t>() >= version) return;
  }
}

bool ControlPlane::is_closed() {
  char byte = 0;
  while (::recv(peer_.fd(), &byte, 1, 0) == 1) {
  }
  return errno != EAGAIN;
}

json::object app_json(std::string_view name, std::string_view state,
                      const std::vector<ReplicaSpec>& replicas, json::object more) {
  json::array list;
  for (std::size_t i = 0; i < replicas.size(); ++i)
    list.push_back(json::object{{"id", replicas[i].id},
                                {"name", "web." + std::to_string(i + 1)},
                                {"address", replicas[i].address},
                                {"port", replicas[i].port}});
  json::object app{{"name", name}, {"state", state}, {"replicas", std::move(list)}};
  for (auto& [key, value] : more) app[key] = value;
  return app;
}

void aside(const std::function<void()>& body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

Io io_of_this_run() {
  const char* const io = std::getenv("BERTH_ROUTER_IO");
  return io && std::string_view(io) == "io_uring" ? Io::io_uring : Io::epoll;
}

Bed::Bed(unsigned threads, std::function<void(Options&)> adjust)
    : directory(TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value()) {
  options.listen = {"127.0.0.1:0"};
  options.listen_https = {"127.0.0.1:0"};
  options.control_socket = directory.path() / "router.sock";
  options.table_file = directory.path() / "table.json";
  options.threads = threads;
  options.drain_timeout = 5s;
  options.io = io_of_this_run();
  if (adjust) adjust(options);
  REQUIRE_FALSE(make_directories(directory.path() / "log").has_error());
  start();
}

Bed::~Bed() { control.reset(); }

void Bed::start() {
  auto started = Router::start(options);
  if (started.has_error()) FAIL(started.error().message);
  router = std::move(*started);
  port_ = router->ports().empty() ? 0 : router->ports().front();
  https_port_ = router->https_ports().empty() ? 0 : router->https_ports().front();
  connect();
}

void Bed::connect() {
  control = std::make_unique<ControlPlane>(options.control_socket);
  const json::object hello = control->wait_for("hello");
  REQUIRE_FALSE(hello.empty());
}

void Bed::restart() {
  control.reset();
  router.reset();
  start();
}

void Bed::replace() {
  Options next = options;
  next.replace = true;
  auto started = Router::start(next);
  if (started.has_error()) FAIL(started.error().message);
  replaced.push_back(std::move(router));
  router = std::move(*started);
  REQUIRE(eventually([&] { return control->is_closed(); }));
  connect();
}

void Bed::put(std::string_view state, const std::vector<ReplicaSpec>& replicas, json::object more) {
  if (!std::exchange(host_is_put_, true))
    control->apply({{"type", "put_host"},
                    {"version", ++version},
                    {"host", "hello.localhost"},
                    {"app", "hello"}});
  if (!more.contains("log")) more["log"] = (directory.path() / "log").string();
  control->apply({{"type", "put_app"},
                  {"version", ++version},
                  {"app", app_json("hello", state, replicas, std::move(more))}});
}

void Bed::put_certificate(std::string_view name, const std::vector<std::string>& hosts,
                          const CertificatePem& pem, bool is_default) {
  control->apply({{"type", "put_certificate"},
                  {"version", ++version},
                  {"certificate", json::object{{"name", name},
                                               {"hosts", json::array(hosts.begin(), hosts.end())},
                                               {"default", is_default},
                                               {"chain", pem.chain},
                                               {"key", pem.key}}}});
}

std::vector<std::string> Bed::log_lines(std::size_t count) const {
  std::vector<std::string> lines;
  CHECK(eventually([&] {
    lines.clear();
    auto text = read_file(directory.path() / "log/current.log");
    if (text.has_error()) return count == 0;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text->find('\n', begin)) != std::string::npos; begin = end + 1)
      lines.push_back(text->substr(begin, end - begin));
    return lines.size() >= count;
  }));
  return lines;
}

std::string get(std::string_view path, std::string_view fields) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: hello.localhost\r\n" +
         std::string(fields) + "\r\n";
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace berth::router::test
