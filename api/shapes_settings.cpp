// SPDX-License-Identifier: Apache-2.0
//
// The shapes of what an app's owner may set beside Heroku's: routing, egress, placement, rollouts.
#include "api/schema.hpp"

namespace berth::api {

std::string_view settings_shapes() {
  return R"(Egress
  policy "all"|"none"|"list"
  allowed [string]
Routing
  rate_limit string?
  rate_burst string?
  rate_by string?
  max_body string?
  max_head string?
  max_in_flight string?
  allow_from string?
  sticky string?
  trace string?
  log_sample string?
  first_byte_timeout string?
  idle_timeout string?
  hold_timeout string?
  users [string]
  pages [string]
RoutingUpdate
  rate_limit? any
  rate_burst? any
  rate_by? any
  max_body? any
  max_head? any
  max_in_flight? any
  allow_from? any
  sticky? any
  trace? any
  log_sample? any
  first_byte_timeout? any
  idle_timeout? any
  hold_timeout? any
RoutingUser
  password string
RoutingPage
  html string?
NewRoutingPage
  html string
Network
  egress Egress
NetworkUpdate
  egress any
Placement
  placement {string}
  pools [string]
PlacementUpdate
  placement {string}
Rollout
  surge string
  unavailable string
  rollback string
  canary string
  promote string
RolloutUpdate = {string?}
Pool
  name string
  labels {string}
  oci string
  replicas integer
  memory integer
  memory_declared integer
  memory_takes integer
  cpu integer
  cpu_declared integer
  cpu_takes integer
CronJobUpdate
  suspended boolean
)";
}

}  // namespace berth::api
