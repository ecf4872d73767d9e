// SPDX-License-Identifier: Apache-2.0
#include "router/worker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/log.hpp"

namespace berth::router {

namespace {

constexpr std::int64_t log_flush_us = 250'000;
constexpr std::int64_t log_idle_us = 10'000'000;
constexpr std::int64_t accept_pause_us = 100'000;
constexpr int accept_batch = 64;
constexpr std::size_t large_turn = 32;

const Snapshot no_table;

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed)
    seed = reinterpret_cast<std::uintptr_t>(&seed);
  return seed;
}

/// The peer's address without its port; IPv4 in IPv6 as IPv4.
std::string_view address_text(const sockaddr_storage& address, std::array<char, 46>& to) {
  const unsigned char* v4 = nullptr;
  if (address.ss_family == AF_INET) {
    v4 = reinterpret_cast<const unsigned char*>(
        &reinterpret_cast<const sockaddr_in&>(address).sin_addr);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) {
      ::inet_ntop(AF_INET6, &v6, to.data(), to.size());
      return to.data();
    }
    v4 = v6.s6_addr + 12;
  }
  if (!v4) return "unknown";
  char* at = to.data();
  for (int i = 0; i < 4; ++i) {
    if (i) *at++ = '.';
    at = std::to_chars(at, at + 3, v4[i]).ptr;
  }
  return {to.data(), static_cast<std::size_t>(at - to.data())};
}

IpAddress ip_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr,
                bytes.size());
    return IpAddress::v4(bytes);
  }
  std::array<std::uint8_t, 16> bytes{};
  if (address.ss_family == AF_INET6)
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr,
                bytes.size());
  return IpAddress(bytes);
}

}  // namespace

class Worker::Acceptor final : public EventHandler {
 public:
  Acceptor(Worker& worker, Listener& listener) : worker_(worker), listener_(listener) {}
  void on_events(std::uint32_t) override { worker_.accept_from(*this, First::later); }
  [[nodiscard]] Listener& listener() { return listener_; }

 private:
  Worker& worker_;
  Listener& listener_;
};

/// How other threads get the worker's attention.
class Worker::Waker final : public EventHandler {
 public:
  explicit Waker(Worker& worker)
      : worker_(worker), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    static_cast<void>(!::read(event_.get(), &count, sizeof count));
    worker_.on_wake();
  }
  void wake() const {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(event_.get(), &one, sizeof one));
  }
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  Worker& worker_;
  Fd event_;
};

Worker::Worker(std::size_t index, std::vector<Listener> listeners, WorkerLimits limits,
               WorkerObserver& observer, std::shared_ptr<WorkerShared> shared)
    : index_(index),
      limits_(std::move(limits)),
      observer_(observer),
      listeners_(std::move(listeners)),
      waker_(std::make_unique<Waker>(*this)),
      random_(random_seed()),
      table_(&no_table),
      looks_at_addresses_(!limits_.trusted_proxies.empty() || !limits_.proxy_protocol.empty() ||
                          shared->addresses != nullptr),
      shared_(std::move(shared)) {}

Worker::~Worker() = default;

Result<void> Worker::open() {
  auto loop = EventLoop::create(limits_.by_io_uring);
  if (loop.has_error() && limits_.by_io_uring) {
    // The host allows it, but not so many, or not now.
    log_warning("thread {} is served by epoll: {}", index_, loop.error().message);
    loop = EventLoop::create(/*by_io_uring=*/false);
  }
  BERTH_ASSIGN(loop_, std::move(loop));
  if (const auto tls = std::ranges::find_if(listeners_, &Listener::tls); tls != listeners_.end()) {
    https_port_ = tls->port_text;
    BERTH_ASSIGN(tls_, TlsContext::create());
  }
  if (!loop_->add(waker_->fd(), EPOLLIN, *waker_)) return system_error("epoll_ctl");
  for (Listener& listener : listeners_) {
    acceptors_.push_back(std::make_unique<Acceptor>(*this, listener));
    if (!loop_->add(listener.socket.get(), EPOLLIN, *acceptors_.back()))
      return system_error("epoll_ctl");
  }
  return {};
}

void Worker::publish(const Snapshot& snapshot) {
  next_table_.store(&snapshot, std::memory_order_release);
  waker_->wake();
}

void Worker::retire() {
  ending_asked_.store(Ending::retire, std::memory_order_release);
  waker_->wake();
}

void Worker::drain() {
  ending_asked_.store(Ending::drain, std::memory_order_release);
  waker_->wake();
}

void Worker::stop() {
  stop_asked_.store(true, std::memory_order_release);
  waker_->wake();
}

void Worker::run() {
  // What waits in the backlog already may be reported before the first table's wake-up is.
  on_wake();
  while (!stop_asked_.load(std::memory_order_acquire)) {
    loop_->run_once(std::min(logs_due_us_, accept_again_us_));
    if (loop_->now_us() >= accept_again_us_) resume_accepting();
    if (loop_->now_us() >= logs_due_us_) flush_logs(false);
  }
  clients_.for_each([](Client& client) { client.stop(); });
  for (const auto& app : apps_) {
    if (!app) continue;
    for (const auto& replica : app->replicas) replica->close_idle();
  }
  flush_logs(true);
  loop_->finish();
}

void Worker::on_wake() {
  settle_checks();
  if (const Snapshot* next = next_table_.exchange(nullptr, std::memory_order_acquire)) adopt(*next);
  if (const Ending asked = ending_asked_.load(std::memory_order_acquire); asked > ending_)
    begin(asked);
}

// ---- The table ----------------------------------------------------------------------------------

void Worker::adopt(const Snapshot& snapshot) {
  table_ = &snapshot;
  if (tls_) tls_->adopt(*snapshot.certificates, *snapshot.tickets);
  for (const Snapshot::Change& change : snapshot.changes) adopt_app(change);
  observer_.adopted(snapshot);
}

void Worker::adopt_app(const Snapshot::Change& change) {
  if (change.slot >= apps_.size()) apps_.resize(change.slot + 1);
  std::unique_ptr<AppHandle>& slot = apps_[change.slot];
  if (!slot) slot = std::make_unique<AppHandle>(*change.runtime, index_);
  AppHandle& handle = *slot;
  const bool same_rules = handle.app && change.app && handle.app->rules == change.app->rules;
  if (!same_rules) handle.known_passwords.clear();
  handle.app = change.app;
  replace_replicas(handle);
  handle.log.set_directory(handle.app ? std::string_view(handle.app->log) : std::string_view(),
                           loop_->now_us());
  if (handle.held.empty()) return;
  if (handle.app) {
    const Decision decision = decide(handle.app->state, handle.regulars() > 0);
    if (decision.action == Decision::Action::hold) {
      if (decision.wake) want_wake(handle);
      return;
    }
  }
  for (Exchange* exchange : handle.held.take_all()) exchange->decide_again();
}

/// Replicas that stay keep their connections; those that go finish what they have; one that comes
/// back while it still drains is taken back.
void Worker::replace_replicas(AppHandle& handle) {
  std::vector<std::unique_ptr<ReplicaHandle>> before = std::move(handle.replicas);
  handle.replicas.clear();
  const auto take_from = [](std::vector<std::unique_ptr<ReplicaHandle>>& from,
                            const Replica& replica) {
    const auto found = std::find_if(from.begin(), from.end(),
                                    [&](const auto& h) { return h && h->replica == replica; });
    if (found == from.end()) return std::unique_ptr<ReplicaHandle>();
    std::unique_ptr<ReplicaHandle> taken = std::move(*found);
    from.erase(found);
    return taken;
  };
  const std::int64_t now = loop_->now_us();
  const bool beside_others = !before.empty();
  std::int64_t usual_wait = 0;
  for (const auto& replica : before)
    usual_wait = std::max(usual_wait, replica->standing.wait_us(now));
  const auto take = [&](const Replica& replica, bool canary) {
    const std::string& sticky = handle.app->sticky_key;
    auto kept = take_from(before, replica);
    if (!kept) kept = take_from(handle.draining, replica);
    if (!kept) {
      kept = std::make_unique<ReplicaHandle>(replica);
      kept->standing.begin(now, usual_wait, /*slow_start=*/beside_others);
    }
    kept->removed = false;
    kept->canary = canary;
    kept->sticky_token = sticky.empty() ? 0 : KeyedHash(sticky).of(replica.id);
    handle.replicas.push_back(std::move(kept));
  };
  if (handle.app) {
    for (const Replica& replica : handle.app->replicas) take(replica, false);
    for (const Replica& replica : handle.app->canaries) take(replica, true);
  }
  for (auto& gone : before) {
    gone->removed = true;
    gone->close_idle();
    if (gone->in_flight == 0) {
      observer_.drained(gone->replica.id);
    } else {
      handle.draining.push_back(std::move(gone));
    }
  }
}

void Worker::release(AppHandle& app, ReplicaHandle& replica) {
  --replica.in_flight;
  if (!replica.removed || replica.in_flight > 0) return;
  observer_.drained(replica.replica.id);
  std::erase_if(app.draining, [&](const auto& handle) { return handle.get() == &replica; });
}

void Worker::want_wake(AppHandle& app) {
  if (!app.runtime.wake_wanted.exchange(true, std::memory_order_acq_rel))
    observer_.wake_wanted(app.runtime);
}

// ---- Clients ------------------------------------------------------------------------------------

void Worker::accept_from(Acceptor& acceptor, First read) {
  // A call that finds nobody costs a tenth of a request. In a small turn it is not made: the next
  // turn, which is near, tells of those that are left.
  const bool one = read == First::later && loop_->turn_size() < large_turn;
  for (int i = 0; i < (one ? 1 : accept_batch) && accepting_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Fd socket(::accept4(acceptor.listener().socket.get(), reinterpret_cast<sockaddr*>(&address),
                        &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(true);
      return;
    }
    auto* client = new Client(*this, *loop_, std::move(socket), acceptor.listener());
    std::array<char, 46> text;
    client->set_address(address_text(address, text));
    clients_.push_front(*client);
    stats_.accepted.add();
    stats_.clients.add();
    if (++client_count_ >= limits_.max_clients) pause_accepting(false);
    if (looks_at_addresses_ && !receive(*client, ip_of(address))) {
      client->close();
      continue;
    }
    if (acceptor.listener().tls && !client->secure(*tls_)) {
      client->close();
      continue;
    }
    // After the turn's other events: by then most clients have sent their request.
    if (read == First::later) {
      loop_->resume_later(*client);
    } else {
      client->resume();
    }
  }
}

bool Worker::receive(Client& client, const IpAddress& address) {
  if (!contains(limits_.proxy_protocol, address)) return welcome(client, address);
  client.expect_proxy_header();
  return true;
}

bool Worker::welcome(Client& client, const IpAddress& address) {
  if (contains(limits_.trusted_proxies, address)) {
    client.trust();
    return true;
  }
  if (!shared_->addresses) return true;
  const std::uint64_t place = shared_->addresses->enter(address);
  if (place == 0) stats_.refused.add();
  client.set_place(place);
  return place != 0;
}

/// The kernel's backlog holds new connections meanwhile.
void Worker::pause_accepting(bool until_later) {
  if (until_later) accept_again_us_ = loop_->now_us() + accept_pause_us;
  if (!accepting_) return;
  accepting_ = false;
  for (const auto& acceptor : acceptors_) loop_->remove(acceptor->listener().socket.get());
}

void Worker::resume_accepting() {
  accept_again_us_ = INT64_MAX;
  if (accepting_ || draining() || client_count_ >= limits_.max_clients) return;
  accepting_ = true;
  for (const auto& acceptor : acceptors_)
    if (!loop_->add(acceptor->listener().socket.get(), EPOLLIN, *acceptor)) pause_accepting(true);
}

void Worker::client_closed() {
  stats_.clients.subtract();
  --client_count_;
  tell_if_empty();
  if (!accepting_ && client_count_ < limits_.max_clients - limits_.max_clients / 16)
    accept_again_us_ = loop_->now_us();
}

void Worker::begin(Ending ending) {
  if (!draining()) {
    // Connections that wait in this thread's backlog would be reset with the listener, unless
    // another process has it too.
    if (accepting_ && ending == Ending::drain)
      for (const auto& acceptor : acceptors_) accept_from(*acceptor, First::now);
    pause_accepting(false);
    // The acceptors stay: events for them may be at hand in this very turn.
    for (Listener& listener : listeners_) listener.socket.reset();
  }
  ending_ = ending;
  clients_.for_each([ending](Client& client) {
    ending == Ending::drain ? client.drain() : client.retire();
  });
  tell_if_empty();
}

void Worker::tell_if_empty() {
  if (draining() && client_count_ == 0 && !std::exchange(told_empty_, true)) observer_.emptied();
}

Exchange& Worker::take_exchange() {
  if (free_exchanges_.empty()) {
    exchanges_.push_back(std::make_unique<Exchange>(*this));
    return *exchanges_.back();
  }
  Exchange& exchange = *free_exchanges_.back();
  free_exchanges_.pop_back();
  return exchange;
}

/// A version 4 UUID; unique, not secret.
std::string_view Worker::make_request_id(std::array<char, 36>& to) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint64_t bits = random_.next();
  for (std::size_t i = 0, nibble = 0; i < to.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      to[i] = '-';
      continue;
    }
    if (nibble++ == 16) bits = random_.next();
    to[i] = digits[bits & 15];
    bits >>= 4;
  }
  to[14] = '4';
  to[19] = digits[8 + (static_cast<unsigned char>(to[19]) & 3)];
  return {to.data(), to.size()};
}

std::string_view Worker::make_trace(std::array<char, 55>& to) {
  constexpr std::string_view shape = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-01";
  static_assert(shape.size() == 55);
  std::uint64_t bits = 0;
  for (std::size_t i = 0, nibble = 0; i < to.size(); ++i) {
    to[i] = shape[i];
    if (shape[i] != 'x') continue;
    if (nibble++ % 16 == 0) bits = random_.next() | 1;  // none is all zeros
    to[i] = "0123456789abcdef"[bits & 15];
    bits >>= 4;
  }
  return {to.data(), to.size()};
}

// ---- Passwords ----------------------------------------------------------------------------------

std::uint64_t Worker::check_password(Exchange& exchange, PasswordCheck check,
                                     std::string password) {
  const std::uint64_t number = ++last_check_;
  const auto tell = [this, number](bool matches) {
    {
      const std::lock_guard lock(checked_mutex_);
      checked_.emplace_back(number, matches);
    }
    waker_->wake();
  };
  if (!shared_->passwords.submit(check.hash, std::move(password), tell)) return 0;
  checks_.emplace(number, PendingCheck{&exchange, std::move(check)});
  return number;
}

void Worker::settle_checks() {
  std::vector<std::pair<std::uint64_t, bool>> checked;
  {
    const std::lock_guard lock(checked_mutex_);
    checked.swap(checked_);
  }
  for (const auto& [number, matches] : checked) {
    const auto found = checks_.find(number);
    if (found == checks_.end()) continue;  // its client went away
    const PendingCheck pending = std::move(found->second);
    checks_.erase(found);
    pending.exchange->on_password_checked(pending.check, matches);
  }
}

// ---- Logs ---------------------------------------------------------------------------------------

void Worker::log(AppHandle& app, const AccessRecord& record) {
  const bool first = app.log.add(record, timestamps_, loop_->now_us());
  if (!app.log_is_listed) {
    app.log_is_listed = true;
    logs_.push_back(&app);
  }
  if (first) logs_due_us_ = std::min(logs_due_us_, loop_->now_us() + log_flush_us);
}

void Worker::flush_logs(bool all) {
  const std::int64_t now = loop_->now_us();
  std::erase_if(logs_, [&](AppHandle* app) {
    app->log.flush(now);
    app->log.release_if_idle(now);
    stats_.log_bytes_lost.add(app->log.take_lost_bytes());
    app->log_is_listed = app->log.is_open();
    return !app->log_is_listed;
  });
  logs_due_us_ = logs_.empty() || all ? INT64_MAX : now + log_idle_us;
}

}  // namespace berth::router
