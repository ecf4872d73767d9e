// SPDX-License-Identifier: Apache-2.0
//
// api::Control for the API, made of the controller and the deployer. Adds only what belongs to
// neither: attach secrets, and waiting for a one-off's container on the pool.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include <map>
#include <string>

#include "api/control.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "runtime/engine/engine.hpp"
#include "server/controller.hpp"
#include "server/deployer.hpp"
#include "server/housekeeper.hpp"
#include "server/notices.hpp"
#include "server/router_link.hpp"
#include "server/volume_keeper.hpp"

namespace berth::server {

struct ControlPortParts {
  boost::asio::thread_pool& pool;
  const platform::Config& config;
  platform::Store& store;
  runtime::Engine& engine;
  Controller& controller;
  Deployer& deployer;
  const Uploads& uploads;
  const ImageLibrary& library;
  Housekeeper& housekeeper;
  RouterLink& router;
  const Certificates& certificates;
  Notices& notices;
  VolumeKeeper& volumes;
};

class ControlPort final : public api::Control {
 public:
  explicit ControlPort(ControlPortParts parts) : parts_(parts) {}

  void reconcile(const platform::AppId& app) override { parts_.controller.reconcile(app); }
  void app_destroyed(const platform::App& app) override;
  [[nodiscard]] std::vector<api::ReplicaView> replicas(const platform::AppId& app) override;
  [[nodiscard]] std::vector<api::CheckView> checks(const platform::AppId& app) override;
  [[nodiscard]] std::vector<api::PoolView> pools() override { return parts_.controller.pools(); }
  [[nodiscard]] api::CanaryView canary(const platform::AppId& app) override {
    return parts_.controller.canary(app);
  }
  [[nodiscard]] Result<void> apply_egress(const platform::App& app) override {
    return parts_.controller.apply_egress(app);
  }
  [[nodiscard]] std::vector<api::CronJobView> cron_jobs(const platform::AppId& app) override;
  [[nodiscard]] Result<platform::CronRun> run_cron_job(const platform::AppId& app,
                                                       const std::string& job,
                                                       const std::string& user) override;
  [[nodiscard]] Result<void> suspend_cron_job(const platform::AppId& app, const std::string& job,
                                              bool suspended, const std::string& user) override;
  [[nodiscard]] api::VolumeView volume(const platform::Volume& volume) override;
  [[nodiscard]] std::uint64_t snapshot_bytes(const platform::Volume& volume,
                                             const platform::VolumeSnapshot& snapshot) override;
  boost::asio::awaitable<Result<platform::Volume>> create_volume(platform::AppId app,
                                                                 platform::NewVolume wanted,
                                                                 std::string user) override;
  boost::asio::awaitable<Result<platform::Volume>> resize_volume(platform::Volume volume,
                                                                 std::uint64_t size_bytes,
                                                                 std::string user) override;
  [[nodiscard]] Result<void> destroy_volume(const platform::Volume& volume,
                                            const std::string& user) override;
  boost::asio::awaitable<Result<platform::VolumeSnapshot>> snapshot_volume(
      platform::Volume volume, std::string description, std::string user) override;
  [[nodiscard]] Result<platform::VolumeSnapshot> remove_snapshot(
      const platform::Volume& volume, const std::string& snapshot,
      const std::string& user) override;
  boost::asio::awaitable<Result<platform::Volume>> restore_volume(platform::Volume volume,
                                                                  std::string snapshot,
                                                                  std::string user) override;
  boost::asio::awaitable<Result<void>> restart(platform::AppId app, std::string which) override;
  boost::asio::awaitable<Result<void>> stop(platform::AppId app, std::string which) override;
  boost::asio::awaitable<Result<api::OneOff>> run(platform::AppId app,
                                                  api::OneOffRequest request) override;
  boost::asio::awaitable<Result<std::string>> exec(platform::AppId app, std::string replica,
                                                   api::OneOffRequest request) override;
  boost::asio::awaitable<Result<Fd>> attach(std::string secret) override;
  boost::asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> begin_push(
      platform::App app, std::string user) override;
  Result<std::filesystem::path> repository(const platform::App& app) override;
  Result<std::string> begin_upload() override;
  boost::asio::awaitable<Result<void>> write_upload(std::string id, std::uint64_t offset,
                                                    std::string data) override;
  Result<void> finish_upload(const std::string& id) override;
  boost::asio::awaitable<Result<std::string>> upload_checksum(std::string id) override;
  boost::asio::awaitable<Result<platform::Build>> deploy_source(platform::App app, std::string user,
                                                                std::string upload) override;
  Result<platform::Build> deploy_image(const platform::App& app, std::string user,
                                       const std::string& upload,
                                       const std::string& reference) override;
  boost::asio::awaitable<Result<api::StackUpgrade>> upgrade_stack(platform::App app,
                                                                  std::string user) override;
  boost::asio::awaitable<Result<api::StoredImage>> import_image(std::string upload,
                                                                std::string name) override;
  boost::asio::awaitable<Result<std::vector<api::StoredImage>>> stored_images() override;
  boost::asio::awaitable<Result<api::StoredImage>> remove_image(std::string name) override;
  [[nodiscard]] std::filesystem::path build_log(const platform::BuildId& build) override;
  [[nodiscard]] Result<void> cancel_build(const platform::Build& build,
                                          const std::string& user) override;
  [[nodiscard]] std::filesystem::path log_directory(const platform::App& app) override;
  [[nodiscard]] std::vector<api::TrafficSample> traffic(const platform::AppId& app,
                                                        int seconds) override;
  [[nodiscard]] std::shared_ptr<void> subscribe(
      std::function<void(const Notice&)> listener) override;
  [[nodiscard]] Result<void> check_kept(const platform::Release& release) override;
  Result<std::string> development_authority() override;
  std::optional<api::PlatformCertificate> platform_certificate(const platform::App& app) override;
  boost::asio::awaitable<json::object> disk_usage() override;
  boost::asio::awaitable<json::object> prune(bool dry_run) override;
  [[nodiscard]] json::object status() override;

 private:
  struct Pending {
    std::function<Result<Fd>()> open;  ///< blocking, for the pool
    Time expires{};
  };
  [[nodiscard]] std::string attach_secret(std::function<Result<Fd>()> open);

  ControlPortParts parts_;
  std::map<std::string, Pending> attach_secrets_;
};

}  // namespace berth::server
