// SPDX-License-Identifier: Apache-2.0
//
// The only source of truth: a SQLite file. Every change and its audit event are one transaction,
// and a call that returned success survives kill -9 and power loss. Used by one thread (the control
// plane's strand). Database faults throw (DatabaseFull where the disk is full, else a broken one);
// what the caller did wrong is a Result.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"
#include "base/sqlite.hpp"
#include "platform/model.hpp"
#include "platform/names.hpp"

namespace berth::platform {

/// Who asks for a change; stands in the audit event.
struct Actor {
  std::string user;
};

struct NewRelease {
  std::string image;
  std::string commit;
  std::map<std::string, std::string> processes;
  AppJson app_json = {};
  std::string description;
  std::optional<BuildId> build;
  std::optional<int> canary = {};  ///< percent; nothing: as the app's rollout settings say
};

struct FormationChange {
  std::string type;
  std::optional<int> quantity;
  std::optional<std::string> size;
  /// Outer: change it; inner: nothing switches autoscaling off.
  std::optional<std::optional<AutoscalePolicy>> autoscale;
};

struct NewPreview {
  ConfigVars env;  ///< before the parent's
  std::map<std::string, FirstFormation> formation;
  std::optional<Time> expires_at;
  int most = 0;  ///< previews of the parent, this one among them
};

/// Files of a volume, or of one of its snapshots.
struct VolumeFiles {
  AppId app;
  VolumeId volume;
  std::int64_t snapshot = 0;  ///< 0: all of the volume, its snapshots too
  friend bool operator==(const VolumeFiles&, const VolumeFiles&) = default;
};

class Store final {
 public:
  [[nodiscard]] static Result<Store> open(const std::filesystem::path& database, SecretBox secrets);
  [[nodiscard]] static Result<Store> open_in_memory(SecretBox secrets);
  Store(Store&&) noexcept = default;
  Store& operator=(Store&&) noexcept = default;

  /// Called after each committed event, in order; for live streams.
  void on_event(std::function<void(const Event&)> listener) { listener_ = std::move(listener); }

  // Apps. `id_or_name` accepts either, as the Platform API does.
  [[nodiscard]] Result<App> create_app(const AppName& name, const Actor& actor);
  [[nodiscard]] std::vector<App> apps();
  [[nodiscard]] Result<App> find_app(std::string_view id_or_name);
  [[nodiscard]] Result<App> rename_app(const AppId& app, const AppName& name, const Actor& actor);
  [[nodiscard]] Result<App> set_maintenance(const AppId& app, bool on, const Actor& actor);
  [[nodiscard]] Result<App> set_https(const AppId& app, const HttpsSettings& https,
                                      const Actor& actor);
  [[nodiscard]] Result<App> set_placement(const AppId& app, const Placement& placement,
                                          const Actor& actor);
  [[nodiscard]] Result<App> set_rollout(const AppId& app, const RolloutSettings& rollout,
                                        const Actor& actor);
  [[nodiscard]] Result<App> set_egress(const AppId& app, const EgressPolicy& policy,
                                       const Actor& actor);
  [[nodiscard]] Result<void> destroy_app(const AppId& app, const Actor& actor);

  // Previews: apps of their own, named NAME--PARENT, which go with their parent.
  /// With the parent's settings of this moment: config vars (`env` goes before them), buildpacks,
  /// sizes, egress, HTTPS and routing settings, pages; one web replica that sleeps when idle.
  [[nodiscard]] Result<App> create_preview(const AppId& parent, const PreviewName& name,
                                           const NewPreview& wanted, const Actor& actor);
  [[nodiscard]] std::vector<App> previews(const AppId& parent);  ///< by name
  [[nodiscard]] Result<App> find_preview(const AppId& parent, std::string_view name);
  [[nodiscard]] Result<App> set_preview_expiry(const AppId& preview,
                                               std::optional<Time> expires_at);

  // Pipelines. `id_or_name` accepts either.
  [[nodiscard]] Result<Pipeline> create_pipeline(const std::string& name, const Actor& actor);
  [[nodiscard]] std::vector<Pipeline> pipelines();  ///< by name
  [[nodiscard]] Result<Pipeline> find_pipeline(std::string_view id_or_name);
  [[nodiscard]] Result<Pipeline> rename_pipeline(const PipelineId& pipeline,
                                                 const std::string& name, const Actor& actor);
  [[nodiscard]] Result<void> destroy_pipeline(const PipelineId& pipeline, const Actor& actor);
  [[nodiscard]] Result<Coupling> couple(const PipelineId& pipeline, const AppId& app, Stage stage,
                                        const Actor& actor);
  [[nodiscard]] Result<Coupling> set_stage(const CouplingId& coupling, Stage stage,
                                           const Actor& actor);
  [[nodiscard]] Result<void> decouple(const CouplingId& coupling, const Actor& actor);
  [[nodiscard]] std::vector<Coupling> couplings();  ///< by stage and app
  [[nodiscard]] Result<Coupling> find_coupling(std::string_view id);
  [[nodiscard]] std::optional<Coupling> coupling_of(const AppId& app);

  /// Makes a release of each target: the image, processes and app.json of the source's release
  /// (the one that serves, if none is named), the target's own config vars. What is wrong with one
  /// target is told with it, and is no matter to the others.
  [[nodiscard]] Result<Promotion> promote(const PipelineId& pipeline, const AppId& source,
                                          std::string_view release,
                                          const std::vector<AppId>& targets, const Actor& actor);
  [[nodiscard]] Result<Promotion> find_promotion(std::string_view id);
  [[nodiscard]] std::vector<PromotionTarget> promotion_targets(const PromotionId& promotion);

  // Routing. Settings by name; nothing unsets one.
  [[nodiscard]] Result<App> set_routing(
      const AppId& app, const std::map<std::string, std::optional<std::string>>& changes,
      const Actor& actor);
  [[nodiscard]] Result<App> put_routing_user(const AppId& app, std::string_view name,
                                             std::string_view password_hash, const Actor& actor);
  [[nodiscard]] Result<App> remove_routing_user(const AppId& app, std::string_view name,
                                                const Actor& actor);
  /// "": the router's own.
  [[nodiscard]] std::string page(const AppId& app, Page page);
  [[nodiscard]] Result<void> set_page(const AppId& app, Page page, std::string_view html,
                                      const Actor& actor);

  // Config vars: a change makes a new release (image and processes of the last one).
  [[nodiscard]] ConfigVars config_vars(const AppId& app);
  /// An empty optional unsets. Returns the new vars; no change, no release.
  [[nodiscard]] Result<ConfigVars> update_config_vars(
      const AppId& app, const std::map<std::string, std::optional<std::string>>& changes,
      const Actor& actor);

  // Buildpacks that the app's owner chose, in order; empty: the app's language is detected. A
  // change makes no release: the next build uses it.
  [[nodiscard]] std::vector<std::string> buildpacks(const AppId& app);
  void set_buildpacks(const AppId& app, const std::vector<std::string>& sources,
                      const Actor& actor);

  // Builds.
  [[nodiscard]] Result<Build> create_build(const AppId& app, std::string_view commit,
                                           const Actor& actor);
  [[nodiscard]] Result<Build> finish_build(const BuildId& build, std::string_view image);
  [[nodiscard]] Result<Build> fail_build(const BuildId& build, std::string_view failure);
  /// Newest first, `most` at most; -1: all.
  [[nodiscard]] std::vector<Build> builds(const AppId& app, int most = -1);
  [[nodiscard]] Result<Build> find_build(const AppId& app, std::string_view id);
  /// What is pending and not among `running` has nobody who builds it (any more): it is failed.
  void fail_pending_builds(std::string_view failure, const std::set<BuildId>& running = {});

  // Releases. Creation makes the release pending; the scheduler settles it.
  [[nodiscard]] Result<Release> create_release(const AppId& app, const NewRelease& release,
                                               const Actor& actor);
  [[nodiscard]] Result<Release> rollback(const AppId& app, std::string_view version_or_id,
                                         const Actor& actor);
  /// By the platform: what served before `crashed` is released again. Neither is rolled back by
  /// the platform once more.
  [[nodiscard]] Result<Release> roll_back_crashed(const Release& crashed, const Release& good,
                                                  std::string_view why);
  /// A pending release of the old one's content that gets `percent` of the requests until it is
  /// promoted; of one that is a canary, another part.
  [[nodiscard]] Result<Release> create_canary(const AppId& app, std::string_view version_or_id,
                                              int percent, const Actor& actor);
  /// The app's canary gets everything, as a release that was pending from now on does.
  [[nodiscard]] Result<Release> promote_canary(const AppId& app, const Actor& actor,
                                               std::string_view why = {});
  [[nodiscard]] Result<Release> abort_canary(const AppId& app, const Actor& actor,
                                             std::string_view why = {});
  /// What stands against a canary with these process types: nothing serves, there is no web to
  /// share, or its volume is for one container. Empty: nothing.
  [[nodiscard]] std::string why_no_canary(const AppId& app,
                                          const std::map<std::string, std::string>& processes);
  void settle_release(const ReleaseId& release, ReleaseStatus status, std::string_view failure);
  /// Where app.json's postdeploy script stands; an app whose first release had none is `none` for
  /// ever. It becomes due when the app's first image serves.
  enum class Postdeploy { none, due, running, succeeded, failed };
  [[nodiscard]] Postdeploy postdeploy(const AppId& app);
  /// It begins, or has ended; the message is for people.
  void set_postdeploy(const AppId& app, Postdeploy state, std::string_view message);
  [[nodiscard]] std::vector<Release> releases(const AppId& app);  ///< newest first
  [[nodiscard]] Result<Release> find_release(const AppId& app, std::string_view version_or_id);
  /// The newest release that is pending or succeeded: what should run.
  [[nodiscard]] std::optional<Release> target_release(const AppId& app);
  /// The newest that succeeded: what runs until the target is ready.
  [[nodiscard]] std::optional<Release> serving_release(const AppId& app);
  [[nodiscard]] Result<ConfigVars> release_config_vars(const ReleaseId& release);
  [[nodiscard]] std::vector<std::string> images_in_use();

  // Cron jobs. What is kept of a job begins with the first release that has it, and anew when its
  // schedule changes; what a person said of it stays.
  /// What the serving release says; returns what is kept of each of its jobs.
  std::vector<CronRecord> sync_cron_jobs(const AppId& app, const std::vector<CronJob>& jobs,
                                         Time at);
  /// A run or a time that was skipped; and, of a scheduled one, until when the job's times are
  /// decided now. In one step: no time is decided twice. Returns its id.
  std::int64_t add_cron_run(const CronRun& run, std::optional<Time> decided_until);
  void set_cron_decided(const AppId& app, std::string_view job, Time until);
  void end_cron_run(std::int64_t id, CronRun::Status status, std::string_view reason,
                    std::optional<int> exit_code, Time at);
  /// Times before `at` are decided: none is missed when it goes on.
  void suspend_cron_job(const AppId& app, std::string_view job, bool suspended, Time at,
                        const Actor& actor);
  /// Newest first; of one job, if one is named.
  [[nodiscard]] std::vector<CronRun> cron_runs(const AppId& app, std::string_view job = {},
                                               int most = -1);
  [[nodiscard]] std::vector<CronRun> cron_runs_that_run();

  // Formation.
  [[nodiscard]] std::vector<Formation> formation(const AppId& app);
  [[nodiscard]] Result<std::vector<Formation>> update_formation(
      const AppId& app, const std::vector<FormationChange>& changes, const Actor& actor);
  /// By the autoscaler: quantity only, within the policy's bounds, with the reason in the event.
  void autoscale_quantity(const AppId& app, std::string_view type, int quantity,
                          std::string_view why);

  // Volumes. The rows are the store's; the files the engine's, made before the row is and removed
  // after it is gone: what is between stands among the unwanted files.
  [[nodiscard]] Result<void> check_new_volume(const AppId& app, const NewVolume& volume);
  /// Its files are there, and not unwanted any more.
  [[nodiscard]] Result<Volume> add_volume(const AppId& app, const VolumeId& id,
                                          const NewVolume& volume, const Actor& actor);
  [[nodiscard]] std::vector<Volume> volumes(const AppId& app);
  [[nodiscard]] Result<Volume> find_volume(const AppId& app, std::string_view id_or_name);
  [[nodiscard]] Result<Volume> resize_volume(const Volume& volume, std::uint64_t size_bytes,
                                             const Actor& actor);
  [[nodiscard]] Result<void> remove_volume(const Volume& volume, const Actor& actor);
  /// Newest first.
  [[nodiscard]] std::vector<VolumeSnapshot> volume_snapshots(const VolumeId& volume);
  [[nodiscard]] Result<VolumeSnapshot> find_snapshot(const Volume& volume, std::string_view name);
  /// Its number; unwanted until it is added.
  [[nodiscard]] std::int64_t begin_snapshot(const Volume& volume);
  [[nodiscard]] Result<VolumeSnapshot> add_snapshot(const Volume& volume, std::int64_t number,
                                                    std::string_view description,
                                                    const Actor& actor);
  [[nodiscard]] Result<VolumeSnapshot> remove_snapshot(const Volume& volume, std::string_view name,
                                                       const Actor& actor);
  /// From now on no replica may have it, until the restore is ended.
  [[nodiscard]] Result<Volume> begin_restore(const Volume& volume, std::string_view snapshot,
                                             const Actor& actor);
  /// With a failure the content is what it was.
  void end_restore(const Volume& volume, std::string_view failure);
  void files_begun(const VolumeFiles& files);
  [[nodiscard]] std::vector<VolumeFiles> unwanted_volume_files();
  void files_gone(const VolumeFiles& files);

  // Domains: host names, each perhaps with a path, which are of one app alone.
  [[nodiscard]] Result<Domain> add_domain(const AppId& app, std::string_view route,
                                          const Actor& actor);
  [[nodiscard]] std::vector<Domain> domains(const AppId& app);
  [[nodiscard]] Result<Domain> remove_domain(const AppId& app, std::string_view route_or_id,
                                             const Actor& actor);

  // Certificates. Each serves some of its app's domains, and a domain has at most one; one that
  // serves none any more is removed.
  /// `domains`: of the app; empty: all that it covers. Replaces what they had.
  [[nodiscard]] Result<Certificate> add_certificate(const AppId& app, const CertificatePem& pem,
                                                    const std::vector<std::string>& domains,
                                                    const Actor& actor, bool automatic = false);
  /// A renewed one, for the same domains.
  [[nodiscard]] Result<Certificate> update_certificate(const CertificateId& certificate,
                                                       const CertificatePem& pem,
                                                       const Actor& actor);
  [[nodiscard]] std::vector<Certificate> certificates(const AppId& app);
  /// By its id or one of the domains that it serves.
  [[nodiscard]] Result<Certificate> find_certificate(const AppId& app,
                                                     std::string_view id_or_domain);
  [[nodiscard]] Result<Certificate> remove_certificate(const AppId& app,
                                                       std::string_view id_or_domain,
                                                       const Actor& actor);
  /// With the private key, in clear.
  [[nodiscard]] CertificatePem certificate_pem(const CertificateId& certificate);

  /// Off: those that were brought automatically go.
  [[nodiscard]] Result<App> set_automatic_certificates(const AppId& app, bool on,
                                                       const Actor& actor);
  void certificate_failed(const Domain& domain, std::string_view reason);
  [[nodiscard]] std::optional<CertificateFailure> certificate_failure(const DomainId& domain);
  /// Failures are forgotten, so that it is tried again at once.
  void forget_certificate_failures(const AppId& app);

  // Tokens.
  struct IssuedToken {
    Token token;
    std::string secret;  ///< "berth_" and 64 hex digits; never seen again
  };
  [[nodiscard]] IssuedToken create_token(std::string_view user, std::string_view description,
                                         std::optional<Time> expires_at, const Actor& actor);
  /// Unauthorized if unknown or expired.
  [[nodiscard]] Result<Token> authenticate(std::string_view secret);
  [[nodiscard]] std::vector<Token> tokens();
  [[nodiscard]] Result<Token> revoke_token(std::string_view id, const Actor& actor);

  // Events, oldest first, after `sequence`, at most `limit`.
  [[nodiscard]] std::vector<Event> events(std::int64_t after, std::size_t limit,
                                          const std::optional<AppId>& app = std::nullopt);
  /// Newest first, before `sequence`, at most `limit`.
  [[nodiscard]] std::vector<Event> events_before(std::int64_t sequence, std::size_t limit,
                                                 const std::optional<AppId>& app = std::nullopt);
  /// A fact that changes no row: "replica web.1 crashed (exit 1)".
  void record(const std::optional<AppId>& app, std::string_view kind, std::string_view message);

 private:
  Store(Database database, SecretBox secrets)
      : database_(std::move(database)), secrets_(std::move(secrets)) {}
  [[nodiscard]] static Result<Store> prepare(Database database, SecretBox secrets);
  class Change;
  ReleaseId insert_release(Change& change, const AppId& app, const NewRelease& release,
                           const ConfigVars& vars, const Actor& actor);
  [[nodiscard]] Result<Build> settle_build(const BuildId& build, std::string_view status,
                                           std::string_view image, std::string_view failure);
  void write_formation(const Formation& entry);
  [[nodiscard]] Result<App> write_routing(const App& before, RoutingSettings settings,
                                          std::string_view message, const Actor& actor);
  void change_unwanted(const VolumeFiles& files, bool unwanted);
  [[nodiscard]] std::int64_t next_snapshot(const VolumeId& volume);
  void insert_snapshot(const Volume& volume, std::int64_t number, std::string_view description);
  /// A type with an exclusive volume has one replica at most.
  [[nodiscard]] Result<void> check_alone(const Formation& entry);
  void note_first_deploy(const Release& release);
  void replace_config_vars(const AppId& app, const ConfigVars& vars);
  [[nodiscard]] Result<Release> find_canary(const AppId& app);
  void remove_idle_certificates(const AppId& app);

  Database database_;
  SecretBox secrets_;
  std::function<void(const Event&)> listener_;
};

}  // namespace berth::platform
