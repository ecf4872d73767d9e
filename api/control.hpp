// SPDX-License-Identifier: Apache-2.0
//
// What the API asks of the rest of the control plane beyond reading and writing the store: the port
// behind which server/ joins the scheduler, the engine, the builder and the router. Everything is
// called on the control plane's strand; awaitables complete there.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "platform/model.hpp"

namespace berth::api {

/// The operator's certificate, or one of the development authority.
struct PlatformCertificate {
  bool is_development = false;
  std::string issuer;
  Time ends_at{};
};

/// A replica as the API shows it (the Platform API's dyno).
struct ReplicaView {
  std::string id;
  std::string name;  ///< "web.1"
  std::string type;
  std::string command;
  std::string size;
  std::string state;  ///< "starting", "up", "stopping", "crashed", "idle"
  std::string message;  ///< why it crashed, or empty
  int release = 0;
  platform::ReleaseId release_id;
  Time created_at{};
  Time updated_at{};
};

/// A health check of the release that runs, and what it came to in each replica.
struct CheckView {
  struct OfReplica {
    std::string name;   ///< "web.1"
    std::string state;  ///< "waiting", "passing", "retrying", "failing"
    int failures = 0;
    std::string answer;  ///< the last, or empty
    Time answered_at{};
  };
  std::string type;
  platform::HealthCheck rule;
  std::vector<OfReplica> replicas;
};

/// A cron job of the release that serves.
struct CronJobView {
  platform::CronJob job;
  bool suspended = false;
  std::optional<Time> next;
};

struct OneOffRequest {
  std::string prefix = "run";  ///< of its name: "run.1" and so on
  std::string command;  ///< run by `bash -c` with the app's environment
  std::map<std::string, std::string> env;
  std::string size;     ///< or empty
  bool attach = false;
  bool terminal = false;
  int columns = 80;
  int rows = 24;
};

struct OneOff {
  ReplicaView replica;
  std::string attach_secret;  ///< for GET /attach/<secret>, one use, 60 s; empty if detached
};

/// Requests of one app in one second, from the router's samples.
struct TrafficSample {
  Time at{};
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;  ///< of them, by the router on the app's behalf
  std::uint64_t in_flight = 0;
  std::uint64_t held = 0;
  std::uint64_t errors = 0;  ///< 5xx
  std::uint64_t p50_us = 0;
  std::uint64_t p95_us = 0;
  int replicas = 0;
};

/// A push that git may begin: what `git receive-pack` needs in its environment so that the hook can
/// find us, and a guard that ends the push.
struct PushTicket {
  std::string id;
  std::map<std::string, std::string> env;
  std::filesystem::path repository;
};

/// An image that people brought, by name.
struct StoredImage {
  std::string name;
  std::string digest;
  std::uint64_t size_bytes = 0;
  int layers = 0;
};

struct StackUpgrade {
  platform::Release release;  ///< the new one, or the one that is on the present base already
  bool changed = false;
};

/// A volume and what it takes on the disk.
struct VolumeView {
  platform::Volume volume;
  std::uint64_t used_bytes = 0;
  int snapshots = 0;
  std::uint64_t snapshot_bytes = 0;
};

/// A part of the machine that apps are placed in.
struct PoolView {
  std::string name;
  std::map<std::string, std::string> labels;  ///< with its name, as "pool"
  std::string oci;                            ///< what makes its containers
  int replicas = 0;
  std::uint64_t memory_bytes = 0;           ///< that it has; 0: not counted
  std::uint64_t memory_declared_bytes = 0;  ///< by the sizes of what runs in it
  std::uint64_t memory_takes_bytes = 0;     ///< may be declared; 0: any amount
  std::uint64_t cpu_milli = 0;
  std::uint64_t cpu_declared_milli = 0;
  std::uint64_t cpu_takes_milli = 0;
};

/// Requests that some replicas of an app have answered.
struct AnsweredView {
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;  ///< with 5xx
  std::uint64_t p95_us = 0;
};

/// How the app's canary fares.
struct CanaryView {
  Time since{};  ///< it gets its share; epoch: its replicas are not ready yet
  AnsweredView canary;
  AnsweredView regular;  ///< what serves beside it, since then
};

class Control {
 public:
  virtual ~Control() = default;

  /// After any change of the store that may change what should run or be routed.
  virtual void reconcile(const platform::AppId& app) = 0;
  virtual void app_destroyed(const platform::App& app) = 0;

  [[nodiscard]] virtual std::vector<ReplicaView> replicas(const platform::AppId& app) = 0;
  [[nodiscard]] virtual std::vector<CheckView> checks(const platform::AppId& app) = 0;
  [[nodiscard]] virtual std::vector<PoolView> pools() = 0;
  [[nodiscard]] virtual CanaryView canary(const platform::AppId& app) = 0;
  /// The app's egress policy holds when this returns.
  [[nodiscard]] virtual Result<void> apply_egress(const platform::App& app) = 0;
  [[nodiscard]] virtual std::vector<CronJobView> cron_jobs(const platform::AppId& app) = 0;
  /// Starts a run of it now, beside its schedule.
  [[nodiscard]] virtual Result<platform::CronRun> run_cron_job(const platform::AppId& app,
                                                               const std::string& job,
                                                               const std::string& user) = 0;
  [[nodiscard]] virtual Result<void> suspend_cron_job(const platform::AppId& app,
                                                      const std::string& job, bool suspended,
                                                      const std::string& user) = 0;
  [[nodiscard]] virtual VolumeView volume(const platform::Volume& volume) = 0;
  [[nodiscard]] virtual std::uint64_t snapshot_bytes(const platform::Volume& volume,
                                                     const platform::VolumeSnapshot& snapshot) = 0;
  virtual boost::asio::awaitable<Result<platform::Volume>> create_volume(
      platform::AppId app, platform::NewVolume wanted, std::string user) = 0;
  virtual boost::asio::awaitable<Result<platform::Volume>> resize_volume(
      platform::Volume volume, std::uint64_t size_bytes, std::string user) = 0;
  /// Its row is gone when this returns; its files follow.
  [[nodiscard]] virtual Result<void> destroy_volume(const platform::Volume& volume,
                                                    const std::string& user) = 0;
  virtual boost::asio::awaitable<Result<platform::VolumeSnapshot>> snapshot_volume(
      platform::Volume volume, std::string description, std::string user) = 0;
  [[nodiscard]] virtual Result<platform::VolumeSnapshot> remove_snapshot(
      const platform::Volume& volume, const std::string& snapshot, const std::string& user) = 0;
  /// Returns when it is restored; what has it is stopped before and started after.
  virtual boost::asio::awaitable<Result<platform::Volume>> restore_volume(
      platform::Volume volume, std::string snapshot, std::string user) = 0;

  /// Replaces replicas one by one without dropping a request; `which` is a name, a type or empty.
  virtual boost::asio::awaitable<Result<void>> restart(platform::AppId app, std::string which) = 0;
  /// Stops one replica; the formation starts another in its place unless it is a one-off.
  virtual boost::asio::awaitable<Result<void>> stop(platform::AppId app, std::string which) = 0;
  virtual boost::asio::awaitable<Result<OneOff>> run(platform::AppId app,
                                                     OneOffRequest request) = 0;
  /// A further program in a replica that runs; its attach secret.
  virtual boost::asio::awaitable<Result<std::string>> exec(platform::AppId app, std::string replica,
                                                           OneOffRequest request) = 0;
  /// The stream socket of a one-off, framed as in runtime/engine/attach_frame.hpp.
  virtual boost::asio::awaitable<Result<Fd>> attach(std::string secret) = 0;

  /// Creates the bare repository if need be. The ticket is void when the last reference is gone.
  virtual boost::asio::awaitable<Result<std::shared_ptr<PushTicket>>> begin_push(
      platform::App app, std::string user) = 0;
  /// The bare repository, for fetch, clone and the advertisement before a push; created if need be.
  virtual Result<std::filesystem::path> repository(const platform::App& app) = 0;
  /// A place for an archive: its name is a secret. Written piece by piece, then finished.
  virtual Result<std::string> begin_upload() = 0;
  virtual boost::asio::awaitable<Result<void>> write_upload(std::string id, std::uint64_t offset,
                                                            std::string data) = 0;
  virtual Result<void> finish_upload(const std::string& id) = 0;
  /// SHA-256 of a finished upload, in hex.
  virtual boost::asio::awaitable<Result<std::string>> upload_checksum(std::string id) = 0;
  /// The build as it begins.
  virtual boost::asio::awaitable<Result<platform::Build>> deploy_source(platform::App app,
                                                                        std::string user,
                                                                        std::string upload) = 0;
  /// From an upload, or by its name.
  virtual Result<platform::Build> deploy_image(const platform::App& app, std::string user,
                                               const std::string& upload,
                                               const std::string& reference) = 0;
  virtual boost::asio::awaitable<Result<StackUpgrade>> upgrade_stack(platform::App app,
                                                                     std::string user) = 0;
  /// Without a name: the one that the archive says.
  virtual boost::asio::awaitable<Result<StoredImage>> import_image(std::string upload,
                                                                   std::string name) = 0;
  virtual boost::asio::awaitable<Result<std::vector<StoredImage>>> stored_images() = 0;
  virtual boost::asio::awaitable<Result<StoredImage>> remove_image(std::string name) = 0;

  /// The stored log of a build; grows while it is pending.
  [[nodiscard]] virtual std::filesystem::path build_log(const platform::BuildId& build) = 0;
  /// Ends a build that waits or runs; an error of kind `conflict` if it has ended.
  [[nodiscard]] virtual Result<void> cancel_build(const platform::Build& build,
                                                  const std::string& user) = 0;
  [[nodiscard]] virtual std::filesystem::path log_directory(const platform::App& app) = 0;

  /// The last `seconds` samples, oldest first, gaps as zero samples.
  [[nodiscard]] virtual std::vector<TrafficSample> traffic(const platform::AppId& app,
                                                           int seconds) = 0;

  /// Live notices for event streams:
  /// {"type":"replica"|"release"|"build"|"formation"|"traffic"|"app", "app":name, …}. The
  /// subscription ends when the returned handle goes.
  using Notice = std::shared_ptr<const json::object>;
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(
      std::function<void(const Notice&)> listener) = 0;

  /// An error if a rollback to this release would find its image gone.
  [[nodiscard]] virtual Result<void> check_kept(const platform::Release& release) = 0;
  /// Of the authority that signs for hosts without a certificate of their own, in PEM.
  [[nodiscard]] virtual Result<std::string> development_authority() = 0;
  /// What the router shows for the app's own name; nothing where HTTPS is off.
  [[nodiscard]] virtual std::optional<PlatformCertificate> platform_certificate(
      const platform::App& app) = 0;
  /// What `GET /disk-usage` shows.
  virtual boost::asio::awaitable<json::object> disk_usage() = 0;
  /// Removes what nothing needs, or tells what would be removed.
  virtual boost::asio::awaitable<json::object> prune(bool dry_run) = 0;

  /// What `GET /status` shows: router connected, engine, disk, versions.
  [[nodiscard]] virtual json::object status() = 0;
};

}  // namespace berth::api
