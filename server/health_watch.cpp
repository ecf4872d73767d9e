// SPDX-License-Identifier: Apache-2.0
#include "server/health_watch.hpp"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <utility>

#include "base/tasks.hpp"

namespace berth::server {

namespace asio = boost::asio;
using runtime::Health;
using runtime::ReplicaId;

struct HealthWatch::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor the_strand, asio::thread_pool& the_pool, runtime::Engine& the_engine,
        Changed what_changed)
      : strand(std::move(the_strand)),
        pool(the_pool),
        engine(the_engine),
        changed(std::move(what_changed)),
        tasks(strand) {}

  struct Watched {
    HealthTarget target;
    Health health;
    std::unique_ptr<asio::steady_timer> timer;
    std::map<std::size_t, std::shared_ptr<HealthTry>> tries = {};  ///< by check
  };

  asio::any_io_executor strand;
  asio::thread_pool& pool;
  runtime::Engine& engine;
  Changed changed;
  TaskGroup tasks;
  std::map<ReplicaId, Watched> replicas;
  bool stopped = false;

  void look(const ReplicaId& id) {
    const auto found = replicas.find(id);
    if (found == replicas.end() || stopped) return;
    Watched& watched = found->second;
    const Time at = now();
    for (const std::size_t check : watched.health.due(at)) {
      const auto attempt = watched.tries[check] = std::make_shared<HealthTry>();
      tasks.spawn(carry_out(shared_from_this(), watched.target, check,
                            watched.health.checks()[check].rule, attempt));
    }
    const Time next = watched.health.next();
    if (next == Time{}) return;
    watched.timer->expires_after(std::max(next - at, Duration::zero()));
    watched.timer->async_wait([self = weak_from_this(), id](boost::system::error_code cancelled) {
      const auto state = self.lock();
      if (!cancelled && state) state->look(id);
    });
  }

  /// Ends what is tried in it.
  void drop(const ReplicaId& id) {
    const auto found = replicas.find(id);
    if (found == replicas.end()) return;
    const auto tries = std::exchange(found->second.tries, {});
    replicas.erase(found);
    for (const auto& [check, attempt] : tries)
      if (attempt->end) attempt->end();
  }

  static asio::awaitable<void> carry_out(std::shared_ptr<State> self, HealthTarget target,
                                         std::size_t check, platform::HealthCheck rule,
                                         std::shared_ptr<HealthTry> attempt) {
    const ReplicaId id = target.id;
    const auto answer = co_await probe(self->pool, self->engine, std::move(target),
                                       std::move(rule), std::move(attempt));
    const auto found = self->replicas.find(id);
    if (found == self->replicas.end() || self->stopped) co_return;
    Health& health = found->second.health;
    const bool was_ready = health.ready();
    const bool was_condemned = !health.verdict().empty();
    const auto notices = health.answer(check, answer, now());
    const bool differs =
        health.ready() != was_ready || was_condemned == health.verdict().empty();
    self->look(id);
    if (differs || !notices.empty()) self->changed(id, notices);
  }
};

HealthWatch::HealthWatch(asio::any_io_executor strand, asio::thread_pool& pool,
                         runtime::Engine& engine, Changed changed)
    : state_(std::make_shared<State>(std::move(strand), pool, engine, std::move(changed))) {}

void HealthWatch::begin(const HealthTarget& target, Health health) {
  auto& watched = state_->replicas[target.id];
  watched = {.target = target,
             .health = std::move(health),
             .timer = std::make_unique<asio::steady_timer>(state_->strand)};
  state_->look(target.id);
}

void HealthWatch::forget(const ReplicaId& id) { state_->drop(id); }

const Health* HealthWatch::find(const ReplicaId& id) const {
  const auto found = state_->replicas.find(id);
  return found == state_->replicas.end() ? nullptr : &found->second.health;
}

asio::awaitable<void> HealthWatch::stop() {
  const std::shared_ptr<State> state = state_;
  state->stopped = true;
  while (!state->replicas.empty()) {
    const ReplicaId id = state->replicas.begin()->first;
    state->drop(id);
  }
  co_await state->tasks.join();
}

}  // namespace berth::server
