// SPDX-License-Identifier: Apache-2.0
#include "server/controller.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <thread>

#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "platform/app_json.hpp"
#include "platform/process_type.hpp"
#include "server/app_log.hpp"

namespace berth::server {

namespace asio = boost::asio;
using runtime::ReplicaState;

namespace {

constexpr std::size_t traffic_seconds = 600;
constexpr std::size_t starts_per_processor = 8;  ///< at a time; most wait for a disk now and then
constexpr auto attach_patience = std::chrono::seconds(35);  ///< a little more than the shim's
constexpr auto log_rotation_every = std::chrono::seconds(30);
constexpr auto memory_look_every = std::chrono::seconds(15);
constexpr Duration blocked_pause = 1s;  ///< until a full disk is tried again

runtime::LoadSample load_of(const api::TrafficSample& sample) {
  return {.at = sample.at,
          // More replicas would take no more of those that are refused.
          .requests = sample.requests - std::min(sample.requests, sample.refused),
          .in_flight = sample.in_flight,
          .held = sample.held};
}

std::uint64_t count(const json::object& object, std::string_view key) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, optional_int(object, key).value_or(0)));
}

/// Why a replica ended, for people.
std::string describe_end(const runtime::ReplicaStatus& status) {
  if (!status.message.empty()) return status.message;
  if (status.exit_signal != 0)
    return "was " + ExitStatus{.code = 0, .signal = status.exit_signal}.describe();
  return "exited with status " + std::to_string(status.exit_code);
}

api::TrafficSample sample_of(Time at, const json::object& entry) {
  api::TrafficSample sample{.at = at,
                            .requests = count(entry, "requests"),
                            .refused = count(entry, "refused"),
                            .in_flight = count(entry, "in_flight"),
                            .held = count(entry, "held")};
  if (const auto* status = optional_object(entry, "status")) sample.errors = count(*status, "5xx");
  if (const auto* latency = optional_object(entry, "latency_us")) {
    sample.p50_us = count(*latency, "p50");
    sample.p95_us = count(*latency, "p95");
  }
  return sample;
}

}  // namespace

Controller::Controller(ControllerParts parts)
    : parts_(parts),
      turns_(starts_per_processor * std::max(std::thread::hardware_concurrency(), 1U)),
      health_(parts.strand, parts.pool, parts.engine,
              [this](const auto& id, const auto& notices) { on_health(id, notices); }),
      cron_(parts.store, cron_ports()),
      tick_timer_(parts.strand),
      alive_(std::make_shared<bool>(true)) {
  policy_.drain_timeout = parts_.config.runtime.drain_timeout;
  policy_.keep_frozen = parts_.config.rollback.keep;
}

Controller::~Controller() { *alive_ = false; }

Result<void> Controller::start() {
  started_at_ = now();
  BERTH_TRY(measure_pools());
  // Before anything of theirs runs under new rules.
  for (const platform::App& app : parts_.store.apps()) BERTH_TRY(apply_egress(app));
  // Engine threads only post: all state is the strand's.
  BERTH_TRY(parts_.engine.open([this, strand = parts_.strand, alive = alive_](const auto& status) {
    asio::post(strand, [this, alive, status] {
      if (*alive) on_replica(status);
    });
  }));
  // Adopt before the first decision, or what runs would be started a second time.
  std::set<platform::AppId> known;
  for (const platform::App& app : parts_.store.apps()) known.insert(app.id);
  for (const auto& status : parts_.engine.list()) {
    replicas_[status.spec.id].status = status;
    replicas_[status.spec.id].frozen_since = status.frozen_at;
    if (!known.contains(platform::AppId(status.spec.app_id)))
      stop_now(status.spec.id);
    else if (status.state == ReplicaState::ready)
      begin_checks(replicas_.at(status.spec.id), /*adopted=*/true);
  }
  if (!replicas_.empty()) log_info("adopted {} replicas", replicas_.size());
  parts_.router.start({.on_connected = [this](bool restarted) { on_router(restarted); },
                       .on_drained = [this](const std::string& id) { on_drained(id); },
                       .on_wake = [this](const std::string& app) { on_wake(app); },
                       .on_samples = [this](const json::object& all) { on_samples(all); }});
  std::set<std::string> running;
  for (const auto& [id, replica] : replicas_) running.insert(id.value);
  cron_.adopt(running, now());
  for (const platform::App& app : parts_.store.apps()) reconcile_now(app.id);
  resume_postdeploys();
  tick();
  return {};
}

asio::awaitable<void> Controller::stop() {
  stopped_ = true;
  *alive_ = false;
  tick_timer_.cancel();
  for (auto& [id, record] : apps_)
    if (record.timer) record.timer->cancel();
  for (Waiter& waiter : std::exchange(waiters_, {}))
    waiter.callback({.id = waiter.release, .app = waiter.app});
  for (auto& [app, callback] : std::exchange(postdeploy_waiters_, {})) callback();
  co_await health_.stop();
}

void Controller::on_replica(const runtime::ReplicaStatus& status) {
  if (stopped_) return;
  const auto found = replicas_.find(status.spec.id);
  if (found == replicas_.end()) return;  // forgotten already
  const ReplicaState before = found->second.status.state;
  const bool stopping = found->second.status.stopping || status.stopping;
  found->second.status = status;
  found->second.status.stopping = stopping;
  if (status.state == ReplicaState::exited) found->second.status.message = describe_end(status);
  const std::string& message = found->second.status.message;
  const auto log = log_directory(platform::AppId(status.spec.app_id));
  // A release command is there to end, and so is a one-off.
  const bool may_end = status.spec.process_type == platform::release_process ||
                       status.spec.process_type == "run";
  const bool is_crash = !may_end || !runtime::succeeded(status);
  if (status.state != before) {
    give_turns();
    if (status.state == ReplicaState::ready) begin_checks(found->second, /*adopted=*/false);
    if (status.state == ReplicaState::exited) health_.forget(status.spec.id);
    if (status.state == ReplicaState::exited)
      append_app_log(log, status.spec.name,
                     stopping       ? "Stopped (" + message + ")"
                     : is_crash ? "Crashed: " + message
                                    : "Process " + message);
    if (status.reason == runtime::ExitReason::out_of_memory)
      append_app_log(log, status.spec.name, larger_size(status.spec));
  }
  publish(found->second);
  if (status.spec.process_type == "run") {
    if (status.state != ReplicaState::exited) return;
    if (status.spec.name == platform::postdeploy_name)
      end_postdeploy(platform::AppId(status.spec.app_id), runtime::succeeded(status), message);
    cron_.ended(status.spec.id.value, runtime::succeeded(status),
                status.reason == runtime::ExitReason::exited && status.exit_signal == 0
                    ? std::optional(status.exit_code)
                    : std::nullopt,
                message, now());
    end_one_off(found->second);
    return;
  }
  if (status.state == ReplicaState::exited && !stopping && is_crash) {
    try {
      parts_.store.record(platform::AppId(status.spec.app_id), "replica.crash",
                          status.spec.name + " " + message);
    } catch (const DatabaseFull& full) {
      // The event is lost, not the replica: it is started again.
      log_error("{} {}: {}", status.spec.app, status.spec.name, full.what());
    }
  }
  reconcile(platform::AppId(status.spec.app_id));
}

/// One that somebody attaches to may have ended before they came: its shim keeps the output.
void Controller::end_one_off(const Replica& replica) {
  const runtime::ReplicaSpec& spec = replica.status.spec;
  if (!spec.terminal && !spec.attach_stdin) return forget(spec.id);
  const auto timer = std::make_shared<asio::steady_timer>(parts_.strand, attach_patience);
  timer->async_wait([this, id = spec.id, timer, alive = alive_](boost::system::error_code) {
    if (*alive) forget(id);
  });
}

void Controller::on_drained(const std::string& replica) {
  const auto found = replicas_.find(runtime::ReplicaId(replica));
  if (found == replicas_.end() || !found->second.draining) return;
  found->second.drained = true;
  reconcile(platform::AppId(found->second.status.spec.app_id));
}

void Controller::on_router(bool restarted) {
  // While it was away there were no samples: quiet is counted from now on.
  for (const platform::App& app : parts_.store.apps()) {
    AppRecord& record = apps_[app.id];
    record.scaling.since = now();
    autoscale(app, record, {.at = now(), .requests = 0, .in_flight = 0, .held = 0});
  }
  if (!restarted) return;
  // The requests of the router before this one ended with it.
  for (auto& [id, replica] : replicas_)
    if (replica.draining && !replica.drained) on_drained(id.value);
}

void Controller::on_wake(const std::string& name) {
  const auto app = parts_.store.find_app(name);
  if (app.has_error()) return;
  AppRecord& record = apps_[app->id];
  note_awaited(app->id);
  autoscale(*app, record, {.at = now(), .requests = 0, .in_flight = 0, .held = 1});
}

void Controller::on_samples(const json::object& samples) {
  const auto* all = optional_object(samples, "apps");
  if (!all) return;
  const auto sent = parse_rfc3339(optional_string(samples, "at").value_or(""));
  const Time at = sent.has_value() ? *sent : now();
  for (const auto& [name, entry] : *all) {
    const auto app = parts_.store.find_app(std::string_view(name.data(), name.size()));
    if (app.has_error() || !entry.is_object()) continue;
    AppRecord& record = apps_[app->id];
    api::TrafficSample sample = sample_of(at, entry.get_object());
    for (const auto& [id, replica] : replicas_)
      if (replica.status.spec.app_id == app->id.value &&
          replica.status.spec.process_type == "web" &&
          replica.status.state == ReplicaState::ready && !replica.status.stopping &&
          replica.frozen_since == Time{})
        ++sample.replicas;
    if (sample.held > 0) note_awaited(app->id);
    if (record.canary != 0) compare_canary(record, entry.get_object());
    record.traffic.push_back(sample);
    if (record.traffic.size() > traffic_seconds) record.traffic.pop_front();
    parts_.notices.traffic(*app, sample);
    autoscale(*app, record, load_of(sample));
  }
}

/// Once a second: quiet apps send no samples, yet idleness must be seen.
void Controller::tick() {
  tick_timer_.expires_after(std::chrono::seconds(1));
  tick_timer_.async_wait([this, alive = alive_](boost::system::error_code failure) {
    if (failure || !*alive) return;
    const Time at = now();
    parts_.certificates.renew(at);
    const std::vector<platform::App> apps = parts_.store.apps();
    for (const platform::App& app : apps) {
      AppRecord& record = apps_[app.id];
      if (record.canary != 0) judge_canary(app, record);
      if (record.traffic.empty() || at - record.traffic.back().at > 1500ms)
        autoscale(app, record, {});  // no sample: decide() knows silence from a router that is away
      if (at.time_since_epoch() / 1s % log_rotation_every.count() == 0)
        rotate_app_log(log_directory(app.id), parts_.config.logs.max_bytes);
    }
    cron_.tick(at);
    give_turns();  // whose turn it was may have wanted nothing any more
    look_at_room(apps);
    if (at.time_since_epoch() / 1s % memory_look_every.count() == 0) look_at_memory();
    tick();
  });
}

void Controller::autoscale(const platform::App& app, AppRecord& record,
                           const runtime::LoadSample& sample) {
  for (const platform::Formation& entry : parts_.store.formation(app.id)) {
    if (entry.type != "web") continue;
    if (!entry.autoscale) {
      record.scaling = {};
      continue;
    }
    const runtime::ScalingPolicy policy{
        .min = entry.autoscale->min,
        .max = entry.autoscale->max,
        .requests_per_second = entry.autoscale->requests_per_second,
        .up_window = parts_.config.autoscale.up_window,
        .down_window = parts_.config.autoscale.down_window,
        .idle_before_zero = parts_.config.autoscale.idle_before_zero,
        .room = room_for(app)};
    if (std::exchange(record.scaling.quantity, entry.quantity) != entry.quantity)
      record.scaling.since = now();  // somebody else changed it
    const auto decision = decide(policy, record.scaling, sample, now());
    if (decision.quantity == entry.quantity) continue;
    try {
      parts_.store.autoscale_quantity(app.id, "web", decision.quantity, decision.why);
    } catch (const DatabaseFull& full) {
      // The next sample decides again.
      log_error("{}: scale to {}: {}", app.name, decision.quantity, full.what());
      return;
    }
    append_app_log(log_directory(app.id), "autoscaler",
                   "Scaled web from " + std::to_string(entry.quantity) + " to " +
                       std::to_string(decision.quantity) + ": " + decision.why);
    reconcile(app.id);
  }
}

void Controller::reconcile(const platform::AppId& app) {
  AppRecord& record = apps_[app];
  if (record.queued || stopped_) return;
  record.queued = true;
  asio::post(parts_.strand, [this, app, alive = alive_] {
    if (!*alive) return;
    if (const auto found = apps_.find(app); found != apps_.end()) found->second.queued = false;
    reconcile_now(app);
  });
}

void Controller::reconcile_now(const platform::AppId& id) {
  if (stopped_) return;
  const auto app = parts_.store.find_app(id.value);
  if (app.has_error()) return;
  AppRecord& record = apps_[id];
  if (record.routed_as.empty()) {
    if (auto made = make_directories(log_directory(id)); made.has_error())
      log_error("{}: {}", app->name, made.error().message);
  }
  const Time at = now();
  cron_.refresh(id, at);
  const runtime::Desired desired = desired_of(*app, record);
  record.pending = desired.target_pending ? desired.target.version : 0;
  const runtime::Plan plan =
      runtime::plan(desired, observed_of(id), record.memory, policy_, at);
  record.memory = plan.memory;
  note_canary(record, plan.canary.empty() ? 0 : desired.target.version);
  const bool state_changed = std::exchange(record.state, plan.state) != plan.state;
  // Routes before stops: a replica leaves the table before it hears of its end.
  for (const auto& action : plan.actions)
    if (std::holds_alternative<runtime::DrainReplica>(action)) act(*app, action);
  route(*app, record, plan, desired.canary);
  for (const auto& action : plan.actions)
    if (!std::holds_alternative<runtime::DrainReplica>(action)) act(*app, action);
  Time next = plan.next;
  if (std::exchange(record.blocked, false) && (next == Time{} || next > at + blocked_pause))
    next = at + blocked_pause;
  if (next != Time{}) {
    if (!record.timer) record.timer = std::make_unique<asio::steady_timer>(parts_.strand);
    record.timer->expires_after(std::max(next - at, Duration::zero()));
    record.timer->async_wait([this, id, alive = alive_](boost::system::error_code failure) {
      if (!failure && *alive) reconcile(id);
    });
  }
  if (state_changed) parts_.notices.app(id);
  show_crashes(id, record);
  call_waiters();
  if (after_look_) after_look_(id);
}

void Controller::when_settled(const platform::AppId& app, const platform::ReleaseId& release,
                              std::function<void(const platform::Release&)> callback) {
  waiters_.push_back({app, release, std::move(callback)});
  reconcile(app);
}

void Controller::call_waiters() {
  std::vector<Waiter> waiting = std::exchange(waiters_, {});
  for (Waiter& waiter : waiting) {
    const auto release = parts_.store.find_release(waiter.app, waiter.release.value);
    const bool shares = release.has_value() && release->is_canary() &&
                        apps_[waiter.app].canary == release->version;
    if (!shares && release.has_value() && release->status == platform::ReleaseStatus::pending) {
      waiters_.push_back(std::move(waiter));
    } else if (release.has_value()) {
      waiter.callback(*release);
    } else {
      waiter.callback({.id = waiter.release,
                       .app = waiter.app,
                       .status = platform::ReleaseStatus::failed,
                       .failure = "the app was destroyed"});
    }
  }
}

void Controller::app_destroyed(const platform::App& app) {
  parts_.router.remove_app(apps_[app.id].routed_as);
  for (const std::string& host : apps_[app.id].hosts) parts_.router.remove_host(host);
  parts_.certificates.app_destroyed(app.id);
  for (const auto& [id, replica] : replicas_)
    if (replica.status.spec.app_id == app.id.value) stop_now(id);
  apps_.erase(app.id);
  cron_.app_destroyed(app.id);
  end_postdeploy(app.id, false, "the app was destroyed");
  parts_.notices.app_deleted(app.name);
  call_waiters();
}

Result<void> Controller::restart(const platform::AppId& app, const std::string& which) {
  AppRecord& record = apps_[app];
  bool found = which.empty();
  bool is_under_way = false;
  for (const platform::Formation& entry : parts_.store.formation(app))
    if (which.empty() || which == entry.type) {
      record.restart_before[entry.type] = now();
      found = true;
    }
  for (const auto& [id, replica] : replicas_)
    if (!found && replica.status.spec.app_id == app.value && replica.status.spec.name == which) {
      // One that is being replaced finishes its requests, however often that is asked for.
      if (!replica.unwanted) return stop_replica(app, id.value);
      is_under_way = true;
    }
  if (is_under_way) return {};
  if (!found && !retry_crashed(record, which))
    return Error{ErrorKind::not_found,
                 "no replica or process type is named '" + which + "'. `berth ps` lists them"};
  reconcile(app);
  return {};
}

Result<void> Controller::stop_replica(const platform::AppId& app, const std::string& which) {
  bool found = false;
  for (auto& [id, replica] : replicas_)
    if (replica.status.spec.app_id == app.value &&
        (replica.status.spec.name == which || replica.status.spec.process_type == which ||
         id.value == which)) {
      // It is out of the routes before it hears of its end; who will not wait asks again.
      const bool is_planned =
          replica.status.spec.process_type != "run" && replica.frozen_since == Time{};
      if (is_planned && !replica.unwanted)
        replica.unwanted = true;
      else
        stop_now(id);
      found = true;
    }
  if (!found)
    return Error{ErrorKind::not_found,
                 "no replica is named '" + which + "'. `berth ps` lists them"};
  reconcile(app);
  return {};
}

std::vector<api::ReplicaView> Controller::replicas(const platform::AppId& app) const {
  std::vector<api::ReplicaView> result;
  for (const auto& [id, replica] : replicas_) {
    const auto& status = replica.status;
    const bool over = status.spec.process_type == "run" && status.state == ReplicaState::exited;
    if (status.spec.app_id == app.value && !over) result.push_back(view_of(replica));
  }
  if (const auto record = apps_.find(app); record != apps_.end())
    for (const auto& [slot, view] : record->second.crashed) result.push_back(view);
  std::ranges::sort(result, {}, [](const api::ReplicaView& view) {
    return std::tuple(view.type != "web", view.type, view.name.size(), view.name, view.release);
  });
  return result;
}

std::vector<api::TrafficSample> Controller::traffic(const platform::AppId& app, int seconds) const {
  const Time end = std::chrono::floor<std::chrono::seconds>(now());
  std::vector<api::TrafficSample> result(static_cast<std::size_t>(std::clamp(seconds, 1, 600)));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i].at = end - std::chrono::seconds(result.size() - 1 - i);
  const auto found = apps_.find(app);
  if (found == apps_.end()) return result;
  for (const api::TrafficSample& sample : found->second.traffic) {
    const auto age = (end - std::chrono::floor<std::chrono::seconds>(sample.at)) / 1s;
    if (age < 0 || static_cast<std::size_t>(age) >= result.size()) continue;
    auto& place = result[result.size() - 1 - static_cast<std::size_t>(age)];
    const Time at = place.at;
    place = sample;
    place.at = at;
  }
  return result;
}

std::vector<std::filesystem::path> Controller::mounted_layers() const {
  std::vector<std::filesystem::path> result;
  for (const auto& [id, replica] : replicas_)
    if (replica.status.state != ReplicaState::exited)
      result.insert(result.end(), replica.status.spec.root_layers.begin(),
                    replica.status.spec.root_layers.end());
  return result;
}

runtime::AppState Controller::state_of(const platform::AppId& app) const {
  const auto found = apps_.find(app);
  return found == apps_.end() ? runtime::AppState::empty : found->second.state;
}

std::filesystem::path Controller::log_directory(const platform::AppId& app) const {
  return parts_.config.data_dir / "logs" / app.value;
}

json::object Controller::status() const {
  std::size_t ready = 0;
  for (const auto& [id, replica] : replicas_)
    if (replica.status.state == ReplicaState::ready) ++ready;
  return {{"replicas", replicas_.size()}, {"ready", ready}, {"since", rfc3339(started_at_)}};
}

}  // namespace berth::server
