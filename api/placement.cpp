// SPDX-License-Identifier: Apache-2.0
//
// Where an app's replicas run, and the pools that there are.
#include <algorithm>

#include "api/handlers.hpp"
#include "platform/placement.hpp"

namespace berth::api {

namespace {

json::object to_json(const std::map<std::string, std::string>& labels) {
  json::object result;
  for (const auto& [key, value] : labels) result[key] = value;
  return result;
}

bool takes(const PoolView& pool, const platform::Placement& placement) {
  return std::ranges::includes(pool.labels, platform::wanted_labels(placement));
}

json::object shape_of(Call& call, const platform::Placement& placement) {
  std::map<std::string, std::string> words = placement.labels;
  if (!placement.oci.empty()) words["oci"] = placement.oci;
  json::array pools;
  for (const PoolView& pool : call.control().pools())
    if (takes(pool, placement)) pools.emplace_back(pool.name);
  return {{"placement", to_json(words)}, {"pools", std::move(pools)}};
}

/// `{"pool": "untrusted", "oci": "runsc"}`, or `{}` for the default.
Outcome<platform::Placement> read_placement(Call& call) {
  const json::object* wanted = optional_object(call.body, "placement");
  if (!wanted)
    return invalid_params(R"(give {"placement":{"pool":"untrusted","oci":"runsc"}}, )"
                          R"(or {"placement":{}} for the pool "default")");
  std::vector<std::string> words;
  for (const auto& [key, value] : *wanted) {
    if (!value.is_string()) return invalid_params("each of placement must be a string");
    words.push_back(std::string(key) + "=" + std::string(value.get_string()));
  }
  const auto placement = platform::parse_placement(words);
  if (placement.has_error()) return invalid_params(placement.error().message);
  const std::vector<PoolView> pools = call.control().pools();
  if (std::ranges::any_of(pools, [&](const PoolView& pool) { return takes(pool, *placement); }))
    return *placement;
  std::string names;
  for (const PoolView& pool : pools) names += (names.empty() ? "" : ", ") + pool.name;
  return invalid_params("no pool has all of these labels. There are: " + names +
                        "; `berth pools` shows theirs");
}

}  // namespace

Answer get_placement(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  return json_response(shape_of(call, app.placement));
}

Answer update_placement(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const platform::Placement placement, read_placement(call));
  BERTH_ASSIGN(const platform::App after,
               call.store().set_placement(app.id, placement, call.actor()));
  call.control().reconcile(app.id);
  return json_response(shape_of(call, after.placement));
}

Answer list_pools(Call& call) {
  json::array list;
  for (const PoolView& pool : call.control().pools())
    list.push_back(json::object{{"name", pool.name},
                                {"labels", to_json(pool.labels)},
                                {"oci", pool.oci},
                                {"replicas", pool.replicas},
                                {"memory", pool.memory_bytes},
                                {"memory_declared", pool.memory_declared_bytes},
                                {"memory_takes", pool.memory_takes_bytes},
                                {"cpu", pool.cpu_milli},
                                {"cpu_declared", pool.cpu_declared_milli},
                                {"cpu_takes", pool.cpu_takes_milli}});
  return json_response(std::move(list));
}

}  // namespace berth::api
