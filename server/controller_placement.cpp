// SPDX-License-Identifier: Apache-2.0
//
// Which pool a replica runs in: what place() is asked, and what becomes of its answer. A pool of
// this machine is a node.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>
#include <tuple>

#include "base/file.hpp"
#include "base/log.hpp"
#include "platform/placement.hpp"
#include "platform/process_type.hpp"
#include "server/controller.hpp"

namespace berth::server {

using runtime::ReplicaState;

namespace {

/// What a replica declares. A release command is over soon and stands in for nobody: it has to run
/// before anything that has room of its own does.
runtime::Resources declared_by(const runtime::ReplicaSpec& spec) {
  if (spec.process_type == platform::release_process) return {};
  return {spec.limits.memory_bytes, spec.limits.cpu_milli};
}

/// What "default" has: of the machine's what is not set apart for others.
Result<std::uint64_t> left_over(std::uint64_t machine, std::uint64_t runtime::Resources::*of,
                                const std::vector<runtime::Node>& pools, std::string_view what) {
  std::uint64_t apart = 0;
  for (const runtime::Node& pool : pools) apart += pool.capacity.*of;
  if (apart < machine) return machine - apart;
  return Error{ErrorKind::invalid,
               fmt::format("berth.yaml: pools set apart as much {} as the machine has, and leave "
                           "none for the pool 'default'",
                           what)};
}

}  // namespace

Result<void> Controller::measure_pools() {
  BERTH_ASSIGN(const std::string meminfo, read_file("/proc/meminfo", 16 << 10));
  const runtime::Resources machine{
      .memory_bytes = runtime::memory_total(meminfo),
      .cpu_milli = std::max<std::uint64_t>(std::thread::hardware_concurrency(), 1) * 1000};
  runtime::Node* rest = nullptr;
  for (const auto& [name, pool] : parts_.config.pools)
    pools_.push_back({.name = name,
                      .labels = platform::labels_of(name, pool),
                      .capacity = {pool.memory_bytes, pool.cpu_milli}});
  for (runtime::Node& pool : pools_)
    if (pool.name == platform::default_pool) rest = &pool;
  BERTH_ASSERT(rest);
  if (rest->capacity.memory_bytes == 0) {
    BERTH_ASSIGN(rest->capacity.memory_bytes,
                 left_over(machine.memory_bytes, &runtime::Resources::memory_bytes, pools_,
                           "memory"));
  }
  if (rest->capacity.cpu_milli == 0) {
    BERTH_ASSIGN(rest->capacity.cpu_milli,
                 left_over(machine.cpu_milli, &runtime::Resources::cpu_milli, pools_, "CPU"));
  }
  for (runtime::Node& pool : pools_) {
    pool.capacity.memory_bytes *= static_cast<std::uint64_t>(parts_.config.overcommit.memory);
    pool.capacity.cpu_milli *= static_cast<std::uint64_t>(parts_.config.overcommit.cpu);
  }
  return {};
}

bool Controller::counts(const Replica& replica) {
  return replica.status.state != ReplicaState::exited && replica.frozen_since == Time{};
}

runtime::Rank Controller::rank_of(const runtime::ReplicaSpec& spec) const {
  const auto record = apps_.find(platform::AppId(spec.app_id));
  if (record == apps_.end()) return runtime::Rank::ordinary;
  if (record->second.preview) return runtime::Rank::preview;
  const bool added = spec.process_type == "web" &&
                     runtime::index_in(spec.name) > record->second.least_web;
  return added ? runtime::Rank::added : runtime::Rank::ordinary;
}

std::vector<runtime::Node> Controller::nodes(const runtime::ReplicaSpec* placed) const {
  std::vector<runtime::Node> result = pools_;
  // While a release is rolled out both have a replica of the name: the larger one is counted.
  std::map<std::tuple<std::size_t, std::string_view, std::string_view>, runtime::Resources> counted;
  for (const auto& [id, replica] : replicas_) {
    const runtime::ReplicaSpec& spec = replica.status.spec;
    if (!counts(replica)) continue;
    const auto pool = std::ranges::find(result, spec.pool, &runtime::Node::name);
    if (pool == result.end()) continue;  // berth.yaml does not name it any more
    const bool same_type = placed && spec.app_id == placed->app_id &&
                           spec.process_type == placed->process_type;
    if (same_type) ++pool->same;
    if (same_type && spec.name == placed->name) continue;
    runtime::Resources& sum = pool->taken[static_cast<std::size_t>(rank_of(spec))];
    runtime::Resources& before =
        counted[{static_cast<std::size_t>(pool - result.begin()), spec.app_id, spec.name}];
    const runtime::Resources declared = declared_by(spec);
    const runtime::Resources larger = {std::max(before.memory_bytes, declared.memory_bytes),
                                       std::max(before.cpu_milli, declared.cpu_milli)};
    sum.memory_bytes += larger.memory_bytes - before.memory_bytes;
    sum.cpu_milli += larger.cpu_milli - before.cpu_milli;
    before = larger;
  }
  return result;
}

Result<void> Controller::place(const platform::App& app, runtime::ReplicaSpec& spec) {
  const std::vector<runtime::Node> pools = nodes(&spec);
  BERTH_ASSIGN(const runtime::Placed placed,
               runtime::place({.labels = platform::wanted_labels(app.placement),
                               .needs = declared_by(spec),
                               .rank = rank_of(spec)},
                              pools));
  spec.pool = pools[placed.node].name;
  spec.placement = platform::placement_text(app.placement);
  const platform::Pool& pool = parts_.config.pools.at(spec.pool);
  spec.oci = app.placement.oci.empty() ? pool.oci : app.placement.oci;
  if (placed.yields)
    log_info("{} {} is placed in pool {}, where what ranks lower gives way", app.name, spec.name,
             spec.pool);
  return {};
}

runtime::Room Controller::room_for(const platform::App& app) const {
  runtime::Room worst = room_;
  if (const auto record = apps_.find(app.id); record != apps_.end())
    worst = std::max(worst, record->second.room);
  for (const std::string& pool : platform::pools_for(app.placement, parts_.config.pools))
    if (const auto known = pool_rooms_.find(pool); known != pool_rooms_.end())
      worst = std::max(worst, known->second.room);
  return worst;
}

std::vector<api::PoolView> Controller::pools() const {
  std::vector<api::PoolView> result;
  const auto had = [](std::uint64_t takes, int overcommit) {
    return overcommit == 0 ? takes : takes / static_cast<std::uint64_t>(overcommit);
  };
  const platform::Config& config = parts_.config;
  for (const runtime::Node& node : nodes()) {
    const runtime::Resources declared = node.taken_from(runtime::Rank::preview);
    const std::string& oci = config.pools.at(node.name).oci;
    result.push_back({.name = node.name,
                      .labels = node.labels,
                      .oci = oci.empty() ? config.runtime.oci : oci,
                      .replicas = 0,
                      .memory_bytes = had(node.capacity.memory_bytes, config.overcommit.memory),
                      .memory_declared_bytes = declared.memory_bytes,
                      .memory_takes_bytes = node.capacity.memory_bytes,
                      .cpu_milli = had(node.capacity.cpu_milli, config.overcommit.cpu),
                      .cpu_declared_milli = declared.cpu_milli,
                      .cpu_takes_milli = node.capacity.cpu_milli});
    for (const auto& [id, replica] : replicas_)
      if (replica.status.spec.pool == node.name && counts(replica)) ++result.back().replicas;
  }
  return result;
}

}  // namespace berth::server
