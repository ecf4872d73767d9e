// SPDX-License-Identifier: Apache-2.0
//
// The rest of the control plane as the API's tests need it: it remembers what it was asked, and
// shows what a test tells it to. Used on the strand, as the real one is.
#pragma once

#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/control.hpp"
#include "base/child_process.hpp"
#include "base/crypto.hpp"
#include "base/file.hpp"
#include "platform/store.hpp"

namespace berth::test {

class FakeControl final : public api::Control {
 public:
  explicit FakeControl(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::optional<std::string> authority;  ///< of development
  std::optional<api::PlatformCertificate> shown_certificate;
  std::vector<std::string> calls;  ///< "reconcile ID", "restart web.1", …
  std::map<std::string, std::vector<api::ReplicaView>> shown_replicas;  ///< by app id
  std::vector<api::TrafficSample> shown_traffic;
  std::optional<api::OneOffRequest> last_run;
  std::optional<Error> failure;  ///< of restart, stop and run
  std::optional<Error> push_failure;
  std::optional<Error> collected;  ///< why a release's image is not kept
  std::map<std::string, std::vector<api::CheckView>> shown_checks;  ///< by app id
  std::map<std::string, std::vector<api::CronJobView>> shown_cron_jobs;  ///< by app id
  json::object shown_disk;
  json::object shown_prune;
  std::map<std::string, std::string> push_env;
  std::map<std::string, Fd> attachable;  ///< by secret
  int tickets = 0;                       ///< that are alive

  /// Tells every subscriber.
  void notify(json::object notice) {
    const auto shared = std::make_shared<const json::object>(std::move(notice));
    const auto copy = listeners_;
    for (const auto& [id, listener] : copy) listener(shared);
  }
  [[nodiscard]] std::size_t subscribers() const { return listeners_.size(); }

  void reconcile(const platform::AppId& app) override { calls.push_back("reconcile " + app.value); }
  void app_destroyed(const platform::App& app) override {
    calls.push_back("destroyed " + app.name);
  }

  std::vector<api::ReplicaView> replicas(const platform::AppId& app) override {
    return shown_replicas[app.value];
  }

  std::vector<api::CheckView> checks(const platform::AppId& app) override {
    return shown_checks[app.value];
  }

  std::vector<api::PoolView> shown_pools = {
      {.name = "default", .labels = {{"pool", "default"}}, .oci = "native"},
      {.name = "far", .labels = {{"pool", "far"}, {"region", "eu"}}, .oci = "runsc"}};
  std::vector<api::PoolView> pools() override { return shown_pools; }
  api::CanaryView shown_canary;
  api::CanaryView canary(const platform::AppId&) override { return shown_canary; }

  Result<void> apply_egress(const platform::App& app) override {
    calls.push_back("egress " + platform::egress_text(app.egress));
    if (failure) return *failure;
    return {};
  }
  std::vector<api::CronJobView> cron_jobs(const platform::AppId& app) override {
    return shown_cron_jobs[app.value];
  }
  Result<platform::CronRun> run_cron_job(const platform::AppId& app, const std::string& job,
                                         const std::string& user) override {
    calls.push_back("run cron job " + job + " for " + user);
    if (failure) return *failure;
    return platform::CronRun{
        .id = 7, .app = app, .job = job, .user = user, .process = "cron." + job + ".1"};
  }
  Result<void> suspend_cron_job(const platform::AppId& app, const std::string& job, bool suspended,
                                const std::string& user) override {
    calls.push_back((suspended ? "suspend " : "resume ") + job + " for " + user);
    if (failure) return *failure;
    for (auto& view : shown_cron_jobs[app.value])
      if (view.job.name == job) view.suspended = suspended;
    return {};
  }

  /// Its store: volumes are rows alone here.
  platform::Store* volumes = nullptr;

  api::VolumeView volume(const platform::Volume& volume) override {
    return {.volume = volume, .used_bytes = 7, .snapshots = 1, .snapshot_bytes = 9};
  }
  std::uint64_t snapshot_bytes(const platform::Volume&, const platform::VolumeSnapshot&) override {
    return 9;
  }
  boost::asio::awaitable<Result<platform::Volume>> create_volume(platform::AppId app,
                                                                 platform::NewVolume wanted,
                                                                 std::string user) override {
    if (failure) co_return *failure;
    const platform::VolumeId id(random_uuid());
    co_return volumes->add_volume(app, id, wanted, {user});
  }
  boost::asio::awaitable<Result<platform::Volume>> resize_volume(platform::Volume volume,
                                                                 std::uint64_t size_bytes,
                                                                 std::string user) override {
    if (failure) co_return *failure;
    co_return volumes->resize_volume(volume, size_bytes, {user});
  }
  Result<void> destroy_volume(const platform::Volume& volume, const std::string& user) override {
    if (failure) return *failure;
    return volumes->remove_volume(volume, {user});
  }
  boost::asio::awaitable<Result<platform::VolumeSnapshot>> snapshot_volume(
      platform::Volume volume, std::string description, std::string user) override {
    if (failure) co_return *failure;
    co_return volumes->add_snapshot(volume, volumes->begin_snapshot(volume), description, {user});
  }
  Result<platform::VolumeSnapshot> remove_snapshot(const platform::Volume& volume,
                                                   const std::string& snapshot,
                                                   const std::string& user) override {
    if (failure) return *failure;
    return volumes->remove_snapshot(volume, snapshot, {user});
  }
  boost::asio::awaitable<Result<platform::Volume>> restore_volume(platform::Volume volume,
                                                                  std::string snapshot,
                                                                  std::string user) override {
    if (failure) co_return *failure;
    auto begun = volumes->begin_restore(volume, snapshot, {user});
    if (begun.has_error()) co_return begun.error();
    volumes->end_restore(*begun, "");
    co_return volumes->find_volume(volume.app, volume.id.value);
  }

  boost::asio::awaitable<Result<void>> restart(platform::AppId, std::string which) override {
    calls.push_back("restart " + which);
    if (failure) co_return *failure;
    co_return Result<void>();
  }

  boost::asio::awaitable<Result<void>> stop(platform::AppId, std::string which) override {
    calls.push_back("stop " + which);
    if (failure) co_return *failure;
    co_return Result<void>();
  }

  boost::asio::awaitable<Result<api::OneOff>> run(platform::AppId,
                                                  api::OneOffRequest request) override {
    last_run = request;
    if (failure) co_return *failure;
    api::OneOff started;
    started.replica = {.id = "r-1",
                       .name = "run.1",
                       .type = "run",
                       .command = request.command,
                       .size = "standard",
                       .state = "starting",
                       .message = {},
                       .release = 1,
                       .release_id = {},
                       .created_at = now(),
                       .updated_at = now()};
    if (request.attach) started.attach_secret = "open-sesame";
    co_return started;
  }

  boost::asio::awaitable<Result<std::string>> exec(platform::AppId, std::string replica,
                                                   api::OneOffRequest request) override {
    calls.push_back("exec " + replica + " " + request.command);
    last_run = request;
    if (failure) co_return *failure;
    co_return std::string("open-sesame");
  }

  boost::asio::awaitable<Result<Fd>> attach(std::string secret) override {
    const auto found = attachable.find(secret);
    if (found == attachable.end())
      co_return Error{ErrorKind::not_found,
                      "this attach URL was used or is too old; run the command again"};
    Fd fd = std::move(found->second);
    attachable.erase(found);
    co_return fd;
  }

  boost::asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> begin_push(
      platform::App app, std::string user) override {
    calls.push_back("push " + app.name + " by " + user);
    if (push_failure) co_return *push_failure;
    auto path = repository(app);
    if (path.has_error()) co_return path.error();
    ++tickets;
    co_return std::shared_ptr<api::PushTicket>(
        new api::PushTicket{.id = "ticket", .env = push_env, .repository = *path},
        [this](api::PushTicket* ticket) {
          --tickets;
          delete ticket;
        });
  }

  Result<std::filesystem::path> repository(const platform::App& app) override {
    const auto path = directory_ / (app.name + ".git");
    if (std::filesystem::exists(path)) return path;
    BERTH_ASSIGN(
        const Output made,
        run_program({.argv = {"git", "init", "-q", "--bare", "-b", "main", path.string()}}));
    if (!made.status.success()) return Error{ErrorKind::io, made.err};
    return path;
  }

  std::map<std::string, std::string> uploads;  ///< what came, by id
  std::string deployed;                         ///< "source app upload", "image app reference"
  platform::Store* store = nullptr;             ///< where a deploy's build is made

  Result<std::string> begin_upload() override {
    const std::string id = std::string(46, 'a') + (uploads.size() < 10 ? "0" : "") +
                           std::to_string(uploads.size());
    uploads[id];
    return id;
  }
  boost::asio::awaitable<Result<void>> write_upload(std::string id, std::uint64_t offset,
                                                    std::string data) override {
    if (!uploads.contains(id)) co_return Error{ErrorKind::not_found, "this upload is not known"};
    uploads[id].resize(offset);
    uploads[id] += data;
    co_return Result<void>();
  }
  Result<void> finish_upload(const std::string& id) override {
    if (uploads.contains(id)) return {};
    return Error{ErrorKind::not_found, "this upload is not known"};
  }
  boost::asio::awaitable<Result<std::string>> upload_checksum(std::string id) override {
    co_return sha256_hex(uploads[id]);
  }
  boost::asio::awaitable<Result<platform::Build>> deploy_source(platform::App app, std::string user,
                                                                std::string upload) override {
    deployed = "source " + app.name + " " + upload;
    co_return store->create_build(app.id, std::string(40, 'c'), {user});
  }
  Result<platform::Build> deploy_image(const platform::App& app, std::string user,
                                       const std::string& upload,
                                       const std::string& reference) override {
    deployed = "image " + app.name + " " + upload + reference;
    return store->create_build(app.id, "", {user});
  }
  boost::asio::awaitable<Result<api::StackUpgrade>> upgrade_stack(platform::App app,
                                                                  std::string) override {
    if (failure) co_return *failure;
    co_return api::StackUpgrade{.release = *store->target_release(app.id), .changed = false};
  }
  std::vector<api::StoredImage> images;
  boost::asio::awaitable<Result<api::StoredImage>> import_image(std::string upload,
                                                                std::string name) override {
    if (!uploads.contains(upload))
      co_return Error{ErrorKind::not_found, "this upload is not known"};
    images.push_back(
        {.name = name, .digest = "sha256:1", .size_bytes = uploads[upload].size(), .layers = 1});
    co_return images.back();
  }
  boost::asio::awaitable<Result<std::vector<api::StoredImage>>> stored_images() override {
    co_return images;
  }
  boost::asio::awaitable<Result<api::StoredImage>> remove_image(std::string name) override {
    for (const auto& image : images)
      if (image.name == name) {
        const api::StoredImage gone = image;
        std::erase_if(images, [&](const auto& other) { return other.name == name; });
        co_return gone;
      }
    co_return Error{ErrorKind::not_found, "no image is named '" + name + "'"};
  }

  std::filesystem::path build_log(const platform::BuildId& build) override {
    return directory_ / "builds" / (build.value + ".log");
  }
  Result<void> cancel_build(const platform::Build& build, const std::string& user) override {
    calls.push_back("cancel " + build.commit + " by " + user);
    if (failure) return *failure;
    return {};
  }
  std::filesystem::path log_directory(const platform::App& app) override {
    return directory_ / "logs" / app.id.value;
  }

  std::vector<api::TrafficSample> traffic(const platform::AppId&, int seconds) override {
    auto result = shown_traffic;
    if (result.size() > static_cast<std::size_t>(seconds))
      result.resize(static_cast<std::size_t>(seconds));
    return result;
  }

  std::shared_ptr<void> subscribe(std::function<void(const Notice&)> listener) override {
    const int id = next_++;
    listeners_[id] = std::move(listener);
    return std::shared_ptr<void>(static_cast<void*>(this),
                                 [this, id](void*) { listeners_.erase(id); });
  }

  Result<void> check_kept(const platform::Release&) override {
    return collected ? Result<void>(*collected) : Result<void>();
  }
  Result<std::string> development_authority() override {
    if (authority) return *authority;
    return Error{ErrorKind::not_found, "HTTPS is off"};
  }
  std::optional<api::PlatformCertificate> platform_certificate(const platform::App&) override {
    return shown_certificate;
  }
  boost::asio::awaitable<json::object> disk_usage() override { co_return shown_disk; }
  boost::asio::awaitable<json::object> prune(bool dry_run) override {
    calls.push_back(dry_run ? "prune (dry run)" : "prune");
    co_return shown_prune;
  }

  json::object status() override {
    return {{"router", {{"connected", true}}},
            {"engine", {{"kind", "fake"}}},
            {"disk", {{"free_bytes", 1}}}};
  }

 private:
  std::filesystem::path directory_;
  std::map<int, std::function<void(const Notice&)>> listeners_;
  int next_ = 1;
};

}  // namespace berth::test
