// SPDX-License-Identifier: Apache-2.0
#include "server/deployer.hpp"

#include <fcntl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "base/crypto.hpp"
#include "base/disk_usage.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "base/tasks.hpp"
#include "base/unix_socket.hpp"
#include "builder/branch.hpp"
#include "builder/source_import.hpp"
#include "server/app_log.hpp"
#include "server/app_sizes.hpp"
#include "server/deploy_queue.hpp"
#include "server/offload.hpp"
#include "server/order.hpp"
#include "server/priority.hpp"
#include "server/push.hpp"
#include "server/pusher.hpp"
#include "server/repository.hpp"
#include "server/roll_out.hpp"
#include "server/source_order.hpp"

namespace berth::server {

namespace asio = boost::asio;
using Socket = Pusher::Socket;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_hook_line_bytes = 1U << 20;
constexpr std::uint64_t repository_bytes = 4U << 20;  ///< more than an empty repository takes

/// A deploy from its admission to its end.
struct Deploy {
  std::string id;  ///< of its job: the push's ticket, or the build
  platform::App app;
  platform::Actor actor;
  Order order;
  Say say;
  Say waits = say;                      ///< told while it waits, before its build has a log
  std::vector<RefUpdate> updates = {};  ///< what git moves afterwards
  fs::path repository = {};             ///< in this one
};

}  // namespace

struct Deployer::State : std::enable_shared_from_this<State> {
  explicit State(DeployerParts wanted)
      : parts(std::move(wanted)),
        acceptor(parts.strand),
        tasks(parts.strand),
        roll_out(parts.strand, parts.config, parts.store, parts.controller),
        queue(std::make_shared<DeployQueue>(
            parts.strand, QueuePolicy{.parallel = parts.config.build.parallel,
                                      .timeout = parts.config.build.queue_timeout})) {}

  DeployerParts parts;
  asio::local::stream_protocol::acceptor acceptor;
  TaskGroup tasks;
  RollOut roll_out;
  std::map<std::string, std::weak_ptr<api::PushTicket>> tickets;
  std::map<std::string, std::pair<platform::AppId, std::string>> pushes;  ///< ticket → app, user
  std::shared_ptr<DeployQueue> queue;
  bool unsettled = false;  ///< a build ended and the store had no room for it

  [[nodiscard]] fs::path repository_path(const platform::AppId& app) const {
    return parts.config.data_dir / "git" / (app.value + ".git");
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
    if (const auto ended = self->end_previews(*app, *decision, actor, *pusher); ended.has_error())
      co_return ended.error();
    if (decision->commit.empty()) co_return Result<void>{};
    if (decision->preview) {
      auto outcome = co_await deploy_preview(self, pusher, *app, actor, std::move(push), *decision);
      co_return outcome;
    }
    co_return co_await deploy(self, pusher, *app, *app, actor, std::move(push), decision->commit);
  }

  /// git removes their refs when this push is accepted.
  Result<void> end_previews(const platform::App& parent, const PushDecision& decision,
                            const platform::Actor& actor, Pusher& pusher) {
    for (const platform::PreviewName& name : decision.ended) {
      const auto preview = parts.store.find_preview(parent.id, name.text());
      if (preview.has_error()) continue;  // its ref was all that was left of it
      BERTH_TRY(parts.previews.remove(*preview, actor, Previews::Ref::stays));
      pusher.say("-----> Preview " + name.text() + " is removed\n");
    }
    return {};
  }

  static asio::awaitable<Result<void>> deploy_preview(std::shared_ptr<State> self,
                                                      std::shared_ptr<Pusher> pusher,
                                                      platform::App parent, platform::Actor actor,
                                                      Push push, PushDecision decision) {
    const auto preview = self->parts.previews.prepare(
        parent, *decision.preview,
        {.repository = self->repository_path(parent.id),
         .commit = decision.commit,
         .extra_object_directory = push.quarantine},
        actor);
    if (preview.has_error()) co_return preview.error();
    auto outcome = co_await deploy(self, pusher, *preview, parent, actor, std::move(push),
                                   decision.commit);
    pusher->say(self->parts.previews.pushed(*preview, !outcome.has_error()));
    co_return outcome;
  }

  /// Tells a deploy to end, whatever it does. A release that serves already is not taken back.
  void end_deploy(const std::string& id, const std::string& reason) {
    const DeployJob* job = queue->find(id);
    if (!job || job->push.cancelled || job->push.phase == PushPhase::ended) return;
    if (job->push.phase == PushPhase::releasing) {
      const platform::AppId app(job->push.app);
      const auto release = parts.store.find_release(app, job->release.value);
      if (release.has_value()) {
        if (release->status != platform::ReleaseStatus::pending) return;
        parts.store.settle_release(job->release, platform::ReleaseStatus::failed, reason);
        parts.controller.reconcile(app);
      }
    }
    queue->cancel(id, reason);
  }

  /// The deploys of the app that a new one of `commit` ends, ended; or why it is refused.
  Result<void> supersede(const platform::App& app, const Order& order) {
    BERTH_ASSIGN(const auto older, queue->admit(app.id, order.commit));
    for (const std::string& id : older)
      end_deploy(id, "superseded by a newer push (" + order.what + ")");
    return {};
  }

  /// The end of a build that failed. Where the disk is full, that is the reason to be told,
  /// whatever part of the build met it first.
  Error failed(const Deploy& deploy, Error error) {
    const platform::BuildId build = queue->at(deploy.id).build;
    if (build.empty()) return error;  // it never came to a build
    if (error.kind != ErrorKind::cancelled)
      error = explain_full_disk(std::move(error), free_disk_bytes(parts.config.data_dir),
                                parts.config.min_free_disk_bytes);
    append_app_log(parts.controller.log_directory(deploy.app.id), "api",
                   "Build of " + deploy.order.what + " failed: " + error.message);
    try {
      // Its app may be gone meanwhile; then there is nothing to settle.
      (void)parts.store.fail_build(build, error.message);
    } catch (const DatabaseFull&) {
      unsettled = true;
    }
    return error;
  }

  /// The image is built: the build's end and the new release.
  Result<platform::Release> record(const Deploy& deploy, const builder::BuiltImage& built) {
    const platform::BuildId build = queue->at(deploy.id).build;
    try {
      BERTH_TRY(parts.store.finish_build(build, built.image.digest));
      return parts.store.create_release(deploy.app.id,
                                        {.image = built.image.digest,
                                         .commit = deploy.order.commit,
                                         .processes = built.processes,
                                         .app_json = built.app_json,
                                         .description = "Deploy " + deploy.order.what,
                                         .build = build},
                                        deploy.actor);
    } catch (const DatabaseFull& full) {
      unsettled = true;
      return Error{ErrorKind::unavailable, full.what()};
    }
  }

  /// Builds whose end found no room in the store, or whose server was killed.
  void settle_builds(std::string_view reason) {
    try {
      parts.store.fail_pending_builds(reason, queue->builds());
      unsettled = false;
    } catch (const DatabaseFull& full) {
      log_error("settle builds: {}", full.what());
      unsettled = true;
    }
  }

  /// A push to `pushed_to`, which is the app, or what it is a preview of.
  static asio::awaitable<Result<void>> deploy(std::shared_ptr<State> self,
                                              std::shared_ptr<Pusher> pusher, platform::App app,
                                              platform::App pushed_to, platform::Actor actor,
                                              Push push, std::string commit) {
    Deploy deploy{.id = push.ticket,
                  .app = app,
                  .actor = actor,
                  .order = self->order_source(app, pushed_to, commit, push.quarantine, {}),
                  .say = [pusher](std::string_view text) { pusher->say(text); },
                  .repository = self->repository_path(pushed_to.id)};
    for (const RefUpdate& update : push.updates)
      if (update.after == commit) deploy.updates.push_back(update);
    if (auto admitted = self->supersede(app, deploy.order); admitted.has_error())
      co_return admitted.error();
    self->queue->add(deploy.id, app, commit).git_runs = true;
    self->tasks.spawn(end_if_gone(self, pusher, deploy.id));
    co_return co_await carry_out(self, std::move(deploy));
  }

  /// The deploy of whoever asks through the API, and reads the log there.
  Result<platform::Build> begin(const platform::App& app, const platform::Actor& actor,
                                Order order) {
    BERTH_TRY(supersede(app, order));
    BERTH_ASSIGN(platform::Build build, parts.store.create_build(app.id, order.commit, actor));
    queue->add(build.id.value, app, order.commit).build = build.id;
    tasks.spawn(carry_out_alone(shared_from_this(), {.id = build.id.value,
                                                     .app = app,
                                                     .actor = actor,
                                                     .order = std::move(order),
                                                     .say = [](std::string_view) {},
                                                     .waits = append_to(log_path(build.id))}));
    return build;
  }

  static asio::awaitable<void> carry_out_alone(std::shared_ptr<State> self, Deploy deploy) {
    const std::string what = deploy.app.name + ": deploy " + deploy.order.what;
    const auto outcome = co_await carry_out(self, std::move(deploy));
    if (outcome.has_error()) log_info("{}: {}", what, outcome.error().message);
  }

  /// Ends the deploy's job, whatever happens: the next one must not wait for this one.
  static asio::awaitable<Result<void>> carry_out(std::shared_ptr<State> self, Deploy deploy) {
    const std::string id = deploy.id;
    Result<void> outcome;
    try {
      outcome = co_await in_turn(self, std::move(deploy));
    } catch (const std::exception& failure) {
      self->unsettled = true;
      outcome = Error{ErrorKind::internal, failure.what()};
    }
    self->queue->end(id);
    self->parts.housekeeper.look_soon();  // not before: deletions would delay the new release
    co_return outcome;
  }

  static asio::awaitable<Result<void>> in_turn(std::shared_ptr<State> self, Deploy deploy) {
    const auto ready = co_await get_ready(self, deploy);
    if (ready.has_error()) co_return self->failed(deploy, ready.error());
    DeployJob& job = self->queue->at(deploy.id);
    auto built = co_await offload(self->parts.pool, self->logged(deploy, job));
    if (job.push.cancelled)
      co_return self->failed(deploy, self->queue->ended_early(deploy.id));
    if (built.has_error()) co_return self->failed(deploy, built.error());
    settle_sizes(built->app_json, self->parts.config, deploy.say);
    const auto release = self->record(deploy, *built);
    if (release.has_error()) co_return release.error();
    self->queue->release(deploy.id, release->id);
    co_await name_image(self, self->parts.pool, deploy.app, *release);
    const auto outcome = co_await self->roll_out.finish(deploy.app, *release, deploy.say);
    self->parts.runtimes.want(built->missing_runtimes);
    co_return outcome;
  }

  /// All that comes before the work: older deploys have ended, the branch is as the push found it,
  /// there is room, and it is this one's turn.
  static asio::awaitable<Result<void>> get_ready(std::shared_ptr<State> self,
                                                 const Deploy& deploy) {
    const auto held = co_await self->queue->hold(deploy.id, deploy.waits);
    if (held.has_error()) co_return held.error();
    const auto branch = check_branches(deploy.repository, deploy.updates);
    if (branch.has_error()) co_return branch.error();
    const auto room = co_await self->parts.housekeeper.ensure_room();
    if (room.has_error()) co_return room.error();
    DeployJob& job = self->queue->at(deploy.id);
    if (job.build.empty()) {
      const auto build =
          self->parts.store.create_build(deploy.app.id, deploy.order.commit, deploy.actor);
      if (build.has_error()) co_return build.error();
      job.build = build->id;
    }
    co_return co_await self->queue->take_turn(deploy.id, deploy.waits);
  }

  /// The name by which `skopeo copy oci:…` finds it; the release itself goes by digest.
  static asio::awaitable<void> name_image(std::shared_ptr<State> self, asio::thread_pool& pool,
                                          platform::App app, platform::Release release) {
    const std::string name = app.name + ":v" + std::to_string(release.version);
    const auto tagged = co_await offload(
        pool, [&images = self->parts.images, name, digest = release.image] {
          return images.tag(name, digest);
        });
    if (tagged.has_error()) log_warning("name the image {}: {}", name, tagged.error().message);
  }

  Order order_source(const platform::App& app, const platform::App& pushed_to,
                     const std::string& commit, const fs::path& quarantine,
                     std::vector<std::string> notes) {
    return source_order({.config = parts.config,
                         .store = parts.store,
                         .images = parts.images,
                         .sandboxes = parts.sandboxes,
                         .library = parts.library,
                         .programs = parts.programs},
                        {.app = app,
                         .repository = repository_path(pushed_to.id),
                         .commit = commit,
                         .quarantine = quarantine,
                         .cache = cache_path(app.id),
                         .first_cache = app.preview ? cache_path(app.preview->parent) : fs::path(),
                         .notes = std::move(notes)});
  }

  /// The work for the pool, with its log: it touches nothing of ours but the line to whoever
  /// listens, by posting.
  std::function<Result<builder::BuiltImage>()> logged(const Deploy& deploy,
                                                      const DeployJob& job) {
    return [self = shared_from_this(), say = deploy.say, build = job.build,
            make = deploy.order.prepare(), cancel = job.cancel,
            path = log_path(job.build)]() -> Result<builder::BuiltImage> {
      yield_to_replicas();
      BERTH_TRY(make_directories(path.parent_path()));
      BERTH_ASSIGN(const Fd log, open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0640));
      const auto sink = [&](std::string_view text) {
        // A full disk may cost log lines, not the build.
        (void)write_all(log.get(), text);
        asio::post(self->parts.strand, [say, line = std::string(text)] { say(line); });
      };
      auto built = make(build, sink, *cancel);
      // Whoever waits is told by who ends the deploy.
      if (built.has_error()) (void)write_all(log.get(), " !     " + built.error().message + "\n");
      return built;
    };
  }

  /// Nobody else reads from the hook, so data or end-of-file means that the pusher went away. A
  /// release that rolls out is not taken back for that.
  static asio::awaitable<void> end_if_gone(std::shared_ptr<State> self,
                                           std::shared_ptr<Pusher> pusher, std::string id) {
    char byte;
    boost::system::error_code failure;
    co_await pusher->socket.async_read_some(asio::buffer(&byte, 1),
                                            asio::redirect_error(asio::use_awaitable, failure));
    if (pusher->finished) co_return;
    pusher->gone = true;
    const DeployJob* job = self->queue->find(id);
    if (job && job->push.phase != PushPhase::releasing)
      self->end_deploy(id, "the build was cancelled: the pusher went away");
  }

  [[nodiscard]] fs::path log_path(const platform::BuildId& build) const {
    return parts.config.data_dir / builder::build_log_path(build.value);
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
  for (const std::string& id : state->queue->ids())
    if (state->queue->at(id).push.phase != PushPhase::releasing)
      state->end_deploy(id, "the platform is stopping; push again");
  co_await state->tasks.join();
  state->roll_out.close();
}

Result<std::filesystem::path> Deployer::repository(const platform::App& app) {
  if (app.preview) {
    const auto parent = state_->parts.store.find_app(app.preview->parent.value);
    return Error{ErrorKind::conflict,
                 app.name + " is a preview: its code comes from the repository of " +
                     (parent.has_error() ? "its app" : parent->name) +
                     ". There: git push berth HEAD:" + std::string(preview_refs) +
                     app.preview->name};
  }
  const fs::path path = state_->repository_path(app.id);
  if (fs::exists(path / "HEAD")) return path;
  BERTH_TRY(check_disk(free_disk_bytes(state_->parts.config.data_dir),
                       std::min(repository_bytes, state_->parts.config.min_free_disk_bytes)));
  BERTH_TRY(create_repository(path, state_->parts.programs.programs / "berth-git-hook"));
  return path;
}

asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> Deployer::begin_push(platform::App app,
                                                                               std::string user) {
  const std::shared_ptr<State> state = state_;
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
        state->tickets.erase(gone->id);
        state->pushes.erase(gone->id);
        // And with git everything that could move the branch.
        state->queue->git_ended(gone->id);
        delete gone;
      });
  state->tickets[id] = ticket;
  state->pushes[id] = {app.id, std::move(user)};
  co_return ticket;
}

asio::awaitable<Result<platform::Build>> Deployer::deploy_source(platform::App app,
                                                                 platform::Actor actor,
                                                                 std::string upload) {
  const std::shared_ptr<State> state = state_;
  const auto room = co_await state->parts.housekeeper.ensure_room();
  if (room.has_error()) co_return room.error();
  const auto archive = state->parts.uploads.find(upload);
  if (archive.has_error()) co_return archive.error();
  const auto path = repository(app);
  if (path.has_error()) co_return path.error();
  const builder::SourceImport import{.archive = *archive,
                                     .repository = *path,
                                     .author = actor.user,
                                     .message = "Deployed without git\n"};
  const auto imported = co_await offload(
      state->parts.io_pool, [import] { return builder::import_source(import); });
  state->parts.uploads.remove(upload);
  if (imported.has_error())
    co_return explain_full_disk(imported.error(), free_disk_bytes(state->parts.config.data_dir),
                                state->parts.config.min_free_disk_bytes);
  co_return state->begin(app, actor,
                         state->order_source(app, app, imported->commit, {}, imported->notes));
}

Result<platform::Build> Deployer::deploy_image(const platform::App& app,
                                               const platform::Actor& actor,
                                               const std::string& upload,
                                               const std::string& reference) {
  if (!upload.empty()) BERTH_TRY(state_->parts.uploads.find(upload));
  const auto& parts = state_->parts;
  return state_->begin(app, actor,
                       image_order(parts.images, parts.library, parts.uploads, upload, reference));
}

asio::awaitable<Result<api::StackUpgrade>> Deployer::upgrade_stack(platform::App app,
                                                                   platform::Actor actor) {
  const std::shared_ptr<State> state = state_;
  auto& store = state->parts.store;
  const auto target = store.target_release(app.id);
  if (!target || target->image.empty())
    co_return Error{ErrorKind::conflict,
                    "nothing is deployed yet, so there is no base to swap: git push berth main"};
  const auto stays = state->parts.housekeeper.protect();
  const auto image = co_await offload(
      state->parts.io_pool, [&images = state->parts.images, digest = target->image] {
        return rebased(images, digest);
      });
  if (image.has_error()) co_return image.error();
  if (!image->has_value()) co_return api::StackUpgrade{.release = *target, .changed = false};
  const auto still = store.target_release(app.id);
  if (!still || still->id != target->id)
    co_return Error{ErrorKind::conflict,
                    "another release was made meanwhile; run the command again"};
  const auto release = store.create_release(
      app.id,
      {.image = (*image)->digest,
       .commit = target->commit,
       .processes = target->processes,
       .app_json = target->app_json,
       .description = "Upgrade the base to " + (*image)->layers.front().diff_id.substr(7, 7),
       .build = target->build},
      actor);
  if (release.has_error()) co_return release.error();
  state->parts.controller.reconcile(app.id);
  co_await State::name_image(state, state->parts.io_pool, app, *release);
  co_return api::StackUpgrade{.release = *release, .changed = true};
}

std::filesystem::path Deployer::build_log(const platform::BuildId& build) const {
  return state_->log_path(build);
}

BusyBuilds Deployer::busy() const { return state_->queue->busy(); }

Result<void> Deployer::cancel_build(const platform::Build& build, const std::string& user) {
  for (const std::string& id : state_->queue->ids(build.app)) {
    const DeployJob& job = state_->queue->at(id);
    const bool ends = job.push.phase == PushPhase::held || job.push.phase == PushPhase::waiting ||
                      job.push.phase == PushPhase::building;
    if (job.build != build.id || job.push.cancelled || !ends) continue;
    state_->end_deploy(id, "cancelled by " + user);
    return {};
  }
  return Error{ErrorKind::conflict,
               "the build " + build.id.value.substr(0, 8) +
                   " has ended: there is nothing to cancel. `berth builds` shows how it ended"};
}

void Deployer::app_destroyed(const platform::App& app, Previews::Ref ref) {
  for (const std::string& id : state_->queue->ids(app.id))
    state_->end_deploy(id, "the app was destroyed");
  for (const fs::path& path : {state_->repository_path(app.id), state_->cache_path(app.id),
                               state_->parts.controller.log_directory(app.id)})
    if (auto removed = state_->parts.images.put_away(path); removed.has_error())
      log_warning("destroy {}: {}", app.name, removed.error().message);
  if (app.preview && ref == Previews::Ref::goes)
    if (auto removed = builder::remove_branch(state_->repository_path(app.preview->parent),
                                              std::string(preview_refs) + app.preview->name);
        removed.has_error())
      log_warning("destroy {}: {}", app.name, removed.error().message);
  state_->queue->forget(app.id);
  state_->parts.housekeeper.look_soon();
}

bool Deployer::deploys(const platform::AppId& app) const {
  return std::ranges::any_of(state_->queue->ids(app), [this](const std::string& id) {
    return state_->queue->at(id).push.phase != PushPhase::ended;
  });
}

}  // namespace berth::server
