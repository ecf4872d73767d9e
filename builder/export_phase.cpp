// SPDX-License-Identifier: Apache-2.0
#include "builder/export_phase.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/file.hpp"
#include "builder/slices.hpp"
#include "builder/toml.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

/// Looked for by the launcher's symbolic links and first on every process's PATH.
constexpr std::string_view launcher_path = "/cnb/lifecycle/launcher";
constexpr std::string_view path_addition = "/cnb/process:/cnb/lifecycle";

class Exporter final {
 public:
  Exporter(const BuildContext& context, Workspace& workspace, const DetectedGroup& group,
           const BuildOutcome& outcome, const BuildRecord& previous)
      : context_(context),
        workspace_(workspace),
        group_(group),
        outcome_(outcome),
        previous_(previous),
        layers_(workspace.layers()) {}

  Result<Exported> run() {
    result_.image = context_.run_image;
    for (const auto& buildpack : outcome_.buildpacks)
      BERTH_TRY(with_context(buildpack_layers(buildpack), buildpack.buildpack->id));
    BERTH_TRY(sbom_layers());
    BERTH_ASSIGN(json::array app, app_layers());
    BERTH_ASSIGN(const std::string launcher, launcher_layer());
    BERTH_ASSIGN(const std::string config, config_layer());
    BERTH_ASSIGN(const std::string types, process_types_layer());
    lifecycle_["app"] = std::move(app);
    lifecycle_["config"] = json::object{{"sha", config}};
    lifecycle_["launcher"] = json::object{{"sha", launcher}};
    if (!types.empty()) lifecycle_["process-types"] = json::object{{"sha", types}};
    configure();
    BERTH_ASSIGN(result_.image, context_.images.add_image(std::move(result_.image)));
    return std::move(result_);
  }

 private:
  Result<void> buildpack_layers(const BuildpackOutcome& outcome) {
    const Buildpack& buildpack = *outcome.buildpack;
    BuildpackRecord record{buildpack.id, buildpack.version, {}, outcome.store};
    for (const auto& [name, toml] : outcome.layers) {
      LayerRecord layer{.id = {}, .flags = toml.flags, .metadata = toml.metadata};
      if (toml.flags.launch) {
        BERTH_ASSIGN(const ImageLayer added,
                     with_context(launch_layer(buildpack, name, toml.flags), "layer " + name));
        result_.image.layers.push_back(added);
        layer.id = added.diff_id;
      } else if (toml.flags.cache) {
        BERTH_ASSIGN(layer.id, with_context(cached_layer(buildpack, name), "layer " + name));
        if (layer.id.empty()) continue;
      } else {
        continue;
      }
      record.layers.emplace(name, std::move(layer));
    }
    result_.record.buildpacks.push_back(std::move(record));
    return {};
  }

  /// As Workspace::gather() makes it, of a kept directory of this app alone, changed in place. It
  /// has no name meanwhile: a build that is killed here leaves no half of it.
  Result<fs::path> update(const Buildpack& buildpack, const std::string& name,
                          const std::string& id) {
    BERTH_ASSIGN(fs::path root, workspace_.staging());
    BERTH_TRY(context_.images.take_private_layer(id, root));
    const std::string path = escape_id(buildpack.id) + "/" + name;
    BERTH_TRY(layers_.update(path, root / "layers" / path));
    return root;
  }

  std::string restored_id(const Buildpack& buildpack, const std::string& name) const {
    const auto found = workspace_.restored().find({buildpack.id, name});
    return found == workspace_.restored().end() ? "" : found->second;
  }

  Result<ImageLayer> launch_layer(const Buildpack& buildpack, const std::string& name,
                                  const LayerFlags& flags) {
    const std::string created_by = layer_origin(buildpack, name);
    const TreeChange change = layers_.change_of(escape_id(buildpack.id) + "/" + name);
    if (change == TreeChange::absent) {
      if (flags.cache)
        return Error{ErrorKind::invalid,
                     "cache=true and launch=true but the layer has no contents"};
      const BuildpackRecord* before = previous_.find(buildpack.id);
      const auto layer = before ? before->layers.find(name) : decltype(before->layers.end()){};
      if (!before || layer == before->layers.end())
        return Error{ErrorKind::invalid,
                     "launch=true without contents, and no earlier image has the layer"};
      return context_.images.known_layer(layer->second.id, created_by);
    }
    const std::string known = restored_id(buildpack, name);
    if (change == TreeChange::unchanged && known.starts_with("sha256:"))
      return context_.images.known_layer(known, created_by);
    BERTH_ASSIGN(const fs::path root, workspace_.gather(buildpack, name));
    return context_.images.add_layer(root, created_by);
  }

  /// Its id; empty if there is nothing to keep.
  Result<std::string> cached_layer(const Buildpack& buildpack, const std::string& name) {
    const std::string known = restored_id(buildpack, name);
    switch (layers_.change_of(escape_id(buildpack.id) + "/" + name)) {
      case TreeChange::absent:
        context_.line("Warning: " + buildpack.id + " has a cached layer '" + name +
                      "' without contents");
        return std::string();
      case TreeChange::unchanged:
        // Without an id the directory came from a lower of this build: an empty one of ours.
        if (!known.empty()) return known;
        break;
      case TreeChange::modified:
        if (known.starts_with("private:")) {
          BERTH_ASSIGN(const fs::path root, update(buildpack, name, known));
          return context_.images.add_private_layer(root);
        }
        break;
      case TreeChange::replaced: break;
    }
    BERTH_ASSIGN(const fs::path root, workspace_.gather(buildpack, name));
    return context_.images.add_private_layer(root);
  }

  Result<std::string> add(const fs::path& root, std::string_view created_by) {
    BERTH_ASSIGN(ImageLayer layer, context_.images.add_layer(root, created_by));
    std::string id = layer.diff_id;
    result_.image.layers.push_back(std::move(layer));
    return id;
  }

  /// <layers>/sbom/launch is a layer of the image, <layers>/sbom/cache one of the cache.
  Result<void> sbom_layers() {
    BERTH_ASSIGN(const fs::path launch, workspace_.staging());
    BERTH_ASSIGN(const fs::path cache, workspace_.staging());
    bool launched = false;
    bool cached = false;
    for (const auto& outcome : outcome_.buildpacks)
      for (const auto& sbom : outcome.sboms) {
        const auto layer =
            std::find_if(outcome.layers.begin(), outcome.layers.end(),
                         [&](const auto& entry) { return entry.first == sbom.layer; });
        const LayerFlags flags =
            sbom.of_layer() ? layer->second.flags : LayerFlags{.launch = sbom.layer == "launch"};
        if (flags.launch) BERTH_TRY(write_sbom(launch / "layers/sbom/launch", outcome, sbom));
        if (flags.cache) BERTH_TRY(write_sbom(cache / "layers/sbom/cache", outcome, sbom));
        launched = launched || flags.launch;
        cached = cached || flags.cache;
      }
    if (cached) {
      BERTH_ASSIGN(result_.record.sbom, context_.images.add_private_layer(cache));
    }
    if (!launched) return {};
    BERTH_ASSIGN(const std::string id, add(launch, "Software Bill-of-Materials"));
    lifecycle_["sbom"] = json::object{{"sha", id}};
    return {};
  }

  Result<void> write_sbom(const fs::path& to, const BuildpackOutcome& outcome,
                          const SbomFile& sbom) {
    const std::string directory = escape_id(outcome.buildpack->id);
    BERTH_ASSIGN(const auto text,
                 layers_.read(directory + "/" + sbom.source_name(), longest_sbom_bytes));
    const fs::path target = to / directory / sbom.stored_name();
    BERTH_TRY(make_directories(target.parent_path()));
    return write_file(target, text.value_or(""));
  }

  /// A layer a slice, and one for what is left.
  Result<json::array> app_layers() {
    json::array ids;
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    const fs::path app = root / app_path.substr(1);
    BERTH_TRY(workspace_.app().take("", app));
    for (const auto& paths : outcome_.slices) {
      std::vector<std::string> patterns;
      for (const auto& path : paths)
        if (auto pattern = clean_slice_pattern(path, app_path); !pattern.empty())
          patterns.push_back(std::move(pattern));
      BERTH_ASSIGN(const fs::path slice, workspace_.staging());
      BERTH_TRY(make_build_directory(slice / app_path.substr(1)));
      BERTH_TRY(move_slice(app, slice / app_path.substr(1), patterns));
      BERTH_ASSIGN(const std::string id,
                   add(slice, "Application Slice: " + std::to_string(ids.size() + 1)));
      ids.push_back(json::object{{"sha", id}});
    }
    BERTH_ASSIGN(const std::string id,
                 add(root, ids.empty() ? "Application Layer"
                                       : "Application Slice: " + std::to_string(ids.size() + 1)));
    ids.push_back(json::object{{"sha", id}});
    return ids;
  }

  Result<std::string> launcher_layer() {
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    const fs::path target = root / launcher_path.substr(1);
    BERTH_TRY(make_directories(target.parent_path()));
    BERTH_ASSIGN(const std::string program,
                 with_context(read_file(context_.request.launcher), "the launcher"));
    BERTH_TRY(write_file(target, program));
    if (::chmod(target.c_str(), 0755) != 0) return system_error("set mode of the launcher");
    return add(root, "Application Launcher");
  }

  Result<std::string> config_layer() {
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    BERTH_TRY(make_build_directory(root / "layers"));
    BERTH_TRY(make_directories(root / "layers/config"));
    BERTH_TRY(write_file(root / "layers/config/metadata.toml", write_toml(config_metadata())));
    return add(root, "Buildpacks Launcher Config");
  }

  json::object config_metadata() const {
    json::object metadata = launcher_metadata(outcome_.processes, group_.buildpacks);
    json::array slices;
    for (const auto& paths : outcome_.slices)
      slices.push_back(json::object{{"paths", json::array(paths.begin(), paths.end())}});
    if (!slices.empty()) metadata["slices"] = std::move(slices);
    json::array labels;
    for (const auto& [key, value] : outcome_.labels)
      labels.push_back(json::object{{"key", key}, {"value", value}});
    if (!labels.empty()) metadata["labels"] = std::move(labels);
    return metadata;
  }

  Result<std::string> process_types_layer() {
    if (outcome_.processes.by_type.empty()) return std::string();
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    BERTH_TRY(make_directories(root / "cnb/process"));
    for (const auto& [type, process] : outcome_.processes.by_type) {
      std::error_code failure;
      fs::create_symlink(launcher_path, root / "cnb/process" / type, failure);
      if (failure) return system_error("create process link " + type, failure.value());
    }
    return add(root, "Buildpacks Process Types");
  }

  void set_env(const std::string& name, const std::string& value) {
    auto& env = result_.image.env;
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    env.push_back(name + "=" + value);
  }

  std::string env(const std::string& name, const std::string& fallback) const {
    for (const auto& entry : result_.image.env)
      if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
    return fallback;
  }

  void configure() {
    Image& image = result_.image;
    set_env("PATH",
            std::string(path_addition) + ":" +
                env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    set_env("CNB_LAYERS_DIR", std::string(layers_path));
    set_env("CNB_APP_DIR", std::string(app_path));
    image.working_directory = app_path;
    image.command.clear();
    const std::string& type = outcome_.processes.default_type;
    image.entrypoint = {type.empty() ? std::string(launcher_path) : "/cnb/process/" + type};
    if (image.user.empty()) image.user = "1000:1000";

    lifecycle_["buildpacks"] = lifecycle_buildpacks(image_part());
    const json::object run{
        {"topLayer", context_.run_image.layers.empty() ? std::string()
                                                       : context_.run_image.layers.back().diff_id},
        {"reference", context_.run_image.digest},
        {"image", context_.request.stack.run_tag}};
    lifecycle_["runImage"] = run;
    lifecycle_["stack"] = json::object{{"runImage", json::object{{"image", run.at("image")}}}};
    lifecycle_["exec-env"] = execution_environment;
    for (const auto& [key, value] : outcome_.labels) image.labels.insert_or_assign(key, value);
    image.labels["io.buildpacks.lifecycle.metadata"] = to_text(lifecycle_);
    image.labels["io.buildpacks.build.metadata"] =
        to_text(build_metadata(outcome_.processes, group_.buildpacks));
    image.labels["io.buildpacks.project.metadata"] = to_text(context_.project_metadata);
    image.labels["io.buildpacks.exec-env"] = execution_environment;
    image.labels.emplace("io.buildpacks.rebasable", "true");  // unless the run image says no
  }

  /// Private layers have random names and are no part of the image: equal builds, equal labels.
  BuildRecord image_part() const {
    BuildRecord part = result_.record;
    for (auto& buildpack : part.buildpacks)
      std::erase_if(buildpack.layers, [](const auto& entry) { return !entry.second.flags.launch; });
    return part;
  }

  const BuildContext& context_;
  Workspace& workspace_;
  const DetectedGroup& group_;
  const BuildOutcome& outcome_;
  const BuildRecord& previous_;
  MergedTree layers_;
  Exported result_;
  json::object lifecycle_;
};

}  // namespace

Result<Exported> export_image(const BuildContext& context, Workspace& workspace,
                              const DetectedGroup& group, const BuildOutcome& outcome,
                              const BuildRecord& previous) {
  return Exporter(context, workspace, group, outcome, previous).run();
}

}  // namespace berth::builder
