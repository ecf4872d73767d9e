// SPDX-License-Identifier: Apache-2.0
#include "server/source_order.hpp"

#include <chrono>
#include <utility>

#include "server/build_machine.hpp"

namespace berth::server {

namespace {

/// Against the 100 of a replica: a build takes what replicas leave.
constexpr std::uint64_t build_weight = 10;

/// The folder of the commit that is the app, as the config var names it: "api", "./api/".
std::string app_directory(const platform::ConfigVars& vars) {
  const auto found = vars.find("PROJECT_PATH");
  if (found == vars.end()) return {};
  auto path = std::filesystem::path(found->second).lexically_normal().generic_string();
  while (path.ends_with('/')) path.pop_back();
  return path == "." ? "" : path;
}

builder::BuildRequest request_of(const SourceParts& parts, const Source& source) {
  const auto& limits = parts.config.build;
  builder::BuildRequest request{
      .app = source.app.name,
      .build_id = {},
      .source = {.repository = source.repository,
                 .commit = source.commit,
                 .extra_object_directory = source.quarantine},
      .config_vars = parts.store.config_vars(source.app.id),
      .cache_directory = source.cache,
      .work_directory = parts.config.data_dir / "work",
      .buildpacks_directory = parts.buildpacks,
      .buildpacks = parts.store.buildpacks(source.app.id),
      .registries = parts.config.images.registries,
      .launcher = parts.programs / "berth-launcher",
      .previous_image = {},
      .operator_env = machine_environment(),
      .extra_binds = machine_binds(),
      .limits = {.memory_bytes = limits.memory_bytes,
                 .cpu_milli = limits.cpu_milli,
                 .cpu_weight = build_weight,
                 .pids = limits.pids,
                 .disk_bytes = limits.disk_bytes},
      .timeout = std::chrono::duration_cast<std::chrono::seconds>(limits.timeout)};
  request.source.directory = app_directory(request.config_vars);
  if (const auto target = parts.store.target_release(source.app.id))
    request.previous_image = target->image;
  return request;
}

}  // namespace

Order source_order(const SourceParts& parts, Source source) {
  const std::string commit = source.commit;
  const auto prepare = [parts, source = std::move(source)]() -> Order::Make {
    return [&images = parts.images, &sandboxes = parts.sandboxes, &library = parts.library,
            wanted = request_of(parts, source), notes = source.notes](
               const platform::BuildId& build, const builder::OutputSink& sink,
               const std::atomic<bool>& cancel) {
      builder::BuildRequest request = wanted;
      request.build_id = build.value;
      request.work_directory /= build.value;
      request.resolve_image = [&library, &cancel](const std::string& name) {
        return library.resolve(name, cancel);
      };
      for (const auto& note : notes) sink("       Note: " + note + "\n");
      return builder::build(request, images, sandboxes, sink, cancel);
    };
  };
  return {.what = commit.substr(0, 7), .commit = commit, .prepare = prepare};
}

}  // namespace berth::server
