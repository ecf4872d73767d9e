// SPDX-License-Identifier: Apache-2.0
#include "router/router.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/log.hpp"
#include "router/control.hpp"
#include "router/handover.hpp"
#include "router/listen.hpp"
#include "router/loop/ring.hpp"
#include "router/worker.hpp"

namespace berth::router {

namespace {

std::int64_t us(std::chrono::milliseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

/// Raises the limit of open files as far as it goes and shares it out: three of four for clients,
/// the rest for replicas, logs and the control plane.
std::size_t clients_a_thread(std::size_t threads) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto files = static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  return std::max<std::size_t>(files * 3 / 4 / threads, 16);
}

Result<std::vector<IpNetwork>> networks_of(const std::vector<std::string>& texts) {
  std::vector<IpNetwork> networks;
  for (const std::string& text : texts) {
    BERTH_ASSIGN(const IpNetwork network, IpNetwork::parse(text));
    networks.push_back(network);
  }
  return networks;
}

bool chooses_io_uring(Io io) {
  if (io != Io::io_uring) return false;
  const auto allowed = Ring::check();
  if (allowed.has_error())
    log_warning("router.io is io_uring, which this host refuses ({}): epoll serves instead",
                allowed.error().message);
  return allowed.has_value();
}

}  // namespace

class Router::Core final {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Core>> start(const Options& options) {
    auto core = std::make_unique<Core>();
    const std::size_t threads =
        options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    std::optional<Handover> before;
    if (options.replace) {
      BERTH_ASSIGN(before, ask_for_handover(options.control_socket));
    }
    std::vector<std::vector<Listener>> listeners(threads);
    std::vector<HandedListener> offered;
    for (const bool tls : {false, true}) {
      for (const std::string& address : tls ? options.listen_https : options.listen) {
        const std::string kind = tls ? "https" : "http";
        std::vector<Fd> inherited;
        if (before) inherited = before->take(kind, address);
        BERTH_ASSIGN(TcpListeners bound, listen_tcp(address, threads, std::move(inherited)));
        (tls ? core->https_ports_ : core->ports_).push_back(bound.port);
        for (std::size_t i = 0; i < bound.sockets.size(); ++i) {
          offered.push_back({kind, address,
                             Fd(::fcntl(bound.sockets[i].get(), F_DUPFD_CLOEXEC, 3))});
          listeners[i % threads].push_back(
              {std::move(bound.sockets[i]), std::to_string(bound.port), tls});
        }
      }
    }
    BERTH_ASSIGN(core->control_, Control::open({.socket = options.control_socket,
                                                .table_file = options.table_file,
                                                .admin_listen = options.admin_listen,
                                                .threads = threads,
                                                .retire_timeout = options.retire_timeout,
                                                .on_retired = options.on_retired},
                                               before ? &*before : nullptr));
    core->control_->offer(std::move(offered));
    WorkerLimits limits;
    limits.by_io_uring = chooses_io_uring(options.io);
    log_info("connections are served by {}", limits.by_io_uring ? "io_uring" : "epoll");
    limits.max_clients = clients_a_thread(threads);
    limits.client_idle_us = us(options.client_idle_timeout);
    limits.head_us = us(options.head_timeout);
    limits.handshake_us = us(options.handshake_timeout);
    BERTH_ASSIGN(limits.trusted_proxies, networks_of(options.trusted_proxies));
    BERTH_ASSIGN(limits.proxy_protocol, networks_of(options.proxy_protocol));
    if (options.max_connections_per_address)
      core->shared_->addresses =
          std::make_unique<AddressCounts>(options.max_connections_per_address);
    std::vector<Worker*> workers;
    for (std::size_t i = 0; i < threads; ++i) {
      core->workers_.push_back(
          std::make_unique<Worker>(i, std::move(listeners[i]), limits, *core->control_,
                                   core->shared_));
      BERTH_TRY(core->workers_.back()->open());
      workers.push_back(core->workers_.back().get());
    }
    // The table of the last run is published first: no early request meets an empty one.
    core->control_->start(std::move(workers));
    for (const auto& worker : core->workers_)
      core->threads_.emplace_back([&target = *worker] { target.run(); });
    if (before) {
      BERTH_TRY(before->finish());
      core->control_->take_charge();
    }
    return core;
  }

  ~Core() { stop(std::chrono::milliseconds(0)); }

  void stop(std::chrono::milliseconds drain_timeout) {
    if (!threads_.empty()) {
      control_->withdraw();
      for (const auto& worker : workers_) worker->drain();
      if (drain_timeout.count() > 0 && !control_->wait_until_empty(drain_timeout))
        log_warning("some requests were cut off at the drain deadline");
      for (const auto& worker : workers_) worker->stop();
      for (std::thread& thread : threads_) thread.join();
      threads_.clear();
    }
    shared_->passwords.stop();
    if (control_) control_->stop();
  }

  std::vector<std::uint16_t> ports_;
  std::vector<std::uint16_t> https_ports_;
  std::unique_ptr<Control> control_;  // outlives the workers, which report to it
  std::shared_ptr<WorkerShared> shared_ = std::make_shared<WorkerShared>();
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::chrono::milliseconds drain_timeout_{0};
};

Router::Router(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::start(const Options& options) {
  BERTH_ASSIGN(auto core, Core::start(options));
  core->drain_timeout_ = options.drain_timeout;
  return std::unique_ptr<Router>(new Router(std::move(core)));
}

const std::vector<std::uint16_t>& Router::ports() const { return core_->ports_; }
const std::vector<std::uint16_t>& Router::https_ports() const { return core_->https_ports_; }
std::uint16_t Router::admin_port() const { return core_->control_->admin_port(); }
void Router::stop() { core_->stop(core_->drain_timeout_); }

int run(const Options& options) {
  set_log_role("router");
  ::signal(SIGPIPE, SIG_IGN);
  // Blocked before threads start, so that they inherit it and sigwait gets the signal.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Options whole = options;
  whole.on_retired = [] { ::kill(::getpid(), SIGTERM); };
  auto router = Router::start(whole);
  if (router.has_error()) {
    std::fprintf(stderr, "berth router: %s\n", router.error().message.c_str());
    return 1;
  }
  for (std::size_t i = 0; i < options.listen.size(); ++i)
    log_info("listening on {} (port {})", options.listen[i], (*router)->ports()[i]);
  for (std::size_t i = 0; i < options.listen_https.size(); ++i)
    log_info("listening on {} with TLS (port {})", options.listen_https[i],
             (*router)->https_ports()[i]);
  int signal = 0;
  ::sigwait(&signals, &signal);
  log_info("stopping: requests in flight have {} ms", options.drain_timeout.count());
  (*router)->stop();
  return 0;
}

}  // namespace berth::router
