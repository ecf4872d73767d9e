// SPDX-License-Identifier: Apache-2.0
//
// What an app's owner says of how it runs: maintenance, egress, placement, rollouts.
#include "platform/store.hpp"
#include "platform/store_change.hpp"

namespace berth::platform {

Result<App> Store::set_maintenance(const AppId& app, bool on, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.maintenance == on) return before;
  Change change(*this);
  database_.prepare("UPDATE apps SET maintenance = ?, updated_at = ? WHERE id = ?")
      .bind(on).bind(column(now())).bind(app.value).run();
  change.event(app, actor.user, "app.update",
               std::string("maintenance mode ") + (on ? "on" : "off"));
  change.commit();
  return find_app(app.value);
}

Result<App> Store::set_egress(const AppId& app, const EgressPolicy& policy, const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.egress == policy) return before;
  Change change(*this);
  database_.prepare("UPDATE apps SET egress = ?, updated_at = ? WHERE id = ?")
      .bind(egress_text(policy)).bind(column(now())).bind(app.value).run();
  change.event(app, actor.user, "network.update", "egress: " + egress_text(policy));
  change.commit();
  return find_app(app.value);
}

Result<App> Store::set_placement(const AppId& app, const Placement& placement,
                                 const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.placement == placement) return before;
  Change change(*this);
  const std::string text = placement_text(placement);
  database_.prepare("UPDATE apps SET placement = ?, updated_at = ? WHERE id = ?")
      .bind(text).bind(column(now())).bind(app.value).run();
  change.event(app, actor.user, "placement.update",
               "placement: " + (text.empty() ? "default" : text));
  change.commit();
  return find_app(app.value);
}

Result<App> Store::set_rollout(const AppId& app, const RolloutSettings& rollout,
                               const Actor& actor) {
  BERTH_ASSIGN(const App before, find_app(app.value));
  if (before.rollout == rollout) return before;
  Change change(*this);
  const std::string text = rollout_text(rollout);
  database_.prepare("UPDATE apps SET rollout = ?, updated_at = ? WHERE id = ?")
      .bind(text).bind(column(now())).bind(app.value).run();
  change.event(app, actor.user, "rollout.update",
               "rollout: " + (text.empty() ? "default" : text));
  change.commit();
  return find_app(app.value);
}

}  // namespace berth::platform
