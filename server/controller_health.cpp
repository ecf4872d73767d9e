// SPDX-License-Identifier: Apache-2.0
//
// The controller's ear for health checks: which replicas have some, and what an answer changes. And
// its eye on their memory.
#include <boost/asio/post.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "platform/size.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

using runtime::Health;
using runtime::ReplicaState;

void Controller::begin_checks(Replica& replica, bool adopted) {
  const runtime::ReplicaSpec& spec = replica.status.spec;
  replica.ready_at = replica.status.ready_at;
  if (health_.find(spec.id) || replica.status.stopping) return;
  const platform::AppId app(spec.app_id);
  const auto release = parts_.store.find_release(app, std::to_string(spec.release));
  const auto* rules = release.has_error() ? nullptr : [&] {
    const auto found = release->app_json.health_checks.find(spec.process_type);
    return found == release->app_json.health_checks.end() ? nullptr : &found->second;
  }();
  if (!rules) {
    if (!adopted) announce_ready(replica);
    return;
  }
  Health health(*rules, replica.status.started_at, parts_.config.runtime.boot_timeout);
  // What served goes on serving while the server is replaced.
  if (adopted && release->status == platform::ReleaseStatus::succeeded)
    health.believe();
  else
    replica.ready_at = {};
  const bool has_launcher =
      !spec.argv.empty() && spec.argv.front().starts_with("/cnb/process/");
  health_.begin({.id = spec.id,
                 .host = spec.app + "." + parts_.config.domain,
                 .endpoint = replica.status.endpoint,
                 .has_launcher = has_launcher},
                std::move(health));
}

void Controller::announce_ready(Replica& replica) {
  if (replica.ready_at == Time{}) replica.ready_at = now();
  append_app_log(log_directory(platform::AppId(replica.status.spec.app_id)),
                 replica.status.spec.name, "State changed from starting to up");
}

void Controller::on_health(const runtime::ReplicaId& id,
                           const std::vector<Health::Notice>& notices) {
  const auto found = replicas_.find(id);
  const Health* health = health_.find(id);
  if (stopped_ || found == replicas_.end() || !health) return;
  Replica& replica = found->second;
  const runtime::ReplicaSpec& spec = replica.status.spec;
  const platform::AppId app(spec.app_id);
  const auto log = log_directory(app);
  for (const Health::Notice& notice : notices) append_app_log(log, spec.name, notice.text);
  if (health->settled() && replica.ready_at == Time{}) announce_ready(replica);
  if (!health->verdict().empty() && replica.unhealthy.empty()) {
    replica.unhealthy = health->verdict();
    if (!replica.status.stopping) {
      append_app_log(log, spec.name, "Stopping: it " + replica.unhealthy);
      try {
        parts_.store.record(app, "replica.unhealthy", spec.name + " " + replica.unhealthy);
      } catch (const DatabaseFull& full) {
        // The event is lost, not the decision.
        log_error("{} {}: {}", spec.app, spec.name, full.what());
      }
    }
  }
  publish(replica);
  reconcile(app);
}

ReplicaState Controller::state_of(const Replica& replica) const {
  const ReplicaState state = replica.status.state;
  if (state != ReplicaState::ready) return state;
  const Health* health = health_.find(replica.status.spec.id);
  return health && !health->settled() ? ReplicaState::starting : state;
}

void Controller::look_at_memory() {
  std::vector<runtime::ReplicaId> running;
  for (const auto& [id, replica] : replicas_)
    if (replica.status.state == ReplicaState::ready && replica.frozen_since == Time{})
      running.push_back(id);
  if (running.empty() || std::exchange(looking_, true)) return;
  boost::asio::post(parts_.pool, [this, running = std::move(running), strand = parts_.strand,
                                  &engine = parts_.engine, alive = alive_] {
    std::vector<std::pair<runtime::ReplicaId, runtime::ReplicaStats>> all;
    for (const auto& id : running)
      if (auto stats = engine.stats(id); !stats.has_error()) all.emplace_back(id, *stats);
    boost::asio::post(strand, [this, all = std::move(all), alive] {
      if (!*alive) return;
      looking_ = false;
      for (const auto& [id, stats] : all) note_memory(id, stats);
    });
  });
}

void Controller::note_memory(const runtime::ReplicaId& id, const runtime::ReplicaStats& stats) {
  const auto found = replicas_.find(id);
  if (found == replicas_.end()) return;
  const runtime::ReplicaSpec& spec = found->second.status.spec;
  const std::uint64_t used = stats.anonymous_bytes;
  const std::uint64_t limit = spec.limits.memory_bytes;
  if (!found->second.pressure.note(used, limit, now())) return;
  append_app_log(log_directory(platform::AppId(spec.app_id)), spec.name,
                 fmt::format("Error R14 (Memory quota exceeded): uses {} MB of its {} MB ({} %), "
                             "and is ended at its limit. {}",
                             used >> 20, limit >> 20, used * 100 / limit, larger_size(spec)));
}

std::string Controller::larger_size(const runtime::ReplicaSpec& spec) {
  const std::string size = platform::twice_the_memory(spec.limits.memory_bytes);
  return spec.process_type == "run"
             ? "A larger size: berth run --size " + size
             : fmt::format("A larger size: berth ps:type {}={} -a {}", spec.process_type, size,
                           spec.app);
}

std::string Controller::health_message(const Replica& replica) const {
  if (!replica.unhealthy.empty()) return replica.unhealthy;
  if (replica.frozen_since != Time{} && !replica.status.stopping)
    return "frozen, for a rollback to v" + std::to_string(replica.status.spec.release);
  const Health* health = health_.find(replica.status.spec.id);
  if (!health || health->ready()) return replica.status.message;
  for (const auto& check : health->checks())
    if (!check.passed && !check.last.empty())
      return std::string(platform::name_of(check.rule.type)) + " check: " +
             platform::describe(check.rule) + " " + check.last;
  return replica.status.message;
}

std::vector<api::CheckView> Controller::checks(const platform::AppId& app) {
  std::vector<api::CheckView> result;
  const auto release = parts_.store.target_release(app);
  if (!release) return result;
  for (const auto& [type, rules] : release->app_json.health_checks)
    for (std::size_t i = 0; i < rules.size(); ++i) {
      api::CheckView view{.type = type, .rule = rules[i], .replicas = {}};
      for (const auto& [id, replica] : replicas_) {
        const auto& spec = replica.status.spec;
        const Health* health = health_.find(id);
        if (spec.app_id != app.value || spec.process_type != type || !health ||
            spec.release != release->version)
          continue;
        const auto& check = health->checks().at(i);
        view.replicas.push_back({.name = spec.name,
                                 .state = check.failed                  ? "failing"
                                          : check.answered_at == Time{} ? "waiting"
                                          : check.failures > 0          ? "retrying"
                                                                        : "passing",
                                 .failures = check.failures,
                                 .answer = check.last,
                                 .answered_at = check.answered_at});
      }
      result.push_back(std::move(view));
    }
  return result;
}

}  // namespace berth::server
