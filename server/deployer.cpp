// SPDX-License-Identifier: Apache-2.0
#include "server/deployer.hpp"

#include <fcntl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "api/file_watcher.hpp"
#include "base/crypto.hpp"
#include "base/disk_usage.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "base/tasks.hpp"
#include "base/unix_socket.hpp"
#include "builder/source_import.hpp"
#include "platform/process_type.hpp"
#include "server/app_log.hpp"
#include "server/build_machine.hpp"
#include "server/offload.hpp"
#include "server/order.hpp"
#include "server/push.hpp"
#include "server/release_output.hpp"

namespace berth::server {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_hook_line_bytes = 1U << 20;
/// A pusher who reads this much too slowly loses the rest of the live log, not the build.
constexpr std::size_t last_lines = 20;  ///< of the app, when its release fails
constexpr std::size_t max_unsent_bytes = 8U << 20;

/// The frames of builder/git_hook: a type byte, a big-endian length, that many bytes.
std::string frame(char type, std::string_view data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  std::string result = {type, static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                        static_cast<char>(size >> 8), static_cast<char>(size)};
  return result.append(data);
}

/// The line to the pusher; shared by the coroutine that ends it and the build that writes to it.
struct Pusher : std::enable_shared_from_this<Pusher> {
  Pusher(Socket connected, TaskGroup& group) : socket(std::move(connected)), tasks(group) {}

  Socket socket;
  TaskGroup& tasks;
  std::deque<std::string> unsent;
  std::size_t unsent_bytes = 0;
  bool writing = false;
  bool gone = false;
  bool finished = false;

  void say(std::string_view text) {
    if (gone || unsent_bytes > max_unsent_bytes) return;
    send(frame('o', text));
  }
  void finish(int code) {
    finished = true;
    send(frame('x', std::string(1, static_cast<char>(code))));
  }

  void send(std::string data) {
    unsent_bytes += data.size();
    unsent.push_back(std::move(data));
    if (std::exchange(writing, true)) return;
    tasks.spawn(write(shared_from_this()));
  }

  static asio::awaitable<void> write(std::shared_ptr<Pusher> self) {
    while (!self->unsent.empty() && !self->gone) {
      boost::system::error_code failure;
      co_await asio::async_write(self->socket, asio::buffer(self->unsent.front()),
                                 asio::redirect_error(asio::use_awaitable, failure));
      if (failure) self->gone = true;
      self->unsent_bytes -= self->unsent.front().size();
      self->unsent.pop_front();
    }
    self->writing = false;
  }
};

/// Tells whoever waits for a deploy how it goes. Called on the strand.
using Say = std::function<void(std::string_view)>;

}  // namespace

struct Deployer::State : std::enable_shared_from_this<State> {
  explicit State(DeployerParts wanted)
      : parts(std::move(wanted)),
        acceptor(parts.strand),
        tasks(parts.strand),
        watcher(parts.strand) {}

  /// A build that runs or waits.
  struct Job {
    std::string what;
    platform::BuildId build;
    std::shared_ptr<std::atomic<bool>> cancel = std::make_shared<std::atomic<bool>>(false);
  };

  DeployerParts parts;
  asio::local::stream_protocol::acceptor acceptor;
  TaskGroup tasks;
  api::FileWatcher watcher;
  std::map<std::string, std::weak_ptr<api::PushTicket>> tickets;
  std::map<std::string, std::pair<platform::AppId, std::string>> pushes;  ///< ticket → app, user
  std::map<platform::AppId, Job> jobs;
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

  /// Refuses what cannot work before anything is written.
  Result<void> admit(const platform::App& app) const {
    if (const auto busy = jobs.find(app.id); busy != jobs.end())
      return Error{ErrorKind::conflict,
                   "another push is being built for this app (" + busy->second.what +
                       "). Wait until it ends, then push again"};
    return check_disk(free_disk_bytes(parts.config.data_dir), parts.config.min_free_disk_bytes);
  }

  /// The end of a build that failed. Where the disk is full, that is the reason to be told,
  /// whatever part of the build met it first.
  Error failed(const platform::App& app, const platform::Build& build, const Order& order,
               Error error) {
    if (error.kind != ErrorKind::cancelled)
      error = explain_full_disk(std::move(error), free_disk_bytes(parts.config.data_dir),
                                parts.config.min_free_disk_bytes);
    append_app_log(parts.controller.log_directory(app.id), "api",
                   "Build of " + order.what + " failed: " + error.message);
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
                                   const Order& order, const builder::BuiltImage& built,
                                   const platform::Actor& actor) {
    try {
      BERTH_TRY(parts.store.finish_build(build.id, built.image.digest));
      return parts.store.create_release(app.id,
                                        {.image = built.image.digest,
                                         .commit = build.commit,
                                         .processes = built.processes,
                                         .description = "Deploy " + order.what,
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
    for (const auto& [app, job] : jobs) running.insert(job.build);
    try {
      parts.store.fail_pending_builds(reason, running);
      unsettled = false;
    } catch (const DatabaseFull& full) {
      log_error("settle builds: {}", full.what());
      unsettled = true;
    }
  }

  static asio::awaitable<Result<void>> deploy(std::shared_ptr<State> self,
                                              std::shared_ptr<Pusher> pusher, platform::App app,
                                              platform::Actor actor, Push push,
                                              std::string commit) {
    const Order order = self->source_order(app, commit, push.quarantine, {});
    const auto build = self->begin(app, order, actor);
    if (build.has_error()) co_return build.error();
    self->tasks.spawn(cancel_if_gone(pusher, self->jobs.at(app.id).cancel));
    const Say say = [pusher](std::string_view text) { pusher->say(text); };
    co_return co_await carry_out(self, say, app, actor, *build, order);
  }

  /// From here on the app has a job, which carry_out() ends.
  Result<platform::Build> begin(const platform::App& app, const Order& order,
                                const platform::Actor& actor) {
    BERTH_TRY(admit(app));
    BERTH_ASSIGN(platform::Build build, parts.store.create_build(app.id, order.commit, actor));
    jobs[app.id] = Job{.what = order.what, .build = build.id};
    return build;
  }

  static asio::awaitable<Result<void>> carry_out(std::shared_ptr<State> self, Say say,
                                                 platform::App app, platform::Actor actor,
                                                 platform::Build build, Order order) {
    if (self->jobs.size() > static_cast<std::size_t>(self->parts.config.build.parallel))
      say("-----> Waiting for another app's build to end\n");
    auto built = co_await offload(
        self->parts.pool, self->logged(say, build.id, order, self->jobs.at(app.id).cancel));
    self->jobs.erase(app.id);
    if (built.has_error()) co_return self->failed(app, build, order, built.error());
    const auto release = self->record(app, build, order, *built, actor);
    if (release.has_error()) co_return release.error();
    // The name by which `skopeo copy oci:…` finds it; the release itself goes by digest.
    const std::string name = app.name + ":v" + std::to_string(release->version);
    const auto tagged = co_await offload(self->parts.pool, [&images = self->parts.images, name,
                                                            digest = release->image] {
      return images.tag(name, digest);
    });
    if (tagged.has_error()) log_warning("name the image {}: {}", name, tagged.error().message);
    co_return co_await roll_out(self, say, app, *release);
  }

  /// For whoever asked through the API, and reads the log there.
  static asio::awaitable<void> carry_out_alone(std::shared_ptr<State> self, platform::App app,
                                               platform::Actor actor, platform::Build build,
                                               Order order) {
    const Say nobody = [](std::string_view) {};
    const auto outcome = co_await carry_out(self, nobody, app, actor, build, order);
    if (outcome.has_error())
      log_info("{}: deploy {}: {}", app.name, order.what, outcome.error().message);
  }

  Order source_order(const platform::App& app, const std::string& commit,
                     const fs::path& quarantine, std::vector<std::string> notes) {
    const auto& limits = parts.config.build;
    builder::BuildRequest request{
        .app = app.name,
        .build_id = {},
        .source = {.repository = repository_path(app),
                   .commit = commit,
                   .extra_object_directory = quarantine},
        .config_vars = parts.store.config_vars(app.id),
        .cache_directory = cache_path(app.id),
        .work_directory = parts.config.data_dir / "work",
        .buildpacks_directory = parts.buildpacks,
        .buildpacks = parts.store.buildpacks(app.id),
        .registries = parts.config.images.registries,
        .launcher = parts.programs / "berth-launcher",
        .previous_image = {},
        .operator_env = machine_environment(),
        .extra_binds = machine_binds(),
        .limits = {.memory_bytes = limits.memory_bytes,
                   .cpu_milli = limits.cpu_milli,
                   .cpu_weight = 50,
                   .pids = limits.pids,
                   .disk_bytes = limits.disk_bytes},
        .timeout = std::chrono::duration_cast<std::chrono::seconds>(limits.timeout)};
    if (const auto target = parts.store.target_release(app.id))
      request.previous_image = target->image;
    const auto make = [self = shared_from_this(), wanted = std::move(request),
                       notes = std::move(notes)](const platform::BuildId& build,
                                                 const builder::OutputSink& sink,
                                                 const std::atomic<bool>& cancel) {
      builder::BuildRequest request = wanted;
      request.build_id = build.value;
      request.work_directory /= build.value;
      for (const auto& note : notes) sink("       Note: " + note + "\n");
      return builder::build(request, self->parts.images, self->parts.sandboxes, sink, cancel);
    };
    return {.what = commit.substr(0, 7), .commit = commit, .make = make};
  }

  /// The work for the pool, with its log: it touches nothing of ours but the line to whoever
  /// listens, by posting.
  std::function<Result<builder::BuiltImage>()> logged(
      const Say& say, const platform::BuildId& build, const Order& order,
      const std::shared_ptr<std::atomic<bool>>& cancel) {
    return [self = shared_from_this(), say, build, make = order.make, cancel,
            path = log_path(build)]() -> Result<builder::BuiltImage> {
      BERTH_TRY(make_directories(path.parent_path()));
      BERTH_ASSIGN(const Fd log, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0640));
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

  /// Nobody else reads from the hook, so data or end-of-file means that the pusher went away.
  static asio::awaitable<void> cancel_if_gone(std::shared_ptr<Pusher> pusher,
                                              std::shared_ptr<std::atomic<bool>> cancel) {
    char byte;
    boost::system::error_code failure;
    co_await pusher->socket.async_read_some(asio::buffer(&byte, 1),
                                            asio::redirect_error(asio::use_awaitable, failure));
    if (pusher->finished) co_return;
    pusher->gone = true;
    *cancel = true;
  }

  static asio::awaitable<Result<void>> roll_out(std::shared_ptr<State> self, Say say,
                                                platform::App app, platform::Release release) {
    const Time begun = now();
    ReleaseOutput printed(self->parts.controller.log_directory(app.id), {});
    const platform::Release settled = co_await settle(self, say, app, release);
    const std::string version = "v" + std::to_string(release.version);
    if (settled.status == platform::ReleaseStatus::pending)
      co_return Error{ErrorKind::unavailable, "the platform is stopping; it goes on with release " +
                                                  version + " at its next start"};
    if (settled.status != platform::ReleaseStatus::succeeded) {
      const std::string lines = printed.take_last(last_lines);
      if (!lines.empty()) say("-----> The app's last lines\n" + lines);
      co_return Error{ErrorKind::unavailable,
                      "Release " + version + " failed: " + settled.failure + ". " +
                          self->what_goes_on(app) + " `berth logs -a " + app.name + "` shows more"};
    }
    say(describe_rollout(version, self->parts.store.formation(app.id), release, now() - begun));
    say("       " + self->web_url(app) + "\n");
    co_return Result<void>{};
  }

  /// Waits until the release is settled; the pusher sees what its release command prints.
  static asio::awaitable<platform::Release> settle(std::shared_ptr<State> self,
                                                   Say say, platform::App app,
                                                   platform::Release release) {
    // Shared: whoever calls back may do so after a cancelled wait.
    struct Outcome {
      explicit Outcome(asio::any_io_executor strand) : wakeup(std::move(strand)) {}
      Wakeup wakeup;
      std::optional<platform::Release> release;
    };
    const auto outcome = std::make_shared<Outcome>(self->parts.strand);
    std::optional<ReleaseOutput> output;
    std::shared_ptr<void> watch;
    const auto command = release.processes.find(std::string(platform::release_process));
    if (command != release.processes.end()) {
      say("-----> Running the release command: " + command->second + "\n");
      const fs::path directory = self->parts.controller.log_directory(app.id);
      output.emplace(directory, std::string(platform::release_process));
      auto watching = self->watcher.watch(directory, [outcome] { outcome->wakeup.notify(); });
      if (watching.has_value()) watch = std::move(*watching);  // else all comes at the end
    }
    self->parts.controller.when_settled(app.id, release.id,
                                        [outcome](const platform::Release& done) {
                                          outcome->release = done;
                                          outcome->wakeup.notify();
                                        });
    while (!outcome->release) {
      co_await outcome->wakeup.wait();
      if (output) say(output->take());
    }
    co_return *outcome->release;
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
  for (auto& [app, job] : state->jobs) *job.cancel = true;
  co_await state->tasks.join();
  state->watcher.close();
}

Result<std::filesystem::path> Deployer::repository(const platform::App& app) {
  const fs::path path = state_->repository_path(app);
  if (fs::exists(path / "HEAD")) return path;
  BERTH_TRY(check_disk(free_disk_bytes(state_->parts.config.data_dir),
                       state_->parts.config.min_free_disk_bytes));
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

Result<std::shared_ptr<api::PushTicket>> Deployer::begin_push(const platform::App& app,
                                                              std::string user) {
  // Before git writes anything: what it would say of a full disk helps nobody.
  BERTH_TRY(check_disk(free_disk_bytes(state_->parts.config.data_dir),
                       state_->parts.config.min_free_disk_bytes));
  if (state_->unsettled)
    state_->settle_builds("its end could not be stored: the disk was full; push again");
  BERTH_ASSIGN(const fs::path path, repository(app));
  const std::string id = random_hex(16);
  auto state = state_;
  // The hook is named at each push: the binaries may have moved since the repository was made.
  std::shared_ptr<api::PushTicket> ticket(
      new api::PushTicket{.id = id,
                          .env = {{"BERTH_HOOK_SOCKET", state->hook_socket().string()},
                                  {"BERTH_PUSH_ID", id}},
                          .repository = path},
      [state](api::PushTicket* gone) {
        state->tickets.erase(gone->id);
        state->pushes.erase(gone->id);
        delete gone;
      });
  state->tickets[id] = ticket;
  state->pushes[id] = {app.id, std::move(user)};
  return ticket;
}

asio::awaitable<Result<platform::Build>> Deployer::deploy_source(platform::App app,
                                                                 platform::Actor actor,
                                                                 std::string upload) {
  const std::shared_ptr<State> state = state_;
  if (auto admitted = state->admit(app); admitted.has_error()) co_return admitted.error();
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
  const auto order = state->source_order(app, imported->commit, {}, imported->notes);
  const auto build = state->begin(app, order, actor);
  if (build.has_error()) co_return build.error();
  state->tasks.spawn(State::carry_out_alone(state, app, actor, *build, order));
  co_return *build;
}

Result<platform::Build> Deployer::deploy_image(const platform::App& app,
                                               const platform::Actor& actor,
                                               const std::string& upload,
                                               const std::string& reference) {
  if (!upload.empty()) BERTH_TRY(state_->parts.uploads.find(upload));
  const auto& parts = state_->parts;
  const Order order =
      image_order(parts.images, parts.library, parts.uploads, upload, reference);
  BERTH_ASSIGN(platform::Build build, state_->begin(app, order, actor));
  state_->tasks.spawn(State::carry_out_alone(state_, app, actor, build, order));
  return build;
}

asio::awaitable<Result<api::StackUpgrade>> Deployer::upgrade_stack(platform::App app,
                                                                   platform::Actor actor) {
  const std::shared_ptr<State> state = state_;
  auto& store = state->parts.store;
  const auto target = store.target_release(app.id);
  if (!target || target->image.empty())
    co_return Error{ErrorKind::conflict,
                    "nothing is deployed yet, so there is no base to swap: git push berth main"};
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
       .description = "Upgrade the base to " + (*image)->layers.front().diff_id.substr(7, 7),
       .build = target->build},
      actor);
  if (release.has_error()) co_return release.error();
  const std::string name = app.name + ":v" + std::to_string(release->version);
  state->parts.controller.reconcile(app.id);
  const auto tagged = co_await offload(
      state->parts.io_pool, [&images = state->parts.images, name, digest = release->image] {
        return images.tag(name, digest);
      });
  if (tagged.has_error()) log_warning("name the image {}: {}", name, tagged.error().message);
  co_return api::StackUpgrade{.release = *release, .changed = true};
}

std::filesystem::path Deployer::build_log(const platform::BuildId& build) const {
  return state_->log_path(build);
}

void Deployer::app_destroyed(const platform::App& app) {
  if (const auto job = state_->jobs.find(app.id); job != state_->jobs.end())
    *job->second.cancel = true;
  for (const fs::path& path : {state_->repository_path(app), state_->cache_path(app.id),
                               state_->parts.controller.log_directory(app.id)})
    if (auto removed = remove_tree(path); removed.has_error())
      log_warning("destroy {}: {}", app.name, removed.error().message);
}

}  // namespace berth::server
