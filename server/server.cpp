// SPDX-License-Identifier: Apache-2.0
#include "server/server.hpp"

#include <malloc.h>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <exception>
#include <optional>

#include "api/server.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "builder/image_store.hpp"
#include "builder/stack_import.hpp"
#include "platform/store.hpp"
#include "runtime/engine/local/local_engine.hpp"
#include "server/automatic_certificates.hpp"
#include "server/certificates.hpp"
#include "server/control_port.hpp"
#include "server/controller.hpp"
#include "server/data_directory.hpp"
#include "server/deployer.hpp"
#include "server/engine_options.hpp"
#include "server/housekeeper.hpp"
#include "server/local_sandbox.hpp"
#include "server/notices.hpp"
#include "server/router_link.hpp"
#include "server/router_process.hpp"
#include "server/runtime_maker.hpp"

namespace berth::server {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view admin = "admin";
constexpr std::size_t engine_threads = 8;
constexpr std::size_t spare_build_threads = 2;  ///< to name an image while others build

/// The first token, for the machine's owner: a file only root reads.
Result<void> ensure_admin_token(platform::Store& store, const fs::path& data) {
  const fs::path file = data / "keys" / "admin-token";
  const auto known = read_file(file, 4096);
  if (known.has_value() && store.authenticate(known->substr(0, known->find('\n'))).has_value())
    return {};
  const auto issued = store.create_token(admin, "the machine's owner", std::nullopt, {"berth"});
  return write_file_atomic(file, issued.secret + "\n", 0600);
}

/// The platform's own host names lead to the control plane itself.
void route_control_plane(RouterLink& router, const platform::Config& config) {
  const std::string& listen = config.api.listen;
  const auto colon = listen.rfind(':');
  router.put_app(
      "_control",
      {{"state", "running"},
       {"release", 0},
       {"log", ""},
       {"message", ""},
       {"first_byte_timeout_ms", 3'600'000},  // a push waits for its build
       {"idle_timeout_ms", 3'600'000},
       {"hold_timeout_ms", 1'000},
       {"replicas", json::array{json::object{{"id", "_control"},
                                             {"name", "server"},
                                             {"address", listen.substr(0, colon)},
                                             {"port", std::atoi(listen.c_str() + colon + 1)}}}}});
  for (const auto* name : {"api.", "git.", "dashboard."})
    router.put_host(name + config.domain, "_control");
}

/// Every part in the order of its making; the destructor takes them down in reverse.
class Parts {
 public:
  Parts(const ServerOptions& options, const fs::path& program, platform::Store store,
        builder::ImageStore images)
      : config_(options.config),
        programs_(program.parent_path()),
        build_programs_{.programs = programs_,
                        .buildpacks = config_.buildpacks_dir.empty() ? programs_ / "buildpacks"
                                                                     : config_.buildpacks_dir},
        store_(std::move(store)),
        images_(std::move(images)),
        engine_(engine_options(config_, programs_)),
        sandboxes_(engine_),
        uploads_(config_.data_dir / "uploads", config_.min_free_disk_bytes),
        library_(images_, config_),
        engine_pool_(engine_threads),
        build_pool_(static_cast<std::size_t>(config_.build.parallel) + spare_build_threads),
        router_(context_.get_executor(), config_.data_dir / "run" / "router.sock"),
        router_process_(context_.get_executor(),
                        {.argv = router_arguments(program, config_),
                         .control_socket = config_.data_dir / "run" / "router.sock",
                         .log_file = config_.data_dir / "logs" / "router.log"}),
        certificates_(config_, store_, router_),
        controller_({.strand = context_.get_executor(),
                     .pool = engine_pool_,
                     .config = config_,
                     .store = store_,
                     .images = images_,
                     .engine = engine_,
                     .router = router_,
                     .certificates = certificates_,
                     .notices = notices_}),
        volumes_({.strand = context_.get_executor(),
                  .pool = engine_pool_,
                  .store = store_,
                  .engine = engine_,
                  .controller = controller_}),
        housekeeper_({.strand = context_.get_executor(),
                      .config = config_,
                      .store = store_,
                      .images = images_,
                      .controller = controller_}),
        automatic_certificates_(
            {.strand = context_.get_executor(),
             .pool = engine_pool_,
             .config = config_,
             .store = store_,
             .router = router_,
             .changed = [this](const platform::AppId& app) { controller_.reconcile(app); }}),
        runtimes_({.strand = context_.get_executor(),
                   .config = config_,
                   .images = images_,
                   .sandboxes = sandboxes_,
                   .housekeeper = housekeeper_,
                   .programs = build_programs_}),
        previews_({.strand = context_.get_executor(),
                   .config = config_,
                   .store = store_,
                   .apply_egress =
                       [this](const platform::App& app) { return controller_.apply_egress(app); }}),
        deployer_({.strand = context_.get_executor(),
                   .pool = build_pool_,
                   .io_pool = engine_pool_,
                   .config = config_,
                   .store = store_,
                   .images = images_,
                   .sandboxes = sandboxes_,
                   .uploads = uploads_,
                   .library = library_,
                   .controller = controller_,
                   .housekeeper = housekeeper_,
                   .runtimes = runtimes_,
                   .previews = previews_,
                   .programs = build_programs_}),
        control_({.pool = engine_pool_,
                  .config = config_,
                  .store = store_,
                  .engine = engine_,
                  .controller = controller_,
                  .deployer = deployer_,
                  .uploads = uploads_,
                  .library = library_,
                  .housekeeper = housekeeper_,
                  .router = router_,
                  .certificates = certificates_,
                  .notices = notices_,
                  .volumes = volumes_}),
        signals_(context_, SIGTERM, SIGINT) {}

  Result<void> start() {
    const auto ports = platform::RouterPorts::of(config_);
    if (ports.http == 0)
      return Error{ErrorKind::invalid,
                   "'" + config_.router.listen.front() + "' is not ADDRESS:PORT"};
    api_.emplace(context_.get_executor(),
                 api::Services{.store = store_,
                               .control = control_,
                               .settings = {.domain = config_.domain,
                                            .router = ports,
                                            .automatic_certificates =
                                                !config_.router.https.empty() &&
                                                !config_.acme.directory.empty(),
                                            .listen = config_.api.listen,
                                            .dashboard_directory = config_.dashboard_dir.empty()
                                                                       ? programs_ / "dashboard"
                                                                       : config_.dashboard_dir,
                                            .owner = std::string(admin),
                                            .max_upload_bytes = config_.images.max_size_bytes,
                                            .max_push_bytes = config_.git.max_push_bytes,
                                            .sizes = config_.runtime.sizes}});
    BERTH_TRY(api_->start());
    store_.on_event([this](const platform::Event& event) { notices_.changed(event); });
    notices_.begin(store_, api_->renderer());
    if (config_.router.managed) BERTH_TRY(router_process_.start());
    uploads_.clear();
    BERTH_TRY(deployer_.start());
    route_control_plane(router_, config_);
    BERTH_TRY(certificates_.start());
    BERTH_TRY(controller_.start());
    volumes_.start();
    BERTH_TRY(automatic_certificates_.start());
    housekeeper_.start([this] { return deployer_.busy(); });
    previews_.start({.busy = [this](const platform::AppId& app) { return deployer_.deploys(app); },
                     .destroyed =
                         [this](const platform::App& app, Previews::Ref ref) {
                           controller_.app_destroyed(app);
                           deployer_.app_destroyed(app, ref);
                         }});
    return {};
  }

  void run() {
    spawn(stop_at_signal());
    log_info("serving: API on {}, router on {}, data in {}", config_.api.listen,
             config_.router.listen.front(), config_.data_dir.string());
    context_.run();
    build_pool_.join();
    engine_pool_.join();
  }

  /// After a start that failed half-way: what was started ends in order.
  void abandon() {
    spawn(stop_all());
    context_.run();
    build_pool_.join();
    engine_pool_.join();
  }

 private:
  void spawn(asio::awaitable<void> task) {
    asio::co_spawn(context_, std::move(task), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }

  asio::awaitable<void> stop_at_signal() {
    co_await signals_.async_wait(asio::use_awaitable);
    log_info("stopping; replicas and router go on");
    co_await stop_all();
  }

  asio::awaitable<void> stop_all() {
    co_await controller_.stop();
    co_await volumes_.stop();
    co_await automatic_certificates_.stop();
    co_await router_process_.stop_watching();
    co_await router_.stop();
    co_await deployer_.stop();
    co_await previews_.stop();
    co_await runtimes_.stop();
    co_await housekeeper_.stop();
    if (api_) co_await api_->stop();
    context_.stop();
  }

  const platform::Config& config_;
  fs::path programs_;
  BuildPrograms build_programs_;
  asio::io_context context_{1};
  platform::Store store_;
  builder::ImageStore images_;
  runtime::LocalEngine engine_;
  LocalSandboxFactory sandboxes_;
  Uploads uploads_;
  ImageLibrary library_;
  asio::thread_pool engine_pool_;
  asio::thread_pool build_pool_;
  Notices notices_;
  RouterLink router_;
  RouterProcess router_process_;
  Certificates certificates_;
  Controller controller_;
  VolumeKeeper volumes_;
  Housekeeper housekeeper_;
  AutomaticCertificates automatic_certificates_;
  RuntimeMaker runtimes_;
  Previews previews_;
  Deployer deployer_;
  ControlPort control_;
  std::optional<api::Server> api_;
  asio::signal_set signals_;
};

}  // namespace

Result<void> run_server(const ServerOptions& options) {
  // Threads that build in turn would each keep a heap as large as the largest build's.
  ::mallopt(M_ARENA_MAX, 2);
  if (::geteuid() != 0)
    return Error{ErrorKind::forbidden,
                 "berth server must run as root: it makes the namespaces, mounts and networks that "
                 "keep apps apart. Try: sudo berth server"};
  // A service manager's may be tight. Files of images and replicas are for users inside, and an
  // image's digest shall not depend on it; what is private has a mode of its own.
  ::umask(022);
  const fs::path& data = options.config.data_dir;
  BERTH_ASSIGN(const DataDirectory lock, DataDirectory::open(data));
  BERTH_ASSIGN(SecretBox secrets, SecretBox::open(data / "keys" / "secrets"));
  BERTH_ASSIGN(platform::Store store, platform::Store::open(data / "berth.db", std::move(secrets)));
  BERTH_TRY(ensure_admin_token(store, data));
  BERTH_ASSIGN(builder::ImageStore images, builder::ImageStore::open(data));
  if (!options.stack.empty())
    BERTH_TRY(with_context(builder::import_stack(images, options.stack), "import the stack"));
  BERTH_ASSIGN(const fs::path program, program_path());
  Parts parts(options, program, std::move(store), std::move(images));
  if (auto started = parts.start(); started.has_error()) {
    parts.abandon();
    return started;
  }
  parts.run();
  return {};
}

}  // namespace berth::server
