// SPDX-License-Identifier: Apache-2.0
//
// The model as the API's JSON shapes (docs/api.md, "Shapes"). Also for the live notices, which
// carry the same shapes. Every key is always there, null where empty.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/control.hpp"
#include "api/settings.hpp"
#include "base/json.hpp"
#include "platform/store.hpp"

namespace berth::api {

/// Reads the store and the port; on the strand. The references must outlive it.
class Renderer final {
 public:
  Renderer(platform::Store& store, Control& control, const Settings& settings,
           std::string key_secret);

  [[nodiscard]] json::object account(std::string_view user) const;
  [[nodiscard]] json::object app(const platform::App& app) const;
  [[nodiscard]] std::string app_state(const platform::App& app) const;
  /// `base_url`: where the client reaches the API; without one, the platform's own API address.
  /// `releases`: the app's, if the caller has read them already.
  [[nodiscard]] json::object build(const platform::Build& build, std::string_view base_url = {},
                                   const std::vector<platform::Release>* releases = nullptr) const;
  [[nodiscard]] json::object release(const platform::Release& release) const;
  [[nodiscard]] json::object formation(const platform::Formation& formation) const;
  [[nodiscard]] json::object dyno(const platform::App& app, const ReplicaView& replica) const;
  [[nodiscard]] json::object health_check(const CheckView& check) const;
  [[nodiscard]] json::object cron_job(const CronJobView& view,
                                      const platform::CronRun* last) const;
  [[nodiscard]] json::object volume(const VolumeView& view) const;
  [[nodiscard]] json::object snapshot(const platform::VolumeSnapshot& snapshot,
                                      std::uint64_t used_bytes) const;
  [[nodiscard]] json::object cron_run(const platform::CronRun& run) const;
  [[nodiscard]] json::object domain(const platform::Domain& domain) const;
  [[nodiscard]] json::object certificate(const platform::Certificate& certificate) const;
  /// The name that the platform itself gives an app, first in the list of its domains.
  [[nodiscard]] json::object default_domain(const platform::App& app) const;
  [[nodiscard]] json::object authorization(const platform::Token& token,
                                           const std::string* secret = nullptr) const;
  [[nodiscard]] json::object event(const platform::Event& event) const;
  [[nodiscard]] json::object traffic(const TrafficSample& sample) const;
  [[nodiscard]] json::object pipeline(const platform::Pipeline& pipeline) const;
  [[nodiscard]] json::object coupling(const platform::Coupling& coupling) const;
  [[nodiscard]] json::object promotion(const platform::Promotion& promotion) const;
  [[nodiscard]] json::object promotion_target(const platform::PromotionTarget& target) const;
  [[nodiscard]] json::object region() const;
  [[nodiscard]] json::object stack() const;

  [[nodiscard]] std::string api_url() const;
  [[nodiscard]] std::string dashboard_url() const;
  [[nodiscard]] std::string web_url(const platform::App& app) const;
  [[nodiscard]] std::string git_url(const platform::App& app) const;
  /// What the `key` of a build's output URL must be.
  [[nodiscard]] std::string build_key(const platform::BuildId& build) const;

 private:
  [[nodiscard]] std::string url_of(std::string_view host) const;
  [[nodiscard]] json::value preview_of(const platform::App& app) const;
  [[nodiscard]] json::object app_reference(const platform::AppId& app) const;
  [[nodiscard]] json::value slug_of(std::string_view image) const;
  [[nodiscard]] json::object stack_reference() const;

  platform::Store& store_;
  Control& control_;
  const Settings& settings_;
  std::string key_secret_;
};

/// A stable UUID for things that are known by a name: users, formations, slugs.
[[nodiscard]] std::string derived_uuid(std::string_view kind, std::string_view name);

[[nodiscard]] std::string formation_id(const platform::Formation& formation);

}  // namespace berth::api
