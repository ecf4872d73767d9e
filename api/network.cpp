// SPDX-License-Identifier: Apache-2.0
//
// Where an app's replicas may connect to outside.
#include "api/handlers.hpp"
#include "platform/egress.hpp"

namespace berth::api {

namespace {

json::object shape_of(const platform::EgressPolicy& policy) {
  json::array allowed;
  for (const platform::EgressRule& rule : policy.allowed)
    allowed.emplace_back(platform::egress_text(rule));
  return {{"egress",
           {{"policy", platform::name_of(policy.kind)}, {"allowed", std::move(allowed)}}}};
}

/// "all", "none" or a list of networks.
Outcome<platform::EgressPolicy> read_policy(const json::object& body) {
  const json::value* egress = body.if_contains("egress");
  std::vector<std::string> words;
  if (egress && egress->is_string()) {
    words.emplace_back(egress->get_string());
  } else if (egress && egress->is_array()) {
    for (const json::value& word : egress->get_array()) {
      if (!word.is_string()) return invalid_params("each of egress must be a string");
      words.emplace_back(word.get_string());
    }
  }
  if (words.empty())
    return invalid_params(
        R"(give {"egress":"all"}, {"egress":"none"} or {"egress":["10.0.0.0/8:5432"]})");
  const auto policy = platform::parse_egress(words);
  if (policy.has_error()) return invalid_params(policy.error().message);
  return *policy;
}

}  // namespace

Answer get_network(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(shape_of(app.egress));
}

Answer update_network(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::EgressPolicy policy, read_policy(call.body));
  BERTH_ASSIGN(const platform::App after, call.store().set_egress(app.id, policy, call.actor()));
  BERTH_TRY(call.control().apply_egress(after));
  return json_response(shape_of(after.egress));
}

}  // namespace berth::api
