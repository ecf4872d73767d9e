// SPDX-License-Identifier: Apache-2.0
#include "builder/runtimes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"
#include "builder/failure.hpp"
#include "builder/tree_seal.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_name = 64;
constexpr std::size_t most_of_a_buildpack = 8;

/// What made them: others make others.
std::string maker(const BuildContext& context) {
  return context.installed.digest + " " + context.build_image.digest + " " +
         context.run_image.digest;
}

fs::path record_path(const fs::path& directory, const std::string& buildpack,
                     const std::string& layer) {
  return directory / (escape_id(buildpack) + "." + layer + ".json");
}

/// A record on disk, with one layer of one buildpack.
struct Found {
  fs::file_time_type used;
  fs::path path;
  BuildRecord record;
  [[nodiscard]] const BuildpackRecord& buildpack() const { return record.buildpacks[0]; }
};

/// The last used first.
std::vector<Found> find_all(const fs::path& directory) {
  std::vector<Found> result;
  std::error_code failure;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure)) {
    const auto text = read_file(at->path());
    if (text.has_error()) continue;
    auto record = parse_build_record(*text);
    if (record.has_error() || record->buildpacks.size() != 1 ||
        record->buildpacks[0].layers.size() != 1)
      continue;
    std::error_code gone;
    result.push_back({at->last_write_time(gone), at->path(), std::move(*record)});
  }
  std::ranges::sort(result, [](const Found& a, const Found& b) {
    return std::tie(b.used, a.path) < std::tie(a.used, b.path);
  });
  return result;
}

/// What nobody is given any more need not be kept; its layer goes with the next collection.
Result<void> forget_unused(const fs::path& directory, const std::string& buildpack) {
  std::size_t count = 0;
  for (const Found& found : find_all(directory))
    if (found.buildpack().id == buildpack && ++count > most_of_a_buildpack)
      BERTH_TRY(remove_tree(found.path));
  return {};
}

Result<void> run_maker(const BuildContext& context, const Buildpack& buildpack,
                       const std::string& layer, Workspace& workspace) {
  const std::string own = std::string(layers_path) + "/" + escape_id(buildpack.id);
  SandboxCommand command{.argv = {path_inside(buildpack) + "/bin/runtime", layer},
                         .env = context.environment_for(buildpack, context.inherited),
                         .working_directory = std::string(app_path),
                         .uid = build_uid,
                         .gid = build_gid,
                         .timeout = context.time_left()};
  command.env["CNB_LAYERS_DIR"] = own;
  BERTH_ASSIGN(const SandboxExit exit, workspace.sandbox().run(command, context.sink));
  if (!exit.status.success() || exit.cancelled || exit.timed_out)
    return explain_exit(exit, context.request.limits, context.request.timeout, "its making");
  return {};
}

}  // namespace

bool is_runtime_name(std::string_view layer) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '+';
  };
  return !layer.empty() && layer.size() <= longest_name && layer[0] >= 'a' && layer[0] <= 'z' &&
         layer.find('-') != std::string_view::npos && std::ranges::all_of(layer, allowed);
}

Runtimes Runtimes::load(const fs::path& directory, const BuildContext& context) {
  Runtimes result;
  result.directory_ = directory;
  std::map<std::string, std::size_t> counts;
  for (Found& found : find_all(directory)) {
    const BuildpackRecord& buildpack = found.buildpack();
    auto& [name, layer] = *buildpack.layers.begin();
    const auto seal = found.record.seals.find(layer.id);
    if (found.record.key != maker(context) || seal == found.record.seals.end()) continue;
    if (counts[buildpack.id]++ < most_of_a_buildpack)
      result.all_.push_back({.layer = {.buildpack = buildpack.id,
                                       .layer = name,
                                       .metadata = layer.metadata,
                                       .id = layer.id},
                             .seal = seal->second});
  }
  return result;
}

bool Runtimes::is_one(const std::string& buildpack, const std::string& layer,
                      const std::string& id) const {
  return std::ranges::any_of(all_, [&](const Runtime& runtime) {
    return runtime.layer.buildpack == buildpack && runtime.layer.layer == layer &&
           runtime.layer.id == id;
  });
}

Result<void> Runtimes::stamp(const std::string& buildpack, const std::string& layer) const {
  const fs::path path = record_path(directory_, buildpack, layer);
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) != 0 && errno != ENOENT)
    return system_error("stamp " + path.string());
  return {};
}

bool makes_runtimes(const Buildpack& buildpack, const BuildRequest& request) {
  return buildpack.directory.parent_path() == request.buildpacks_directory &&
         ::access((buildpack.directory / "bin/runtime").c_str(), X_OK) == 0;
}

Result<void> make_runtime(const BuildRequest& request, const RuntimeName& wanted,
                          ImageStore& images, SandboxFactory& sandboxes, const OutputSink& log,
                          const std::atomic<bool>& cancel) {
  BERTH_ASSIGN(const BuildContext context,
               BuildContext::begin(request, images, sandboxes, log, cancel));
  const Buildpack* buildpack = context.installed.set.find({.id = wanted.buildpack, .version = {}});
  if (!buildpack || !makes_runtimes(*buildpack, request) || !is_runtime_name(wanted.layer))
    return Error{ErrorKind::not_found,
                 wanted.buildpack + " makes no runtime called " + wanted.layer};
  const fs::path nothing = request.work_directory / "nothing";
  BERTH_ASSIGN(Workspace workspace, Workspace::create(context, nothing));
  BERTH_TRY(make_build_directory(nothing));
  BERTH_TRY(workspace.open_sandbox(context, {}));
  BERTH_TRY(run_maker(context, *buildpack, wanted.layer, workspace));
  workspace.close_sandbox();

  const std::string path = escape_id(buildpack->id) + "/" + wanted.layer;
  BERTH_ASSIGN(const auto text, workspace.layers().read(path + ".toml"));
  BERTH_ASSIGN(LayerToml toml, with_context(parse_layer_toml(text.value_or("")), path + ".toml"));
  BERTH_ASSIGN(const fs::path root, workspace.gather(*buildpack, wanted.layer));
  BERTH_ASSIGN(const ImageLayer layer,
               images.add_layer(root, layer_origin(*buildpack, wanted.layer)));
  BERTH_ASSIGN(std::string seal, tree_seal(images.layer_directory(layer.diff_id)));

  BuildRecord record{.key = maker(context), .image = {}, .tree = {}};
  record.buildpacks.push_back(
      {.id = buildpack->id,
       .version = buildpack->version,
       .layers = {{wanted.layer,
                   {.id = layer.diff_id, .flags = toml.flags, .metadata = toml.metadata}}},
       .store = {}});
  record.seals[layer.diff_id] = std::move(seal);
  BERTH_TRY(make_directories(request.runtimes_directory));
  BERTH_TRY(write_file_atomic(
      record_path(request.runtimes_directory, buildpack->id, wanted.layer),
      build_record_json(record), 0600));
  return forget_unused(request.runtimes_directory, buildpack->id);
}

}  // namespace berth::builder
