// SPDX-License-Identifier: Apache-2.0
//
// The controller's hands: what plan() decided is done to engine, router and store.
#include <boost/asio/post.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "builder/image_process.hpp"
#include "platform/size.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"
#include "server/route_rules.hpp"

namespace berth::server {

namespace asio = boost::asio;
using runtime::ReplicaState;

namespace {

constexpr int replica_port = 5000;
constexpr std::size_t replica_id_bytes = 8;

std::string_view name_of_state(ReplicaState state, bool stopping) {
  if (stopping && state != ReplicaState::exited) return "stopping";
  switch (state) {
    case ReplicaState::starting: return "starting";
    case ReplicaState::ready: return "up";
    case ReplicaState::exited: return "crashed";
  }
  return "starting";
}

/// The high mark is so near the limit that a program which only grows meets the limit soon, and so
/// far that the page cache goes first.
runtime::Limits limits_of(const platform::SizeClass& size) {
  return {.memory_bytes = size.memory_bytes,
          .memory_high_bytes = size.memory_bytes - size.memory_bytes / 32,
          .cpu_milli = size.cpu_milli,
          .cpu_weight = std::clamp<std::uint64_t>(size.cpu_milli / 10, 10, 10'000),
          .pids = size.pids,
          .disk_bytes = size.disk_bytes,
          .disk_rate = size.disk_rate,
          .network_rate = size.network_rate};
}

using Processes = std::map<std::string, std::vector<std::string>>;

/// What the image itself says of its processes: command, environment, user and directory.
/// `processes` are those of the release's image, which need not be the one that this type runs in.
Result<void> apply_image(runtime::ReplicaSpec& spec, const builder::Image& image,
                         const Processes& processes, const std::string& type) {
  for (const std::string& entry : image.env) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) spec.env[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  spec.env.emplace("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  BERTH_ASSIGN(const builder::ImageUser user, builder::image_user(image, spec.root_layers));
  spec.uid = user.uid;
  spec.gid = user.gid;
  spec.working_directory = image.working_directory.empty() ? "/" : image.working_directory;
  if (builder::has_launcher(image)) {
    spec.argv = {"/cnb/process/" + type};
    spec.env["HOME"] = "/app";
    return {};
  }
  spec.env.emplace("HOME", user.home);
  if (const auto found = processes.find(type); found != processes.end())
    spec.argv = found->second;
  else if (type != "run")
    return Error{ErrorKind::not_found, "the image has no process type '" + type + "'"};
  return {};
}

}  // namespace

void Controller::act(const platform::App& app, const runtime::Action& action) {
  if (const auto* start = std::get_if<runtime::StartReplica>(&action)) {
    if (may_start(app, start->slot)) start_replica(app, start->slot);
  } else if (const auto* drain = std::get_if<runtime::DrainReplica>(&action)) {
    Replica& replica = replicas_.at(drain->id);
    replica.draining = true;
    replica.draining_since = now();
  } else if (const auto* rest = std::get_if<runtime::FreezeReplica>(&action)) {
    freeze(rest->id);
  } else if (const auto* wake = std::get_if<runtime::ThawReplica>(&action)) {
    thaw(wake->id);
  } else if (const auto* stop = std::get_if<runtime::StopReplica>(&action)) {
    stop_now(stop->id);
  } else if (const auto* gone = std::get_if<runtime::ForgetReplica>(&action)) {
    forget(gone->id);
  } else if (const auto* outcome = std::get_if<runtime::SettleRelease>(&action)) {
    settle(app, *outcome);
  } else if (const auto* crash = std::get_if<runtime::RollBack>(&action)) {
    roll_back(app, *crash);
  }
}

Result<runtime::ReplicaSpec> Controller::spec_of(const platform::App& app,
                                                 const platform::Release& release,
                                                 const std::string& type,
                                                 std::string_view size) {
  BERTH_ASSIGN(builder::Image image, parts_.images.find(release.image));
  const Processes processes = builder::image_processes(image);
  const auto others = builder::other_images(image);
  if (const auto other = others.find(type); other != others.end()) {
    BERTH_ASSIGN(image, parts_.images.find(other->second));
  }
  BERTH_ASSIGN(auto layers, parts_.images.directories(image));
  BERTH_ASSIGN(const platform::ConfigVars vars, parts_.store.release_config_vars(release.id));
  runtime::ReplicaSpec spec{.id = runtime::ReplicaId("r-" + random_hex(replica_id_bytes)),
                            .app_id = app.id.value,
                            .app = app.name,
                            .process_type = type,
                            .name = {},
                            .release = release.version,
                            .root_layers = std::move(layers)};
  BERTH_TRY(apply_image(spec, image, processes, type));
  for (const auto& [name, value] : vars) spec.env[name] = value;
  spec.env["BERTH_APP_NAME"] = app.name;
  spec.env["BERTH_RELEASE_VERSION"] = "v" + std::to_string(release.version);
  if (!release.commit.empty()) spec.env["SOURCE_VERSION"] = release.commit;
  spec.uid_base = first_uid_of(app);
  spec.size = size.empty() ? platform::standard_size : size;
  if (size.empty())
    for (const platform::Formation& entry : parts_.store.formation(app.id))
      if (entry.type == type) spec.size = entry.size;
  spec.limits = limits_of(platform::size_of(spec.size, parts_.config.runtime.sizes).limits);
  BERTH_TRY(check_not_restored(app.id, type));
  spec.volumes = volumes_of(app.id, type);
  spec.port = type == "web" ? builder::image_port(image, replica_port) : 0;
  spec.boot_timeout = parts_.config.runtime.boot_timeout;
  spec.log_directory = log_directory(app.id);
  BERTH_TRY(make_directories(spec.log_directory));
  return spec;
}

std::uint32_t Controller::first_uid_of(const platform::App& app) const {
  return parts_.config.runtime.first_uid + static_cast<std::uint32_t>(app.number) * 65'536U;
}

Result<void> Controller::apply_egress(const platform::App& app) {
  return parts_.engine.set_egress(first_uid_of(app), app.egress);
}

void Controller::start_replica(const platform::App& app, const runtime::Slot& slot) {
  const auto release = parts_.store.find_release(app.id, std::to_string(slot.release));
  if (release.has_error()) return;
  auto spec = spec_of(app, *release, slot.type);
  if (spec.has_value()) {
    spec->name = slot.type + "." + std::to_string(slot.index);
    if (auto placed = place(app, *spec); placed.has_error()) spec = placed.error();
  }
  if (spec.has_error()) {
    // An exited replica with the reason: the scheduler backs off and the user sees why.
    Replica& failed = replicas_[runtime::ReplicaId("r-" + random_hex(replica_id_bytes))];
    failed.status.spec.app_id = app.id.value;
    failed.status.spec.process_type = slot.type;
    failed.status.spec.name = slot.type + "." + std::to_string(slot.index);
    failed.status.spec.release = slot.release;
    for (const platform::Formation& entry : parts_.store.formation(app.id))
      if (entry.type == slot.type) failed.status.spec.size = entry.size;
    failed.status.spec.placement = platform::placement_text(app.placement);
    failed.status.spec.volumes = volumes_of(app.id, slot.type);
    failed.status.state = ReplicaState::exited;
    failed.status.reason = runtime::ExitReason::start_failed;
    failed.status.message = "cannot start: " + spec.error().message;
    failed.status.exited_at = now();
    append_app_log(log_directory(app.id), failed.status.spec.name,
                   "Crashed: " + failed.status.message);
    log_error("{} {}: {}", app.name, failed.status.spec.name, failed.status.message);
    reconcile(app.id);
    return;
  }
  spec->env["DYNO"] = spec->name;
  append_app_log(spec->log_directory, spec->name,
                 "Starting process with command `" + release->processes.at(slot.type) + "`");
  launch(*spec);
}

void Controller::launch(const runtime::ReplicaSpec& spec) {
  Replica& replica = replicas_[spec.id];
  replica.status.spec = spec;
  replica.status.started_at = now();
  replica.unrouted = true;
  publish(replica);
  asio::post(parts_.pool, [this, spec, strand = parts_.strand, alive = alive_] {
    auto started = parts_.engine.start(spec);
    if (!started.has_error()) return;  // events tell the rest
    asio::post(strand, [this, alive, spec, error = started.error()] {
      if (!*alive) return;
      const auto found = replicas_.find(spec.id);
      if (found == replicas_.end()) return;
      runtime::ReplicaStatus status = found->second.status;
      status.state = ReplicaState::exited;
      status.reason = runtime::ExitReason::start_failed;
      status.message = "cannot start: " + error.message;
      status.exited_at = now();
      on_replica(status);
    });
  });
}

void Controller::stop_now(const runtime::ReplicaId& id) {
  const auto found = replicas_.find(id);
  if (found == replicas_.end() || found->second.status.state == ReplicaState::exited) return;
  found->second.status.stopping = true;
  health_.forget(id);  // what it answers while it ends is nobody's concern
  publish(found->second);
  asio::post(parts_.pool, [&engine = parts_.engine, id, grace = parts_.config.runtime.stop_grace] {
    if (auto stopped = engine.stop(id, grace); stopped.has_error())
      log_error("stop {}: {}", id.value, stopped.error().message);
  });
}

void Controller::forget(const runtime::ReplicaId& id) {
  const auto found = replicas_.find(id);
  if (found == replicas_.end()) return;
  publish(found->second, "gone");
  health_.forget(id);
  replicas_.erase(found);
  asio::post(parts_.pool, [&engine = parts_.engine, id] { engine.remove(id); });
}

void Controller::settle(const platform::App& app, const runtime::SettleRelease& outcome) {
  const auto release = parts_.store.find_release(app.id, std::to_string(outcome.version));
  if (release.has_error()) return;
  try {
    parts_.store.settle_release(release->id,
                                outcome.succeeded ? platform::ReleaseStatus::succeeded
                                                  : platform::ReleaseStatus::failed,
                                outcome.failure);
  } catch (const DatabaseFull& full) {
    // What serves goes on; plan() asks for the same again.
    log_error("{}: settle v{}: {}", app.name, outcome.version, full.what());
    apps_[app.id].blocked = true;
    return;
  }
  append_app_log(log_directory(app.id), "api",
                 "Release v" + std::to_string(outcome.version) +
                     (outcome.succeeded ? " succeeded" : " failed: " + outcome.failure));
  if (outcome.succeeded) begin_postdeploy(app.id);
  reconcile(app.id);
}

void Controller::route(const platform::App& app, AppRecord& record, const runtime::Plan& plan,
                       int canary_share) {
  const auto routed = [this](const std::vector<runtime::ReplicaId>& ids) {
    json::array replicas;
    for (const runtime::ReplicaId& id : ids) {
      Replica& replica = replicas_.at(id);
      replica.unrouted = false;
      replicas.push_back(json::object{{"id", id.value},
                                      {"name", replica.status.spec.name},
                                      {"address", replica.status.endpoint.address},
                                      {"port", replica.status.endpoint.port}});
    }
    return replicas;
  };
  json::object route = route_settings(app, parts_.config.router);
  route["state"] = name_of(plan.state);
  route["release"] = plan.routed_release;
  route["log"] = log_directory(app.id).string();
  route["message"] = plan.message;
  route["replicas"] = routed(plan.routed);
  if (!plan.canary.empty()) route["canaries"] = routed(plan.canary);
  if (!plan.canary.empty()) route["canary"] = canary_share;
  for (const auto& [page, field] : {std::pair{platform::Page::error, "error_page"},
                                    std::pair{platform::Page::maintenance, "maintenance_page"}})
    if (std::string html = parts_.store.page(app.id, page); !html.empty())
      route[field] = std::move(html);
  parts_.router.put_app(app.name, std::move(route));
  std::vector<std::string> hosts = {app.name + "." + parts_.config.domain};
  for (const platform::Domain& domain : parts_.store.domains(app.id))
    hosts.push_back(domain.route());
  for (const std::string& host : hosts) parts_.router.put_host(host, app.name);
  for (const std::string& host : record.hosts)
    if (std::ranges::find(hosts, host) == hosts.end()) parts_.router.remove_host(host);
  record.hosts = std::move(hosts);
  parts_.certificates.publish(app);
  if (!record.routed_as.empty() && record.routed_as != app.name)
    parts_.router.remove_app(record.routed_as);
  record.routed_as = app.name;
}

api::ReplicaView Controller::view_of(const Replica& replica) const {
  const auto& status = replica.status;
  api::ReplicaView view{
      .id = status.spec.id.value,
      .name = status.spec.name,
      .type = status.spec.process_type,
      .size = status.spec.size.empty() ? std::string(platform::standard_size) : status.spec.size,
      .state = replica.frozen_since != Time{} && !status.stopping &&
                       status.state != ReplicaState::exited
                   ? std::string("idle")
                   : std::string(name_of_state(state_of(replica), status.stopping)),
      .message = health_message(replica),
      .release = status.spec.release,
      .created_at = status.started_at,
      .updated_at = std::max({status.started_at, replica.ready_at, status.exited_at})};
  const platform::AppId app(status.spec.app_id);
  if (const auto release = parts_.store.find_release(app, std::to_string(status.spec.release));
      release.has_value()) {
    view.release_id = release->id;
    if (const auto process = release->processes.find(view.type);
        process != release->processes.end())
      view.command = process->second;
  }
  if (view.type == "run" && !status.spec.argv.empty()) view.command = status.spec.argv.back();
  return view;
}

void Controller::publish(const Replica& replica, std::string_view state) {
  if (parts_.notices.heard())
    parts_.notices.replica(platform::AppId(replica.status.spec.app_id), view_of(replica), state);
}

Result<Controller::OneOffStarted> Controller::prepare_one_off(const platform::AppId& id,
                                                              const api::OneOffRequest& request) {
  BERTH_ASSIGN(const platform::App app, parts_.store.find_app(id.value));
  const auto release = parts_.store.serving_release(id);
  if (!release || release->image.empty())
    return Error{
        ErrorKind::conflict,
        "nothing is deployed yet, so there is nothing to run in. Push first: git push berth main"};
  BERTH_ASSIGN(runtime::ReplicaSpec spec, spec_of(app, *release, "run", request.size));
  std::set<std::string> taken;
  for (const auto& [other, replica] : replicas_)
    if (replica.status.spec.app_id == id.value) taken.insert(replica.status.spec.name);
  int number = 1;
  while (taken.contains(request.prefix + "." + std::to_string(number))) ++number;
  spec.name = request.prefix + "." + std::to_string(number);
  BERTH_TRY(place(app, spec));
  BERTH_ASSIGN(const builder::Image image, parts_.images.find(release->image));
  spec.argv = builder::one_off_arguments(image, request.command);
  for (const auto& [name, value] : request.env) spec.env[name] = value;
  spec.env["DYNO"] = spec.name;
  if (request.terminal && !spec.env.contains("TERM")) spec.env["TERM"] = "xterm-256color";
  spec.terminal = request.attach && request.terminal;
  spec.attach_stdin = request.attach && !request.terminal;
  spec.columns = request.columns;
  spec.rows = request.rows;
  Replica& replica = replicas_[spec.id];
  replica.status.spec = spec;
  replica.status.started_at = now();
  append_app_log(spec.log_directory, spec.name,
                 "Starting process with command `" + request.command + "`");
  return OneOffStarted{.id = spec.id,
                       .view = view_of(replica),
                       .start = [&engine = parts_.engine, spec] { return engine.start(spec); }};
}

Result<std::function<Result<Fd>()>> Controller::prepare_exec(const platform::AppId& app,
                                                             const std::string& name,
                                                             const api::OneOffRequest& request) {
  const Replica* found = nullptr;
  for (const auto& [id, replica] : replicas_) {
    const auto& status = replica.status;
    const bool runs = status.state != ReplicaState::exited && !status.stopping &&
                      replica.frozen_since == Time{};
    // During a rollout two have the name: the newer one is what is being looked at.
    if (status.spec.app_id == app.value && status.spec.name == name && runs &&
        (!found || found->status.started_at < status.started_at))
      found = &replica;
  }
  if (!found)
    return Error{ErrorKind::conflict, name + " does not run. `berth ps` shows what does"};
  const runtime::ReplicaSpec& spec = found->status.spec;
  BERTH_ASSIGN(const auto release,
               parts_.store.find_release(app, std::to_string(spec.release)));
  BERTH_ASSIGN(builder::Image image, parts_.images.find(release.image));
  const auto others = builder::other_images(image);
  if (const auto other = others.find(spec.process_type); other != others.end()) {
    BERTH_ASSIGN(image, parts_.images.find(other->second));
  }
  runtime::ExecSpec exec{.argv = builder::one_off_arguments(image, request.command),
                         .env = request.env,
                         .terminal = request.terminal,
                         .columns = request.columns,
                         .rows = request.rows};
  if (request.terminal) exec.env.emplace("TERM", "xterm-256color");
  append_app_log(spec.log_directory, spec.name, "Running `" + request.command + "` in it");
  return [&engine = parts_.engine, id = spec.id, exec] { return engine.exec(id, exec); };
}

void Controller::one_off_failed(const runtime::ReplicaId& id) { forget(id); }

}  // namespace berth::server
