// SPDX-License-Identifier: Apache-2.0
#include "builder/build.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <map>
#include <set>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "builder/build_context.hpp"
#include "builder/build_phase.hpp"
#include "builder/buildpack_fetch.hpp"
#include "builder/build_record.hpp"
#include "builder/detect_phase.hpp"
#include "builder/docker_phase.hpp"
#include "builder/export_phase.hpp"
#include "builder/image_process.hpp"
#include "builder/kept_layers.hpp"
#include "builder/oci.hpp"
#include "builder/procfile.hpp"
#include "builder/project_toml.hpp"
#include "builder/runtimes.hpp"
#include "builder/source.hpp"
#include "builder/workspace.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

/// Changes when the same input would give another image.
constexpr std::string_view builder_version = "2";
constexpr std::uint64_t longest_app_json = 256 << 10;
/// Of one build: what it says of its layers is an app's word.
constexpr std::size_t most_missing_runtimes = 4;

/// One build an app at a time: the cache and the kept source belong to it.
Result<Fd> lock_cache(const fs::path& cache) {
  BERTH_TRY(make_directories(cache));
  BERTH_ASSIGN(Fd fd, open_file(cache / "lock", O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{ErrorKind::conflict,
                 "another build of this app is running; push again when it has ended"};
  // The stamp of its last use, by which caches are given up.
  if (::fchmod(fd.get(), 0600) != 0) return system_error("stamp " + cache.string());
  return fd;
}

/// Same key, same image: everything that the result depends on, and nothing else.
std::string build_key(const BuildContext& context, const std::string& tree) {
  Sha256 hash;
  const auto add = [&](std::string_view text) {
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  };
  add(builder_version);
  add(tree);
  add(context.installed.digest);
  add(context.run_image.digest);
  add(context.build_image.digest);
  if (const auto launcher = read_file(context.request.launcher); launcher.has_value())
    add(*launcher);
  for (const auto* variables : {&context.request.config_vars, &context.request.operator_env}) {
    add(std::to_string(variables->size()));
    for (const auto& [name, value] : *variables) {
      add(name);
      add(value);
    }
  }
  return hash.finish_hex();
}

class Build final {
 public:
  explicit Build(BuildContext context)
      : context_(std::move(context)),
        runtimes_(Runtimes::load(context_.request.runtimes_directory, context_)),
        kept_layers_(context_.images) {}

  Result<BuiltImage> run() {
    auto built = build_or_reuse();
    if (built.has_error()) return built;
    built->app_json = app_json_;
    built->missing_runtimes = std::move(missing_runtimes_);
    return built;
  }

 private:
  Result<BuiltImage> build_or_reuse() {
    BERTH_ASSIGN(const Fd lock, lock_cache(context_.request.cache_directory));
    read_records();
    BERTH_ASSIGN(const std::string tree, source_tree_id(context_.request.source));
    BERTH_TRY(read_project());
    BERTH_TRY(read_app_json());
    BERTH_TRY(choose_group());
    BERTH_TRY(choose_dockerfile());
    const std::string key = build_key(context_, tree);
    if (auto reused = reuse(key)) return std::move(*reused);

    const fs::path source = context_.request.cache_directory / "source";
    BERTH_TRY(check_procfile());
    if (docker_.use == DockerChoice::Use::yes) return build_docker(source, key, tree);
    BERTH_ASSIGN(const SourceTree exported,
                 export_source(context_.request.source, source, build_uid, build_gid, {},
                               {.directory = {}, .filter = filter_}));
    if (const auto& only = context_.request.source.directory; !only.empty())
      context_.line("The app is the folder " + only + " (PROJECT_PATH).");
    for (const auto& note : exported.notes) context_.line("Note: " + note);
    BERTH_ASSIGN(Workspace workspace, Workspace::create(context_, source / "tree"));
    BERTH_ASSIGN(const DetectedGroup group, detect_and_restore(workspace));
    if (group.buildpacks.empty()) {
      workspace.close_sandbox();
      return build_docker(source, key, tree);
    }
    announce(group, workspace);
    BERTH_ASSIGN(const BuildOutcome outcome, run_build(context_, workspace, group));
    for (const auto& note : outcome.processes.notes) context_.line("Warning: " + note);
    workspace.close_sandbox();
    if (context_.cancel) return Error{ErrorKind::cancelled, "the build was cancelled"};

    BERTH_ASSIGN(Exported result, export_image(context_, workspace, group, outcome, image_record_));
    result.record.key = key;
    result.record.tree = tree;
    result.record.image = result.image.digest;
    if (!record_.find(docker_record_id)) result.record.earlier = record_.earlier_for(key);
    result.record.seals = kept_layers_.seals(result.record);
    BERTH_TRY(keep(result.record));
    BERTH_TRY(use_runtimes(result.record));
    return finish(std::move(result.image), context_.run_image.layers.size());
  }

  /// Which kept layers are taken.
  enum class Trust { what_is_there, what_is_as_it_was };

  fs::path record_path() const { return context_.request.cache_directory / "metadata.json"; }

  /// A record that cannot be read is none: the cache is rebuilt, never believed.
  void read_records() {
    for (const auto& runtime : runtimes_.all()) seals_[runtime.layer.id] = runtime.seal;
    const auto text = read_file(record_path());
    if (text.has_value()) {
      if (auto parsed = parse_build_record(*text); parsed.has_value())
        old_record_ = std::move(*parsed);
    } else if (const auto& first = context_.request.first_cache; !first.empty()) {
      const auto other = read_file(first / record_path().filename());
      if (other.has_value())
        if (auto parsed = parse_build_record(*other); parsed.has_value())
          old_record_ = shareable(std::move(*parsed));
    }
    if (context_.request.clear_cache) return;
    record_ = old_record_;
    seals_.insert(record_.seals.begin(), record_.seals.end());
    auto image = context_.images.find(record_.image);
    if (image.has_error()) image = context_.images.find(context_.request.previous_image);
    if (image.has_error()) return;
    image_record_ = parse_lifecycle_label(image->label("io.buildpacks.lifecycle.metadata"));
    // What was made for another environment is not for this one (1.5).
    if (!image_record_.exec_env.empty() && image_record_.exec_env != execution_environment)
      image_record_ = {};
    for (const auto& layer : image->layers) previous_layers_.insert(layer.diff_id);
  }

  std::optional<Result<BuiltImage>> reuse(const std::string& key) {
    std::string digest = record_.key == key ? record_.image : "";
    for (const auto& build : record_.earlier)
      if (build.key == key) digest = build.image;
    if (digest.empty()) return std::nullopt;
    auto image = context_.images.find(digest);
    if (image.has_error()) return std::nullopt;
    image = context_.images.take_into_use(std::move(*image));
    if (image.has_error()) return std::nullopt;
    // A Dockerfile's base goes by its name, which may stand for another image now.
    if (digest == record_.image)
      for (const auto& [name, base] : recorded_bases(record_)) {
        const auto now = context_.request.resolve_image(name);
        if (now.has_error() || now->digest != base) return std::nullopt;
      }
    const std::string& release = context_.request.previous_release;
    const bool serves = release.empty() || digest == context_.request.previous_image;
    context_.title(!serves           ? "This was built before; reusing the image"
                   : release.empty() ? "Nothing changed since the last build; reusing the image"
                                     : "Nothing changed since release " + release +
                                           "; reusing the image");
    auto result = describe_image(std::move(*image));
    if (result.has_value()) result->reused = true;
    return result;
  }

  /// What is wrong in it is told before anything is built.
  Result<void> read_app_json() {
    BERTH_ASSIGN(const auto text,
                 read_source_file(context_.request.source, std::string(platform::app_json_file),
                                  longest_app_json));
    if (!text) return {};
    std::vector<std::string> notes;
    BERTH_ASSIGN(app_json_,
                 platform::parse_app_json(*text, notes, {.review = context_.request.preview}));
    for (const auto& note : notes) context_.line("Note: " + note);
    return {};
  }

  /// Read from the commit: it says which files of the commit there will be.
  Result<void> read_project() {
    BERTH_ASSIGN(const auto ignored, read_source_file(context_.request.source, ".slugignore"));
    if (ignored)
      filter_.exclude = PathPatterns::parse(lines_of(*ignored), PathPatterns::Negation::none);
    BERTH_ASSIGN(const auto text, read_source_file(context_.request.source, "project.toml"));
    if (!text) return {};
    BERTH_ASSIGN(project_, parse_project(*text));
    if (!project_.include.empty()) filter_.include = PathPatterns::parse(project_.include);
    if (!project_.exclude.empty()) filter_.exclude = PathPatterns::parse(project_.exclude);
    context_.project_metadata = project_.metadata;
    context_.user.merge(
        Environment(project_.build_environment));  // a config var of that name stays
    return {};
  }

  /// The app's own buildpacks, if it names any, in place of the installed order.
  Result<void> choose_group() {
    BERTH_ASSIGN(const auto listed, read_source_file(context_.request.source, ".buildpacks"));
    const auto url = context_.request.config_vars.find("BUILDPACK_URL");
    BERTH_ASSIGN(
        const BuildpackChoice choice,
        choose_buildpacks({.app = context_.request.buildpacks,
                           .url = url == context_.request.config_vars.end() ? "" : url->second,
                           .project = project_,
                           .listed = listed}));
    return add_chosen_buildpacks(context_, choice);
  }

  Result<void> choose_dockerfile() {
    BERTH_ASSIGN(const auto heroku, read_source_file(context_.request.source, "heroku.yml"));
    BERTH_ASSIGN(const auto file, read_source_file(context_.request.source, "Dockerfile"));
    BERTH_ASSIGN(docker_, choose_docker({.config_vars = context_.request.config_vars,
                                         .buildpacks_by = context_.chosen_by,
                                         .dockerfile = file.has_value(),
                                         .heroku_yml = heroku}));
    context_.other_way = docker_.use != DockerChoice::Use::no;
    return {};
  }

  /// From Dockerfiles, with what earlier builds made of their instructions; that is kept also if
  /// this build fails.
  Result<BuiltImage> build_docker(const fs::path& source, const std::string& key,
                                  const std::string& tree) {
    if (docker_.problem) return *docker_.problem;
    context_.title("Dockerfile (" + docker_.by + ")" +
                   (docker_.use == DockerChoice::Use::otherwise
                        ? ": no buildpack recognised this app"
                        : ""));
    for (const auto& note : docker_.heroku.notes) context_.line("Note: " + note);
    // Which files are left out says .dockerignore, and nothing else.
    BERTH_ASSIGN(const SourceTree exported,
                 export_source(context_.request.source, source, build_uid, build_gid));
    for (const auto& note : exported.notes) context_.line("Note: " + note);
    DockerSource files{.tree = source / "tree", .ids = {}};
    BERTH_ASSIGN(files.ids, read_source_list(source));
    BERTH_ASSIGN(const auto procfile, read_source_file(context_.request.source, "Procfile"));
    BERTH_ASSIGN(const auto processes, parse_procfile(procfile.value_or("")));
    const fs::path& work = context_.request.work_directory;
    BERTH_TRY(remove_tree(work));
    BERTH_TRY(make_directories(work));
    if (::chmod(work.c_str(), 0700) != 0) return system_error("set mode of " + work.string());
    DockerCache cache(context_.images, record_);
    auto built = build_dockerfiles(context_, docker_, processes, files, cache);
    BuildRecord record = built.has_error() ? old_record_ : BuildRecord{};
    std::erase_if(record.buildpacks,
                  [](const BuildpackRecord& entry) { return entry.id == docker_record_id; });
    record.buildpacks.push_back(built.has_error() ? cache.after_failure() : cache.used());
    if (!built.has_error()) {
      record.key = key;
      record.tree = tree;
      record.image = built->image.digest;
    }
    auto kept = keep(record);
    (void)context_.images.put_away(work);  // else the server's start sweeps it
    if (built.has_error()) return built.error();
    BERTH_TRY(kept);
    return finish(std::move(built->image), built->base_layers);
  }

  /// Marks those that this build took and tells those that it had to make.
  Result<void> use_runtimes(const BuildRecord& record) {
    for (const auto& used : record.buildpacks) {
      const Buildpack* buildpack = context_.installed.set.find({used.id, used.version});
      for (const auto& [name, layer] : used.layers) {
        if (!layer.metadata.contains("runtime") || !is_runtime_name(name)) continue;
        if (runtimes_.is_one(used.id, name, layer.id))
          BERTH_TRY(runtimes_.stamp(used.id, name));
        else if (buildpack && makes_runtimes(*buildpack, context_.request) &&
                 missing_runtimes_.size() < most_missing_runtimes)
          missing_runtimes_.push_back({.buildpack = used.id, .layer = name});
      }
    }
    return {};
  }

  /// What can be known to be wrong before anything runs.
  Result<void> check_procfile() const {
    BERTH_ASSIGN(const auto text, read_source_file(context_.request.source, "Procfile"));
    if (text && filter_.keeps("Procfile", false)) BERTH_TRY(parse_procfile(*text));
    return {};
  }

  std::vector<RestoredLayer> restorable(const std::vector<std::string>& ids, Trust trust) {
    std::vector<RestoredLayer> result = plan_restore(ids, image_record_, record_);
    std::erase_if(result, [&](const RestoredLayer& layer) {
      return !layer.id.empty() && !is_usable(layer, trust);
    });
    // Runtimes of all buildpacks: they do not depend on the group that detection finds.
    std::set<std::pair<std::string, std::string>> own;
    for (const auto& layer : result) own.emplace(layer.buildpack, layer.layer);
    for (const auto& [layer, seal] : runtimes_.all()) {
      const bool in_group = std::ranges::find(ids, layer.buildpack) != ids.end();
      if (!own.contains({layer.buildpack, layer.layer}) &&
          is_usable(layer, in_group ? trust : Trust::what_is_there))
        result.push_back(layer);
    }
    return result;
  }

  bool is_usable(const RestoredLayer& layer, Trust trust) {
    return is_usable(layer.id, layer.layer + " of " + layer.buildpack, trust);
  }

  bool is_usable(const std::string& id, const std::string& what, Trust trust) {
    if (trust == Trust::what_is_there) return context_.images.has_layer(id);
    using State = KeptLayers::State;
    const State state = kept_layers_.look_at(id, seals_);
    if (state == State::whole) return true;
    if (state != State::gone && told_.insert(id).second)
      context_.line("Note: the kept layer " + what + " was damaged on the disk and is " +
                    (state == State::repaired ? "unpacked again." : "made anew."));
    return state == State::repaired;
  }

  /// All that these buildpacks get back.
  Restored restored(const std::vector<std::string>& ids, Trust trust) {
    const bool known =
        !record_.sbom.empty() && is_usable(record_.sbom, "of bills of materials", trust);
    Restored result{.layers = restorable(ids, trust),
                    .stores = {},
                    .launch_sbom = image_record_.sbom,
                    .cache_sbom = known ? record_.sbom : std::string()};
    for (const auto& id : ids)
      for (const auto* record : {&image_record_, &record_})
        if (const auto* buildpack = record->find(id); buildpack && buildpack->store)
          result.stores[id] = *buildpack->store;
    return result;
  }

  /// One sandbox for detection and build: it is opened as for the group of the last build, and
  /// opened again only if detection finds another, or a layer turns out to be damaged meanwhile.
  Result<DetectedGroup> detect_and_restore(Workspace& workspace) {
    std::vector<std::string> expected;
    for (const auto& buildpack : (record_.buildpacks.empty() ? image_record_ : record_).buildpacks)
      expected.push_back(buildpack.id);
    const Restored guessed = restored(expected, Trust::what_is_there);
    std::set<std::string> given;
    for (const auto& layer : guessed.layers)
      if (!layer.id.empty()) given.insert(layer.id);
    if (!guessed.cache_sbom.empty()) given.insert(guessed.cache_sbom);
    kept_layers_.begin(std::move(given));
    BERTH_TRY(workspace.open_sandbox(context_, guessed));
    BERTH_ASSIGN(DetectedGroup group, detect(context_, workspace, expected));
    std::vector<std::string> found;
    for (const auto* buildpack : group.buildpacks) found.push_back(buildpack->id);
    const Restored wanted = restored(found, Trust::what_is_as_it_was);
    if (wanted != guessed || !told_.empty())
      BERTH_TRY(workspace.open_sandbox(context_, wanted));
    return group;
  }

  void announce(const DetectedGroup& group, const Workspace& workspace) const {
    std::vector<std::string> names;
    for (const auto* buildpack : group.buildpacks)
      names.push_back(buildpack->id + " " + buildpack->version);
    context_.title("Buildpacks: " + people_list(names));
    if (!group.runners_up.empty())
      context_.line("Also recognised, and not used: " + people_list(group.runners_up));
    if (context_.other_way)
      context_.line("There is a Dockerfile too, and it is not used. To build it: " +
                    std::string("berth config:set ") + builder_variable + "=dockerfile");
    std::map<std::string, std::vector<std::string>> restored;
    for (const auto& [layer, id] : workspace.restored())
      if (!runtimes_.is_one(layer.first, layer.second, id))
        restored[layer.first].push_back(layer.second);
    for (const auto& [buildpack, layers] : restored)
      context_.line("Restored from the last build: " + people_list(layers) + " (" + buildpack +
                    ")");
  }

  /// The record names only layers that are in place; what it no longer names is put away after.
  Result<void> keep(const BuildRecord& record) {
    BERTH_TRY(write_file_atomic(record_path(), build_record_json(record), 0600));
    std::set<std::string> used = {record.sbom};
    for (const auto& buildpack : record.buildpacks)
      for (const auto& [name, layer] : buildpack.layers) used.insert(layer.id);
    for (const auto& buildpack : old_record_.buildpacks)
      for (const auto& [name, layer] : buildpack.layers)
        if (layer.id.starts_with("private:") && !used.contains(layer.id))
          BERTH_TRY(context_.images.put_away_layer(layer.id));
    if (const auto& sbom = old_record_.sbom; sbom.starts_with("private:") && !used.contains(sbom))
      BERTH_TRY(context_.images.put_away_layer(sbom));
    return {};
  }

  Result<BuiltImage> finish(Image image, std::size_t base_layers) const {
    BERTH_ASSIGN(BuiltImage built, describe_image(std::move(image)));
    std::size_t own = 0;
    for (std::size_t i = base_layers; i < built.image.layers.size(); ++i) {
      ++own;
      if (previous_layers_.contains(built.image.layers[i].diff_id)) continue;
      ++built.new_layers;
      built.new_bytes += built.image.layers[i].size_bytes;
    }
    if (built.processes.empty())
      context_.line(
          "Warning: no process types. Add a Procfile with a line such as 'web: ./start' to run "
          "something.");
    context_.title("Image " + built.image.digest.substr(0, 19) + "… (" +
                   people_count(own, "layer") + ", " + std::to_string(built.new_layers) + " new, " +
                   people_bytes(built.new_bytes) + ")");
    return built;
  }

  BuildContext context_;
  ProjectDescriptor project_;
  platform::AppJson app_json_;
  DockerChoice docker_;
  PathFilter filter_;         ///< which files of the commit are built
  BuildRecord old_record_;    ///< as it is on disk
  BuildRecord record_;        ///< what may be restored
  BuildRecord image_record_;  ///< the last image's layers
  std::set<std::string> previous_layers_;
  Runtimes runtimes_;
  std::vector<RuntimeName> missing_runtimes_;
  std::map<std::string, std::string> seals_;  ///< of what may be given back
  KeptLayers kept_layers_;
  std::set<std::string> told_;  ///< damaged ones, once each
};

}  // namespace

Result<BuiltImage> describe_image(Image image) {
  BuiltImage built;
  if (!has_launcher(image)) {
    for (const auto& [type, arguments] : image_processes(image))
      built.processes[type] =
          command_line({.type = type, .command = arguments, .args = {}, .direct = true});
    built.default_process = built.processes.contains("web") ? "web" : "";
    built.image = std::move(image);
    return built;
  }
  BERTH_ASSIGN(const ProcessSet processes,
               with_context(parse_build_metadata(image.label("io.buildpacks.build.metadata")),
                            "image " + image.digest));
  for (const auto& [type, process] : processes.by_type)
    built.processes[type] = command_line(process);
  built.default_process = processes.default_type;
  built.image = std::move(image);
  return built;
}

Result<BuiltImage> build(const BuildRequest& request, ImageStore& images, SandboxFactory& sandboxes,
                         const OutputSink& log, const std::atomic<bool>& cancel) {
  BERTH_ASSIGN(BuildContext context,
               BuildContext::begin(request, images, sandboxes, log, cancel));
  return Build(std::move(context)).run();
}

}  // namespace berth::builder
