// SPDX-License-Identifier: Apache-2.0
#include "server/source_order.hpp"

#include <utility>

namespace berth::server {

namespace {

/// The folder of the commit that is the app, as the config var names it: "api", "./api/".
std::string app_directory(const platform::ConfigVars& vars) {
  const auto found = vars.find("PROJECT_PATH");
  if (found == vars.end()) return {};
  auto path = std::filesystem::path(found->second).lexically_normal().generic_string();
  while (path.ends_with('/')) path.pop_back();
  return path == "." ? "" : path;
}

builder::BuildRequest request_of(const SourceParts& parts, const Source& source) {
  builder::BuildRequest request = machine_request(parts.config, parts.programs);
  request.app = source.app.name;
  request.source = {.repository = source.repository,
                    .commit = source.commit,
                    .extra_object_directory = source.quarantine};
  request.config_vars = parts.store.config_vars(source.app.id);
  request.cache_directory = source.cache;
  request.first_cache = source.first_cache;
  request.preview = source.app.preview.has_value();
  request.buildpacks = parts.store.buildpacks(source.app.id);
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
