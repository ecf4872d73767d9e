// SPDX-License-Identifier: Apache-2.0
#include "server/deployer.hpp"

#include <fcntl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "base/crypto.hpp"
#include "base/disk_usage.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "base/tasks.hpp"
#include "base/unix_socket.hpp"
#include "builder/branch.hpp"
#include "builder/failure.hpp"
#include "server/app_log.hpp"
#include "server/build_machine.hpp"
#include "server/build_queue.hpp"
#include "server/offload.hpp"
#include "server/priority.hpp"
#include "server/push.hpp"
#include "server/pusher.hpp"

namespace berth::server {

namespace asio = boost::asio;
using Socket = Pusher::Socket;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_hook_line_bytes = 1U << 20;
constexpr std::uint64_t repository_bytes = 4U << 20;  ///< more than an empty repository takes
/// Against the 100 of a replica: a build takes what replicas leave.
constexpr std::uint64_t build_weight = 10;
/// A push that was told to end does so within a moment; a client that hangs may keep it longer.
constexpr Duration hold_limit = 60s;

}  // namespace

struct Deployer::State : std::enable_shared_from_this<State> {
  explicit State(DeployerParts wanted)
      : parts(std::move(wanted)),
        acceptor(parts.strand),
        tasks(parts.strand),
        changed(parts.strand, asio::steady_timer::time_point::max()),
        queue_timer(parts.strand) {}

  /// A push that is being deployed, until git has moved the branch or not.
  struct Job {
    QueuedPush push;
    platform::BuildId build = {};      ///< once it is its turn to wait
    platform::ReleaseId release = {};  ///< while it rolls out
    std::string reason = {};           ///< why it was told to end
    std::shared_ptr<std::atomic<bool>> cancel = std::make_shared<std::atomic<bool>>(false);
    bool git_ended = false;
  };

  DeployerParts parts;
  asio::local::stream_protocol::acceptor acceptor;
  TaskGroup tasks;
  std::map<std::string, std::weak_ptr<api::PushTicket>> tickets;
  std::map<std::string, std::pair<platform::AppId, std::string>> pushes;  ///< ticket → app, user
  std::map<std::string, Job> jobs;             ///< by ticket
  std::map<std::string, std::uint64_t> turns;  ///< owner → number of its last build
  std::uint64_t arrivals = 0;
  std::uint64_t last_turn = 0;
  asio::steady_timer changed;  ///< cancelled when the jobs change: who waits looks again
  asio::steady_timer queue_timer;
  bool unsettled = false;  ///< a build ended and the store had no room for it

  [[nodiscard]] fs::path repository_path(const platform::App& app) const {
    return parts.config.data_dir / "git" / (app.id.value + ".git");
  }
  [[nodiscard]] fs::path cache_path(const platform::AppId& app) const {
    return parts.config.data_dir / "cache" / app.value;
  }
  [[nodiscard]] fs::path hook_socket() const { return parts.config.data_dir / "run" / "hook.sock"; }

  static asio::awaitable<void> accept(std::shared_ptr<State> self) {
    for (;;) {
      boost::system::error_code failure;
      Socket socket = co_await self->acceptor.async_accept(
          asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      self->tasks.spawn(serve(self, std::make_shared<Pusher>(std::move(socket), self->tasks)));
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<State> self, std::shared_ptr<Pusher> pusher) {
    std::string buffer;
    boost::system::error_code failure;
    const std::size_t length = co_await asio::async_read_until(
        pusher->socket, asio::dynamic_buffer(buffer, max_hook_line_bytes), '\n',
        asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return;
    const auto request = parse_push(std::string_view(buffer).substr(0, length - 1));
    Result<void> outcome = Error{ErrorKind::invalid, "the hook sent an unknown request"};
    if (request.has_error())
      outcome = request.error();
    else
      outcome = co_await receive_safely(self, pusher, *request);
    if (outcome.has_error()) pusher->say("\n !     " + outcome.error().message + "\n\n");
    pusher->finish(outcome.has_error() ? 1 : 0);
    // Half a close: the hook reads to the end, and whoever waits for its silence wakes.
    pusher->socket.shutdown(Socket::shutdown_receive, failure);
  }

  static asio::awaitable<Result<void>> receive_safely(std::shared_ptr<State> self,
                                                      std::shared_ptr<Pusher> pusher, Push push) {
    try {
      auto outcome = co_await receive(self, pusher, std::move(push));
      co_return outcome;
    } catch (const DatabaseFull& full) {
      co_return Error{ErrorKind::unavailable, full.what()};
    }
  }

  static asio::awaitable<Result<void>> receive(std::shared_ptr<State> self,
                                               std::shared_ptr<Pusher> pusher, Push push) {
    const auto known = self->pushes.find(push.ticket);
    const auto ticket = self->tickets.find(push.ticket);
    if (known == self->pushes.end() || ticket == self->tickets.end() || ticket->second.expired())
      co_return Error{ErrorKind::unauthorized,
                      "this push is not known to the platform; push again"};
    const platform::AppId id = known->second.first;
    const platform::Actor actor{known->second.second};
    const auto app = self->parts.store.find_app(id.value);
    if (app.has_error()) co_return app.error();
    const auto decision = decide_push(push);
    if (decision.has_error()) co_return decision.error();
    for (const std::string& note : decision->notes) pusher->say(note + "\n");
    if (decision->commit.empty()) co_return Result<void>{};
    co_return co_await deploy(self, pusher, *app, actor, std::move(push), decision->commit);
  }

  [[nodiscard]] std::vector<QueuedPush> queue() const {
    std::vector<QueuedPush> result;
    for (const auto& [ticket, job] : jobs) result.push_back(job.push);
    return result;
  }

  /// Starts and ends what decide_queue() says, and wakes everybody who waits.
  void pump() {
    const auto decision = decide_queue(
        queue(), turns,
        {.parallel = parts.config.build.parallel, .timeout = parts.config.build.queue_timeout},
        now());
    for (const std::string& ticket : decision.start) {
      jobs.at(ticket).push.phase = PushPhase::building;
      turns[jobs.at(ticket).push.owner] = ++last_turn;
    }
    for (const std::string& ticket : decision.expired) {
      jobs.at(ticket).push.cancelled = true;
      const auto waited = std::chrono::duration_cast<std::chrono::seconds>(
          parts.config.build.queue_timeout);
      jobs.at(ticket).reason = "the push waited " + builder::people_duration(waited) +
                               " for other builds (build.queue_timeout). Push again later";
    }
    changed.cancel();
    queue_timer.cancel();
    if (decision.next == Time{}) return;
    queue_timer.expires_after(std::max(decision.next - now(), Duration::zero()));
    queue_timer.async_wait([self = shared_from_this()](boost::system::error_code failure) {
      if (!failure) self->pump();
    });
  }

  /// Tells a push to end, whatever it does.
  void end_push(const std::string& ticket, const std::string& reason) {
    const auto found = jobs.find(ticket);
    if (found == jobs.end() || found->second.push.cancelled) return;
    Job& job = found->second;
    if (job.push.phase == PushPhase::ended) return;
    if (job.push.phase == PushPhase::releasing) {
      const platform::AppId app(job.push.app);
      const auto release = parts.store.find_release(app, job.release.value);
      // It serves already: the push is about to end by itself.
      if (release.has_value() && release->status != platform::ReleaseStatus::pending) return;
      parts.store.settle_release(job.release, platform::ReleaseStatus::failed, reason);
      parts.controller.reconcile(app);
    }
    job.push.cancelled = true;
    job.reason = reason;
    *job.cancel = true;
    pump();
  }

  static asio::awaitable<void> wait_for_change(std::shared_ptr<State> self) {
    boost::system::error_code ignored;
    co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  [[nodiscard]] Error ended_early(const std::string& ticket) const {
    return {ErrorKind::cancelled, jobs.at(ticket).reason};
  }

  /// The end of a build that failed. Where the disk is full, that is the reason to be told,
  /// whatever part of the build met it first.
  Error failed(const platform::App& app, const platform::Build& build, Error error) {
    if (error.kind != ErrorKind::cancelled)
      error = explain_full_disk(std::move(error), free_disk_bytes(parts.config.data_dir),
                                parts.config.min_free_disk_bytes);
    append_app_log(parts.controller.log_directory(app.id), "api",
                   "Build of " + build.commit.substr(0, 7) + " failed: " + error.message);
    try {
      // Its app may be gone meanwhile; then there is nothing to settle.
      (void)parts.store.fail_build(build.id, error.message);
    } catch (const DatabaseFull&) {
      unsettled = true;
    }
    return error;
  }

  /// The image is built: the build's end and the new release.
  Result<platform::Release> record(const platform::App& app, const platform::Build& build,
                                   const builder::BuiltImage& built, const platform::Actor& actor) {
    try {
      BERTH_TRY(parts.store.finish_build(build.id, built.image.digest));
      return parts.store.create_release(app.id,
                                        {.image = built.image.digest,
                                         .commit = build.commit,
                                         .processes = built.processes,
                                         .description = "Deploy " + build.commit.substr(0, 7),
                                         .build = build.id},
                                        actor);
    } catch (const DatabaseFull& full) {
      unsettled = true;
      return Error{ErrorKind::unavailable, full.what()};
    }
  }

  /// Builds whose end found no room in the store, or whose server was killed.
  void settle_builds(std::string_view reason) {
    std::set<platform::BuildId> running;
    for (const auto& [ticket, job] : jobs)
      if (job.push.phase != PushPhase::ended) running.insert(job.build);
    try {
      parts.store.fail_pending_builds(reason, running);
      unsettled = false;
    } catch (const DatabaseFull& full) {
      log_error("settle builds: {}", full.what());
      unsettled = true;
    }
  }

  /// Until no older push to the app can move the branch any more; then this one must still fit it.
  static asio::awaitable<Result<void>> hold(std::shared_ptr<State> self,
                                            std::shared_ptr<Pusher> pusher, platform::App app,
                                            Push push, std::string commit) {
    if (must_hold(self->queue(), self->jobs.at(push.ticket).push)) {
      pusher->say("-----> Waiting until the push before this one has ended\n");
      const auto limit = std::make_shared<asio::steady_timer>(self->parts.strand, hold_limit);
      const auto over = std::make_shared<bool>(false);
      limit->async_wait([self, over](boost::system::error_code failure) {
        if (failure) return;
        *over = true;
        self->changed.cancel();
      });
      while (!*over && !self->jobs.at(push.ticket).push.cancelled &&
             must_hold(self->queue(), self->jobs.at(push.ticket).push))
        co_await wait_for_change(self);
      limit->cancel();
      if (self->jobs.at(push.ticket).push.cancelled) co_return self->ended_early(push.ticket);
      if (*over)
        co_return Error{ErrorKind::timeout,
                        "the push before this one does not end. Wait a moment, then push again"};
    }
    for (const RefUpdate& update : push.updates) {
      if (update.after != commit) continue;
      const auto branch = builder::branch_commit(self->repository_path(app), update.ref);
      if (branch.has_error()) co_return branch.error();
      if (*branch != update.before)
        co_return Error{ErrorKind::conflict,
                        "another push (" + branch->substr(0, 7) +
                            ") was deployed meanwhile and moved the branch. Fetch it, then "
                            "push again"};
    }
    co_return Result<void>{};
  }

  static asio::awaitable<Result<void>> deploy(std::shared_ptr<State> self,
                                              std::shared_ptr<Pusher> pusher, platform::App app,
                                              platform::Actor actor, Push push,
                                              std::string commit) {
    const auto superseded = admit(self->queue(), app.id.value, commit);
    if (superseded.has_error()) co_return superseded.error();
    for (const std::string& older : *superseded)
      self->end_push(older, "superseded by a newer push (" + commit.substr(0, 7) + ")");
    self->jobs[push.ticket] = Job{.push = {.id = push.ticket,
                                           .owner = app.id.value,
                                           .app = app.id.value,
                                           .commit = commit,
                                           .number = ++self->arrivals,
                                           .arrived = now()}};
    self->tasks.spawn(end_if_gone(self, pusher, push.ticket));
    Result<void> outcome;
    try {
      outcome = co_await deploy_in_turn(self, pusher, app, actor, push, commit);
    } catch (const std::exception& failure) {
      // Whatever it was, the next push must not wait for this one.
      self->unsettled = true;
      outcome = Error{ErrorKind::internal, failure.what()};
    }
    Job& job = self->jobs.at(push.ticket);
    job.push.phase = PushPhase::ended;
    if (job.git_ended) self->jobs.erase(push.ticket);
    self->pump();
    co_return outcome;
  }

  /// The push's git is gone, and with it everything that could move the branch for it.
  void on_git_ended(const std::string& ticket) {
    tickets.erase(ticket);
    pushes.erase(ticket);
    const auto job = jobs.find(ticket);
    if (job == jobs.end()) return;
    job->second.git_ended = true;
    if (job->second.push.phase != PushPhase::ended) return;
    jobs.erase(job);
    pump();
  }

  static asio::awaitable<Result<void>> deploy_in_turn(std::shared_ptr<State> self,
                                                      std::shared_ptr<Pusher> pusher,
                                                      platform::App app, platform::Actor actor,
                                                      Push push, std::string commit) {
    const auto held = co_await hold(self, pusher, app, push, commit);
    if (held.has_error()) co_return held.error();
    const auto room = co_await self->parts.housekeeper.ensure_room();
    if (room.has_error()) co_return room.error();
    const auto build = self->parts.store.create_build(app.id, commit, actor);
    if (build.has_error()) co_return build.error();
    Job& job = self->jobs.at(push.ticket);
    job.build = build->id;
    job.push.phase = PushPhase::waiting;
    self->pump();
    if (job.push.phase == PushPhase::waiting && !job.push.cancelled)
      pusher->say("-----> Waiting for another app's build to end\n");
    while (job.push.phase == PushPhase::waiting && !job.push.cancelled)
      co_await wait_for_change(self);
    if (job.push.cancelled) co_return self->failed(app, *build, self->ended_early(push.ticket));
    const auto built =
        co_await offload(self->parts.pool, self->build_task(pusher, app, *build, push, job));
    self->parts.housekeeper.look_soon();
    if (job.push.cancelled) co_return self->failed(app, *build, self->ended_early(push.ticket));
    if (built.has_error()) co_return self->failed(app, *build, built.error());
    const auto release = self->record(app, *build, *built, actor);
    if (release.has_error()) co_return release.error();
    job.release = release->id;
    job.push.phase = PushPhase::releasing;
    self->pump();
    // The name by which `skopeo copy oci:…` finds it; the release itself goes by digest.
    const std::string name = app.name + ":v" + std::to_string(release->version);
    const auto tagged = co_await offload(self->parts.pool, [&images = self->parts.images, name,
                                                            digest = release->image] {
      return images.tag(name, digest);
    });
    if (tagged.has_error()) log_warning("name the image {}: {}", name, tagged.error().message);
    co_return co_await roll_out(self, pusher, app, *release);
  }

  /// The work for the pool: it touches nothing of ours but the line to the pusher, by posting.
  std::function<Result<builder::BuiltImage>()> build_task(const std::shared_ptr<Pusher>& pusher,
                                                          const platform::App& app,
                                                          const platform::Build& build,
                                                          const Push& push, const Job& job) {
    const auto& limits = parts.config.build;
    builder::BuildRequest request{
        .app = app.name,
        .build_id = build.id.value,
        .source = {.repository = repository_path(app),
                   .commit = build.commit,
                   .extra_object_directory = push.quarantine},
        .config_vars = parts.store.config_vars(app.id),
        .cache_directory = cache_path(app.id),
        .work_directory = parts.config.data_dir / "work" / build.id.value,
        .buildpacks_directory = parts.buildpacks,
        .launcher = parts.programs / "berth-launcher",
        .previous_image = {},
        .operator_env = machine_environment(),
        .extra_binds = machine_binds(),
        .limits = {.memory_bytes = limits.memory_bytes,
                   .cpu_milli = limits.cpu_milli,
                   .cpu_weight = build_weight,
                   .pids = limits.pids,
                   .disk_bytes = limits.disk_bytes},
        .timeout = std::chrono::duration_cast<std::chrono::seconds>(limits.timeout)};
    if (const auto target = parts.store.target_release(app.id))
      request.previous_image = target->image;
    return [self = shared_from_this(), pusher, request = std::move(request), cancel = job.cancel,
            log_path = log_path(build.id)]() -> Result<builder::BuiltImage> {
      yield_to_replicas();
      BERTH_TRY(make_directories(log_path.parent_path()));
      BERTH_ASSIGN(const Fd log, open_file(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0640));
      const auto sink = [&](std::string_view text) {
        // A full disk may cost log lines, not the build.
        (void)write_all(log.get(), text);
        asio::post(self->parts.strand, [pusher, line = std::string(text)] { pusher->say(line); });
      };
      auto built =
          builder::build(request, self->parts.images, self->parts.sandboxes, sink, *cancel);
      // The pusher is told by who ends the push.
      if (built.has_error()) (void)write_all(log.get(), " !     " + built.error().message + "\n");
      return built;
    };
  }

  /// Nobody else reads from the hook, so data or end-of-file means that the pusher went away. A
  /// release that rolls out is not taken back for that.
  static asio::awaitable<void> end_if_gone(std::shared_ptr<State> self,
                                           std::shared_ptr<Pusher> pusher, std::string ticket) {
    char byte;
    boost::system::error_code failure;
    co_await pusher->socket.async_read_some(asio::buffer(&byte, 1),
                                            asio::redirect_error(asio::use_awaitable, failure));
    if (pusher->finished) co_return;
    pusher->gone = true;
    const auto job = self->jobs.find(ticket);
    if (job != self->jobs.end() && job->second.push.phase != PushPhase::releasing)
      self->end_push(ticket, "the build was cancelled: the pusher went away");
  }

  static asio::awaitable<Result<void>> roll_out(std::shared_ptr<State> self,
                                                std::shared_ptr<Pusher> pusher, platform::App app,
                                                platform::Release release) {
    const Time begun = now();
    const auto settled = co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                                       void(platform::Release)>(
        [self, app, release](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          self->parts.controller.when_settled(
              app.id, release.id,
              [shared](const platform::Release& done) { std::move (*shared)(done); });
        },
        asio::use_awaitable);
    const std::string version = "v" + std::to_string(release.version);
    if (settled.status == platform::ReleaseStatus::pending)
      co_return Error{ErrorKind::unavailable, "the platform is stopping; it goes on with release " +
                                                  version + " at its next start"};
    if (settled.status != platform::ReleaseStatus::succeeded)
      co_return Error{ErrorKind::unavailable,
                      "Release " + version + " failed: " + settled.failure + ". " +
                          self->what_goes_on(app) + " `berth logs -a " + app.name + "` shows more"};
    pusher->say(
        describe_rollout(version, self->parts.store.formation(app.id), release, now() - begun));
    pusher->say("       " + self->web_url(app) + "\n");
    co_return Result<void>{};
  }

  [[nodiscard]] std::string what_goes_on(const platform::App& app) const {
    const auto serving = parts.store.serving_release(app.id);
    if (!serving || serving->image.empty()) return "Nothing is serving yet.";
    return "v" + std::to_string(serving->version) + " goes on serving.";
  }

  [[nodiscard]] std::string web_url(const platform::App& app) const {
    const std::string& listen = parts.config.router.listen.front();
    const std::string port = listen.substr(listen.rfind(':'));
    return "http://" + app.name + "." + parts.config.domain + (port == ":80" ? "" : port);
  }

  [[nodiscard]] fs::path log_path(const platform::BuildId& build) const {
    return parts.config.data_dir / "logs" / "builds" / (build.value + ".log");
  }
};

Deployer::Deployer(DeployerParts parts) : state_(std::make_shared<State>(std::move(parts))) {}

Deployer::~Deployer() = default;

Result<void> Deployer::start() {
  BERTH_ASSIGN(Fd listener, listen_unix(state_->hook_socket()));
  state_->acceptor.assign(asio::local::stream_protocol(), listener.release());
  state_->settle_builds("the platform restarted during the build; push again");
  state_->tasks.spawn(State::accept(state_));
  return {};
}

asio::awaitable<void> Deployer::stop() {
  const std::shared_ptr<State> state = state_;
  boost::system::error_code ignored;
  state->acceptor.close(ignored);
  for (auto& [ticket, job] : state->jobs)
    if (job.push.phase != PushPhase::releasing)
      state->end_push(ticket, "the platform is stopping; push again");
  co_await state->tasks.join();
}

Result<std::filesystem::path> Deployer::repository(const platform::App& app) {
  const fs::path path = state_->repository_path(app);
  if (fs::exists(path / "HEAD")) return path;
  BERTH_TRY(check_disk(free_disk_bytes(state_->parts.config.data_dir),
                       std::min(repository_bytes, state_->parts.config.min_free_disk_bytes)));
  BERTH_TRY(make_directories(path.parent_path()));
  BERTH_ASSIGN(const Output made, run_program({.argv = {"git", "init", "--quiet", "--bare",
                                                        "--initial-branch=main", path.string()}}));
  if (!made.status.success())
    return Error{ErrorKind::io, "create the app's repository: git init: " + made.err};
  std::error_code failure;
  const fs::path hook = path / "hooks" / "pre-receive";
  fs::remove(hook, failure);
  fs::create_directories(hook.parent_path(), failure);
  fs::create_symlink(state_->parts.programs / "berth-git-hook", hook, failure);
  if (failure) return Error{ErrorKind::io, "install the app's hook: " + failure.message()};
  return path;
}

asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> Deployer::begin_push(platform::App app,
                                                                               std::string user) {
  auto state = state_;
  // Before git writes anything: what it would say of a full disk helps nobody.
  const auto room = co_await state->parts.housekeeper.ensure_room();
  if (room.has_error()) co_return room.error();
  if (state->unsettled)
    state->settle_builds("its end could not be stored: the disk was full; push again");
  const auto path = repository(app);
  if (path.has_error()) co_return path.error();
  const std::string id = random_hex(16);
  // The hook is named at each push: the binaries may have moved since the repository was made.
  std::shared_ptr<api::PushTicket> ticket(
      new api::PushTicket{.id = id,
                          .env = {{"BERTH_HOOK_SOCKET", state->hook_socket().string()},
                                  {"BERTH_PUSH_ID", id}},
                          .repository = *path},
      [state](api::PushTicket* gone) {
        state->on_git_ended(gone->id);
        delete gone;
      });
  state->tickets[id] = ticket;
  state->pushes[id] = {app.id, std::move(user)};
  co_return ticket;
}

BusyBuilds Deployer::busy() const {
  BusyBuilds result{.ids = {}, .since = now()};
  for (const auto& [ticket, job] : state_->jobs) {
    if (job.push.phase == PushPhase::ended) continue;
    result.ids.insert(job.build.value);
    result.since = std::min(result.since, job.push.arrived);
  }
  return result;
}

std::filesystem::path Deployer::build_log(const platform::BuildId& build) const {
  return state_->log_path(build);
}

Result<void> Deployer::cancel_build(const platform::Build& build, const std::string& user) {
  for (const auto& [ticket, job] : state_->jobs) {
    if (job.build != build.id || job.push.cancelled) continue;
    if (job.push.phase != PushPhase::waiting && job.push.phase != PushPhase::building) break;
    state_->end_push(ticket, "cancelled by " + user);
    return {};
  }
  return Error{ErrorKind::conflict, "the build of " + build.commit.substr(0, 7) +
                                        " has ended: there is nothing to cancel. `berth builds` "
                                        "shows how it ended"};
}

void Deployer::app_destroyed(const platform::App& app) {
  for (const auto& [ticket, job] : state_->jobs)
    if (job.push.app == app.id.value)
      state_->end_push(ticket, "the app was destroyed");
  for (const fs::path& path : {state_->repository_path(app), state_->cache_path(app.id),
                               state_->parts.controller.log_directory(app.id)})
    if (auto removed = remove_tree(path); removed.has_error())
      log_warning("destroy {}: {}", app.name, removed.error().message);
  state_->turns.erase(app.id.value);
  state_->parts.housekeeper.look_soon();
}

}  // namespace berth::server
