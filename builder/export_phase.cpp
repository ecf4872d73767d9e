// SPDX-License-Identifier: Apache-2.0
#include "builder/export_phase.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/file.hpp"
#include "builder/slices.hpp"
#include "builder/toml.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

/// Looked for by the launcher's symbolic links and first on every process's PATH.
constexpr std::string_view launcher_path = "/cnb/lifecycle/launcher";
constexpr std::string_view path_addition = "/cnb/process:/cnb/lifecycle";

/// The image's layers: hashed and written on all cores once the last is known.
class LayersToAdd final {
 public:
  explicit LayersToAdd(ImageStore& images) : images_(images) {}

  /// Its number. The directory is gone afterwards.
  std::size_t add(fs::path directory, std::string created_by) {
    layers_.push_back({std::move(directory), {.created_by = std::move(created_by)}});
    return layers_.size() - 1;
  }
  std::size_t add_known(ImageLayer layer) {
    layers_.push_back({.directory = {}, .layer = std::move(layer)});
    return layers_.size() - 1;
  }

  /// All of them, in the order of their numbers.
  Result<std::vector<ImageLayer>> finish() {
    std::vector<Result<void>> results(layers_.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < layers_.size(); i = next++)
        if (!layers_[i].directory.empty()) results[i] = write(layers_[i]);
    };
    {
      std::vector<std::jthread> others;
      for (unsigned i = 1; i < std::min<std::size_t>(std::thread::hardware_concurrency(),
                                                     layers_.size()); ++i)
        others.emplace_back(work);
      work();
    }
    std::vector<ImageLayer> added;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      BERTH_TRY(results[i]);
      added.push_back(std::move(layers_[i].layer));
    }
    return added;
  }

 private:
  struct Entry {
    fs::path directory;  ///< empty: the layer is known
    ImageLayer layer;
  };
  Result<void> write(Entry& entry) {
    BERTH_ASSIGN(entry.layer, images_.add_layer(entry.directory, entry.layer.created_by));
    return {};
  }

  ImageStore& images_;
  std::vector<Entry> layers_;
};

class Exporter final {
 public:
  Exporter(const BuildContext& context, Workspace& workspace, const DetectedGroup& group,
           const BuildOutcome& outcome, const BuildRecord& previous)
      : context_(context),
        workspace_(workspace),
        group_(group),
        outcome_(outcome),
        previous_(previous),
        layers_(workspace.layers()),
        added_(context.images) {}

  Result<Exported> run() {
    result_.image = context_.run_image;
    result_.record.buildpacks.reserve(outcome_.buildpacks.size());  // launched_ points into them
    for (const auto& buildpack : outcome_.buildpacks)
      BERTH_TRY(with_context(buildpack_layers(buildpack), buildpack.buildpack->id));
    BERTH_ASSIGN(const auto sbom, sbom_layers());
    BERTH_ASSIGN(const auto app, app_layers());
    BERTH_ASSIGN(const std::size_t launcher, launcher_layer());
    BERTH_ASSIGN(const std::size_t config, config_layer());
    BERTH_ASSIGN(const auto types, process_types_layer());
    BERTH_ASSIGN(const std::vector<ImageLayer> added, added_.finish());

    const auto told = [&](std::size_t number) {
      return json::object{{"sha", added[number].diff_id}};
    };
    for (const auto& [layer, number] : launched_) layer->id = added[number].diff_id;
    json::array slices;
    for (const std::size_t number : app) slices.push_back(told(number));
    lifecycle_["app"] = std::move(slices);
    lifecycle_["config"] = told(config);
    lifecycle_["launcher"] = told(launcher);
    if (types) lifecycle_["process-types"] = told(*types);
    if (sbom) lifecycle_["sbom"] = told(*sbom);
    result_.image.layers.insert(result_.image.layers.end(), added.begin(), added.end());
    configure();
    BERTH_ASSIGN(result_.image, context_.images.add_image(std::move(result_.image)));
    return std::move(result_);
  }

 private:
  Result<void> buildpack_layers(const BuildpackOutcome& outcome) {
    const Buildpack& buildpack = *outcome.buildpack;
    BuildpackRecord& record = result_.record.buildpacks.emplace_back(
        BuildpackRecord{buildpack.id, buildpack.version, {}, outcome.store});
    for (const auto& [name, toml] : outcome.layers) {
      LayerRecord layer{.id = {}, .flags = toml.flags, .metadata = toml.metadata};
      if (toml.flags.launch) {
        BERTH_ASSIGN(const std::size_t number,
                     with_context(launch_layer(buildpack, name, toml.flags), "layer " + name));
        launched_.emplace_back(&record.layers.emplace(name, std::move(layer)).first->second,
                               number);
        continue;
      } else if (toml.flags.cache) {
        BERTH_ASSIGN(layer.id, with_context(cached_layer(buildpack, name), "layer " + name));
        if (layer.id.empty()) continue;
      } else {
        continue;
      }
      record.layers.emplace(name, std::move(layer));
    }
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

  Result<std::size_t> add_known(const std::string& id, const std::string& created_by) {
    BERTH_ASSIGN(ImageLayer layer, context_.images.known_layer(id, created_by));
    return added_.add_known(std::move(layer));
  }

  /// The layer's number.
  Result<std::size_t> launch_layer(const Buildpack& buildpack, const std::string& name,
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
      return add_known(layer->second.id, created_by);
    }
    const std::string known = restored_id(buildpack, name);
    if (change == TreeChange::unchanged && known.starts_with("sha256:"))
      return add_known(known, created_by);
    BERTH_ASSIGN(fs::path root, workspace_.gather(buildpack, name));
    return added_.add(std::move(root), created_by);
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

  /// <layers>/sbom/launch is a layer of the image, <layers>/sbom/cache one of the cache.
  Result<std::optional<std::size_t>> sbom_layers() {
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
    if (!launched) return std::optional<std::size_t>();
    return std::optional(added_.add(launch, "Software Bill-of-Materials"));
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

  /// The numbers of a layer a slice, and of one for what is left.
  Result<std::vector<std::size_t>> app_layers() {
    std::vector<std::size_t> numbers;
    const auto title = [&] { return "Application Slice: " + std::to_string(numbers.size() + 1); };
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
      numbers.push_back(added_.add(slice, title()));
    }
    numbers.push_back(added_.add(root, numbers.empty() ? "Application Layer" : title()));
    return numbers;
  }

  Result<std::size_t> launcher_layer() {
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    const fs::path target = root / launcher_path.substr(1);
    BERTH_TRY(make_directories(target.parent_path()));
    BERTH_ASSIGN(const std::string program,
                 with_context(read_file(context_.request.launcher), "the launcher"));
    BERTH_TRY(write_file(target, program));
    if (::chmod(target.c_str(), 0755) != 0) return system_error("set mode of the launcher");
    return added_.add(root, "Application Launcher");
  }

  Result<std::size_t> config_layer() {
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    BERTH_TRY(make_build_directory(root / "layers"));
    BERTH_TRY(make_directories(root / "layers/config"));
    BERTH_TRY(write_file(root / "layers/config/metadata.toml", write_toml(config_metadata())));
    return added_.add(root, "Buildpacks Launcher Config");
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

  Result<std::optional<std::size_t>> process_types_layer() {
    if (outcome_.processes.by_type.empty()) return std::optional<std::size_t>();
    BERTH_ASSIGN(const fs::path root, workspace_.staging());
    BERTH_TRY(make_directories(root / "cnb/process"));
    for (const auto& [type, process] : outcome_.processes.by_type) {
      std::error_code failure;
      fs::create_symlink(launcher_path, root / "cnb/process" / type, failure);
      if (failure) return system_error("create process link " + type, failure.value());
    }
    return std::optional(added_.add(root, "Buildpacks Process Types"));
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
  std::vector<std::pair<LayerRecord*, std::size_t>> launched_;  ///< of the record, and its number
  json::object lifecycle_;
  LayersToAdd added_;
};

}  // namespace

Result<Exported> export_image(const BuildContext& context, Workspace& workspace,
                              const DetectedGroup& group, const BuildOutcome& outcome,
                              const BuildRecord& previous) {
  return Exporter(context, workspace, group, outcome, previous).run();
}

}  // namespace berth::builder
