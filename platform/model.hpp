// SPDX-License-Identifier: Apache-2.0
//
// The words of the platform as values: what the store keeps and the API shows. No behaviour beyond
// comparison; rules live in names.hpp (grammar) and store.hpp (what may change when).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "platform/app_json.hpp"
#include "platform/egress.hpp"
#include "platform/placement.hpp"
#include "platform/rollout.hpp"
#include "platform/routing_settings.hpp"
#include "platform/volume.hpp"

namespace berth::platform {

using AppId = Id<struct AppTag>;          ///< UUID
using BuildId = Id<struct BuildTag>;      ///< UUID
using ReleaseId = Id<struct ReleaseTag>;  ///< UUID
using DomainId = Id<struct DomainTag>;    ///< UUID
using TokenId = Id<struct TokenTag>;      ///< UUID
using PipelineId = Id<struct PipelineTag>;        ///< UUID
using CouplingId = Id<struct CouplingTag>;        ///< UUID
using PromotionId = Id<struct PromotionTag>;      ///< UUID
using CertificateId = Id<struct CertificateTag>;  ///< UUID

/// Names and values of an app's config vars, in clear. Never logged.
using ConfigVars = std::map<std::string, std::string>;

/// Strict-Transport-Security: how long browsers use HTTPS alone.
struct Hsts {
  std::int64_t max_age_s = 0;
  bool subdomains = false;
  bool preload = false;
  friend bool operator==(const Hsts&, const Hsts&) = default;
};

/// Of an app's own, in place of the router's.
enum class Page : std::uint8_t { error, maintenance };
inline constexpr std::size_t max_page_bytes = 64 << 10;

struct HttpsSettings {
  bool redirect = false;  ///< from plain HTTP
  std::optional<Hsts> hsts = {};
  friend bool operator==(const HttpsSettings&, const HttpsSettings&) = default;
};

/// What makes an app a preview: a commit of another app, for a while.
struct Preview {
  AppId parent;
  std::string name;                ///< "fix-42"
  std::optional<Time> expires_at;  ///< never, if there is none
  friend bool operator==(const Preview&, const Preview&) = default;
};

struct App {
  AppId id;
  std::string name;
  std::int64_t number = 0;  ///< small, never used again: the app's uid range is made of it
  bool maintenance = false;
  Time created_at{};
  Time updated_at{};
  std::optional<Time> released_at;
  HttpsSettings https = {};
  EgressPolicy egress = {};
  Placement placement = {};
  RolloutSettings rollout = {};
  bool automatic_certificates = false;  ///< asked for at the platform's certificate authority
  RoutingSettings routing = {};
  std::optional<Preview> preview = {};
  friend bool operator==(const App&, const App&) = default;
};

enum class BuildStatus { pending, succeeded, failed };

struct Build {
  BuildId id;
  AppId app;
  std::string commit;  ///< 40 hex digits
  BuildStatus status = BuildStatus::pending;
  std::string image;    ///< digest, when succeeded
  std::string failure;  ///< for people, when failed
  std::string user;     ///< who pushed
  Time created_at{};
  Time updated_at{};
  friend bool operator==(const Build&, const Build&) = default;
};

enum class ReleaseStatus {
  pending,    ///< recorded, its replicas are not ready yet
  succeeded,  ///< was or is the one that serves
  failed,     ///< its replicas never became ready; the one before went on
};

/// Immutable but for its status: an image + the config vars + the process types at that time, and
/// what the source's app.json said of their running.
struct Release {
  ReleaseId id;
  AppId app;
  int version = 0;  ///< v1, v2, …
  std::string image;    ///< digest; empty before the first deploy
  std::string commit;   ///< what the image was built from, or empty
  std::map<std::string, std::string> processes;  ///< type → command line as people read it
  AppJson app_json = {};
  std::string description;  ///< "Deploy 1a2b3c4", "Set API_KEY", "Rollback to v2"
  std::string user;
  ReleaseStatus status = ReleaseStatus::pending;
  std::string failure;  ///< for people, when failed
  std::optional<BuildId> build;
  Time created_at{};
  Time updated_at{};
  int canary = 0;         ///< percent of the requests that it gets until it is settled; 0: none
  bool promoted = false;  ///< of a canary: it may be settled
  bool stays = false;     ///< it was rolled back by the platform once, or is what came of it
  [[nodiscard]] bool is_canary() const {
    return status == ReleaseStatus::pending && canary > 0 && !promoted;
  }
  friend bool operator==(const Release&, const Release&) = default;
};

/// Where an app stands in its pipeline. Previews stand beside, in what Heroku calls review.
enum class Stage { development, staging, production };
[[nodiscard]] std::string_view name_of(Stage stage);

/// Apps that an image goes through, from stage to stage.
struct Pipeline {
  PipelineId id;
  std::string name;
  std::string user;  ///< who made it
  Time created_at{};
  Time updated_at{};
  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

/// An app in a pipeline; it is in one at most.
struct Coupling {
  CouplingId id;
  AppId app;
  PipelineId pipeline;
  Stage stage = Stage::development;
  Time created_at{};
  Time updated_at{};
  friend bool operator==(const Coupling&, const Coupling&) = default;
};

/// The image of a release of one app became releases of others.
struct Promotion {
  PromotionId id;
  PipelineId pipeline;
  AppId source;
  ReleaseId release;  ///< of the source
  std::string user;
  Time created_at{};
  friend bool operator==(const Promotion&, const Promotion&) = default;
};

/// One of them: how its release fares is what the release says.
struct PromotionTarget {
  std::string id;  ///< UUID
  PromotionId promotion;
  AppId app;
  std::optional<ReleaseId> release;
  std::string failure;  ///< why there is none, for people
  friend bool operator==(const PromotionTarget&, const PromotionTarget&) = default;
};

/// `berth autoscale web --min 0 --max 5 --rps 20`
struct AutoscalePolicy {
  int min = 0;
  int max = 1;
  double requests_per_second = 10;  ///< target for one replica
  friend bool operator==(const AutoscalePolicy&, const AutoscalePolicy&) = default;
};

/// How many replicas of a process type, how large, and who decides.
struct Formation {
  AppId app;
  std::string type;
  int quantity = 0;
  std::string size;  ///< a size class of berth.yaml, e.g. "standard"
  std::optional<AutoscalePolicy> autoscale;
  Time updated_at{};
  friend bool operator==(const Formation&, const Formation&) = default;
};

struct Domain {
  DomainId id;
  AppId app;
  std::string hostname;
  std::string path = {};  ///< "/api": only what is below it; empty: the whole host
  Time created_at{};
  std::optional<CertificateId> certificate = {};
  [[nodiscard]] std::string route() const { return hostname + path; }
  friend bool operator==(const Domain&, const Domain&) = default;
};

/// For HTTPS: what an app's owner uploaded. Its private key is asked for by itself.
struct Certificate {
  CertificateId id;
  AppId app;
  std::vector<std::string> domains;  ///< of the app, that it serves; never empty
  std::string chain;                 ///< PEM
  std::vector<std::string> names;    ///< that stand in it
  std::string subject;
  std::string issuer;
  bool self_signed = false;
  bool automatic = false;  ///< brought and renewed by the platform
  Time starts_at{};
  Time ends_at{};
  Time created_at{};
  Time updated_at{};
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

/// Why a domain has no certificate from the platform's authority yet, or no newer one.
struct CertificateFailure {
  int count = 0;  ///< in a row
  std::string reason;
  Time at{};
  friend bool operator==(const CertificateFailure&, const CertificateFailure&) = default;
};

/// One time of a cron job: a run, or why there was none.
struct CronRun {
  enum class Status { running, succeeded, failed, skipped };
  std::int64_t id = 0;
  AppId app;
  std::string job;
  Status status = Status::running;
  std::optional<Time> scheduled_at = {};  ///< nothing: started by hand
  std::string user = {};                  ///< by whom, then
  std::string replica = {};               ///< its id
  std::string process = {};               ///< "cron.daily.1"
  std::string reason = {};                ///< why it failed or was skipped, for people
  std::optional<int> exit_code = {};
  Time started_at{};
  Time ends_by{};  ///< then it is ended
  std::optional<Time> ended_at = {};
  friend bool operator==(const CronRun&, const CronRun&) = default;
};

[[nodiscard]] std::string_view name_of(CronRun::Status status);

/// What is known of a cron job beside what the release says.
struct CronRecord {
  std::string job;
  std::optional<bool> suspended;  ///< by hand, or as the release says
  Time decided_until{};           ///< its times until then have become something
  friend bool operator==(const CronRecord&, const CronRecord&) = default;
};

/// The token itself is shown once, at creation; the store keeps its SHA-256.
struct Token {
  TokenId id;
  std::string user;         ///< e-mail address or name
  std::string description;
  Time created_at{};
  std::optional<Time> expires_at;
  friend bool operator==(const Token&, const Token&) = default;
};

/// One line of the audit log, written in the transaction of the change that it tells of.
struct Event {
  std::int64_t sequence = 0;
  Time at{};
  std::optional<AppId> app;
  std::string user;     ///< who, "berth" for the platform itself
  std::string kind;     ///< "app.create", "release.create", "formation.update", …
  std::string message;  ///< for people; never a secret
  friend bool operator==(const Event&, const Event&) = default;
};

}  // namespace berth::platform
