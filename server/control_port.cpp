// SPDX-License-Identifier: Apache-2.0
#include "server/control_port.hpp"

#include "base/crypto.hpp"
#include "base/disk_usage.hpp"
#include "server/offload.hpp"

namespace berth::server {

namespace asio = boost::asio;

namespace {

constexpr Duration attach_secret_life = 60s;
constexpr std::size_t attach_secret_bytes = 24;

json::object disk_of(const std::filesystem::path& directory) {
  return {{"path", directory.string()},
          {"total_bytes", total_disk_bytes(directory)},
          {"free_bytes", free_disk_bytes(directory)}};
}

api::StoredImage stored(const LibraryImage& image) {
  api::StoredImage result{.name = image.name,
                          .digest = image.image.digest,
                          .size_bytes = 0,
                          .layers = static_cast<int>(image.image.layers.size())};
  for (const auto& layer : image.image.layers) result.size_bytes += layer.size_bytes;
  return result;
}

}  // namespace

void ControlPort::app_destroyed(const platform::App& app) {
  parts_.controller.app_destroyed(app);
  parts_.deployer.app_destroyed(app);
  parts_.volumes.collect();
}

std::vector<api::ReplicaView> ControlPort::replicas(const platform::AppId& app) {
  return parts_.controller.replicas(app);
}

std::vector<api::CheckView> ControlPort::checks(const platform::AppId& app) {
  return parts_.controller.checks(app);
}

std::vector<api::CronJobView> ControlPort::cron_jobs(const platform::AppId& app) {
  std::vector<api::CronJobView> result;
  for (CronJobs::View& view : parts_.controller.cron().jobs(app))
    result.push_back(
        {.job = std::move(view.job), .suspended = view.suspended, .next = view.next});
  return result;
}

Result<platform::CronRun> ControlPort::run_cron_job(const platform::AppId& app,
                                                    const std::string& job,
                                                    const std::string& user) {
  return parts_.controller.cron().run_now(app, job, {user}, now());
}

Result<void> ControlPort::suspend_cron_job(const platform::AppId& app, const std::string& job,
                                           bool suspended, const std::string& user) {
  return parts_.controller.cron().suspend(app, job, suspended, {user}, now());
}

api::VolumeView ControlPort::volume(const platform::Volume& volume) {
  const runtime::VolumePlace place{volume.app.value, volume.id.value};
  api::VolumeView view{.volume = volume, .used_bytes = parts_.engine.volume_bytes(place, 0)};
  for (const platform::VolumeSnapshot& snapshot : parts_.store.volume_snapshots(volume.id)) {
    ++view.snapshots;
    view.snapshot_bytes += parts_.engine.volume_bytes(place, snapshot.number);
  }
  return view;
}

std::uint64_t ControlPort::snapshot_bytes(const platform::Volume& volume,
                                          const platform::VolumeSnapshot& snapshot) {
  return parts_.engine.volume_bytes({volume.app.value, volume.id.value}, snapshot.number);
}

asio::awaitable<Result<platform::Volume>> ControlPort::create_volume(platform::AppId app,
                                                                     platform::NewVolume wanted,
                                                                     std::string user) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.volumes.create(std::move(app), std::move(wanted), std::move(actor));
}

asio::awaitable<Result<platform::Volume>> ControlPort::resize_volume(platform::Volume volume,
                                                                     std::uint64_t size_bytes,
                                                                     std::string user) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.volumes.resize(std::move(volume), size_bytes, std::move(actor));
}

Result<void> ControlPort::destroy_volume(const platform::Volume& volume, const std::string& user) {
  return parts_.volumes.destroy(volume, {user});
}

asio::awaitable<Result<platform::VolumeSnapshot>> ControlPort::snapshot_volume(
    platform::Volume volume, std::string description, std::string user) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.volumes.snapshot(std::move(volume), std::move(description),
                                             std::move(actor));
}

Result<platform::VolumeSnapshot> ControlPort::remove_snapshot(const platform::Volume& volume,
                                                              const std::string& snapshot,
                                                              const std::string& user) {
  return parts_.volumes.remove_snapshot(volume, snapshot, {user});
}

asio::awaitable<Result<platform::Volume>> ControlPort::restore_volume(platform::Volume volume,
                                                                      std::string snapshot,
                                                                      std::string user) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.volumes.restore(std::move(volume), std::move(snapshot),
                                            std::move(actor));
}

asio::awaitable<Result<void>> ControlPort::restart(platform::AppId app, std::string which) {
  co_return parts_.controller.restart(app, which);
}

asio::awaitable<Result<void>> ControlPort::stop(platform::AppId app, std::string which) {
  co_return parts_.controller.stop_replica(app, which);
}

asio::awaitable<Result<api::OneOff>> ControlPort::run(platform::AppId app,
                                                      api::OneOffRequest request) {
  auto prepared = parts_.controller.prepare_one_off(app, request);
  if (prepared.has_error()) co_return prepared.error();
  const auto started = co_await offload(parts_.pool, prepared->start);
  if (started.has_error()) {
    parts_.controller.one_off_failed(prepared->id);
    co_return started.error().context("start " + prepared->view.name);
  }
  api::OneOff result{.replica = std::move(prepared->view), .attach_secret = {}};
  if (request.attach)
    result.attach_secret = attach_secret(
        [&engine = parts_.engine, id = prepared->id] { return engine.attach(id); });
  co_return result;
}

asio::awaitable<Result<std::string>> ControlPort::exec(platform::AppId app, std::string replica,
                                                       api::OneOffRequest request) {
  // It starts when somebody comes for it: nobody has to end what nobody came for.
  auto open = parts_.controller.prepare_exec(app, replica, request);
  if (open.has_error()) co_return open.error();
  co_return attach_secret(std::move(*open));
}

std::string ControlPort::attach_secret(std::function<Result<Fd>()> open) {
  std::string secret = random_hex(attach_secret_bytes);
  attach_secrets_[secret] = {std::move(open), now() + attach_secret_life};
  return secret;
}

asio::awaitable<Result<Fd>> ControlPort::attach(std::string secret) {
  std::erase_if(attach_secrets_,
                [at = now()](const auto& entry) { return entry.second.expires < at; });
  const auto found = attach_secrets_.find(secret);
  if (found == attach_secrets_.end())
    co_return Error{ErrorKind::not_found,
                    "this session is over or was never there. Start another: berth run"};
  const auto open = std::move(found->second.open);
  attach_secrets_.erase(found);
  co_return co_await offload(parts_.pool, open);
}

asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> ControlPort::begin_push(
    platform::App app, std::string user) {
  co_return co_await parts_.deployer.begin_push(std::move(app), std::move(user));
}

Result<std::filesystem::path> ControlPort::repository(const platform::App& app) {
  return parts_.deployer.repository(app);
}

Result<std::string> ControlPort::begin_upload() { return parts_.uploads.begin(); }

asio::awaitable<Result<void>> ControlPort::write_upload(std::string id, std::uint64_t offset,
                                                        std::string data) {
  co_return co_await offload(parts_.pool, [&uploads = parts_.uploads, id, offset, data] {
    return uploads.write(id, offset, data);
  });
}

Result<void> ControlPort::finish_upload(const std::string& id) {
  return parts_.uploads.finish(id);
}

asio::awaitable<Result<std::string>> ControlPort::upload_checksum(std::string id) {
  co_return co_await offload(parts_.pool, [&uploads = parts_.uploads, id] {
    return uploads.checksum(id);
  });
}

asio::awaitable<Result<platform::Build>> ControlPort::deploy_source(platform::App app,
                                                                    std::string user,
                                                                    std::string upload) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.deployer.deploy_source(std::move(app), std::move(actor),
                                                   std::move(upload));
}

Result<platform::Build> ControlPort::deploy_image(const platform::App& app, std::string user,
                                                  const std::string& upload,
                                                  const std::string& reference) {
  return parts_.deployer.deploy_image(app, {std::move(user)}, upload, reference);
}

asio::awaitable<Result<api::StackUpgrade>> ControlPort::upgrade_stack(platform::App app,
                                                                      std::string user) {
  platform::Actor actor{std::move(user)};
  co_return co_await parts_.deployer.upgrade_stack(std::move(app), std::move(actor));
}

asio::awaitable<Result<api::StoredImage>> ControlPort::import_image(std::string upload,
                                                                    std::string name) {
  const auto stays = parts_.housekeeper.protect();
  co_return co_await offload(
      parts_.pool,
      [&uploads = parts_.uploads, &library = parts_.library, upload,
       name]() -> Result<api::StoredImage> {
        BERTH_ASSIGN(const auto archive, uploads.find(upload));
        const auto image = library.import(archive, name);
        uploads.remove(upload);
        if (image.has_error()) return image.error();
        return stored(*image);
      });
}

asio::awaitable<Result<std::vector<api::StoredImage>>> ControlPort::stored_images() {
  co_return co_await offload(
      parts_.pool, [&library = parts_.library]() -> Result<std::vector<api::StoredImage>> {
        BERTH_ASSIGN(const auto images, library.list());
        std::vector<api::StoredImage> result;
        for (const auto& image : images) result.push_back(stored(image));
        return result;
      });
}

asio::awaitable<Result<api::StoredImage>> ControlPort::remove_image(std::string name) {
  co_return co_await offload(parts_.pool,
                             [&library = parts_.library, name]() -> Result<api::StoredImage> {
                               BERTH_ASSIGN(const auto image, library.remove(name));
                               return stored(image);
                             });
}

std::filesystem::path ControlPort::build_log(const platform::BuildId& build) {
  return parts_.deployer.build_log(build);
}

Result<void> ControlPort::cancel_build(const platform::Build& build, const std::string& user) {
  return parts_.deployer.cancel_build(build, user);
}

std::filesystem::path ControlPort::log_directory(const platform::App& app) {
  return parts_.controller.log_directory(app.id);
}

std::vector<api::TrafficSample> ControlPort::traffic(const platform::AppId& app, int seconds) {
  return parts_.controller.traffic(app, seconds);
}

std::shared_ptr<void> ControlPort::subscribe(std::function<void(const Notice&)> listener) {
  return parts_.notices.subscribe(std::move(listener));
}

Result<void> ControlPort::check_kept(const platform::Release& release) {
  return parts_.housekeeper.check_kept(release);
}

Result<std::string> ControlPort::development_authority() {
  return parts_.certificates.development_authority();
}

std::optional<api::PlatformCertificate> ControlPort::platform_certificate(
    const platform::App& app) {
  return parts_.certificates.shown_for(app);
}

asio::awaitable<json::object> ControlPort::disk_usage() {
  co_return co_await parts_.housekeeper.usage();
}

asio::awaitable<json::object> ControlPort::prune(bool dry_run) {
  builder::Collection done;
  if (dry_run) done = co_await parts_.housekeeper.preview();
  else done = co_await parts_.housekeeper.collect();
  const auto names = [](const std::vector<std::string>& all) {
    return json::array(all.begin(), all.end());
  };
  co_return json::object{{"dry_run", dry_run},
                         {"bytes", done.bytes},
                         {"images", names(done.tags)},
                         {"blobs", done.blobs.size()},
                         {"layers", done.layers.size()},
                         {"caches", done.caches.size()},
                         {"paths", names(done.paths)},
                         {"free_bytes", free_disk_bytes(parts_.config.data_dir)}};
}

json::object ControlPort::status() {
  return {{"router", parts_.router.status()},
          {"engine", parts_.controller.status()},
          {"disk", disk_of(parts_.config.data_dir)}};
}

}  // namespace berth::server
