// SPDX-License-Identifier: Apache-2.0
#include "builder/build_phase.hpp"

#include <algorithm>
#include <set>

#include "builder/classic_release.hpp"
#include "builder/failure.hpp"
#include "builder/toml.hpp"

namespace berth::builder {

namespace {

constexpr std::uint64_t longest_env_file = 1 << 20;
constexpr std::uint64_t longest_release = 64 << 10;

class BuildRun final {
 public:
  BuildRun(const BuildContext& context, Workspace& workspace, const DetectedGroup& group)
      : context_(context), workspace_(workspace), group_(group), environment_(context.inherited) {}

  Result<BuildOutcome> run() {
    for (std::size_t i = 0; i < group_.buildpacks.size(); ++i)
      BERTH_TRY(with_context(one(i), group_.buildpacks[i]->id));
    return std::move(outcome_);
  }

 private:
  Result<void> one(std::size_t index) {
    const Buildpack& buildpack = *group_.buildpacks[index];
    const std::vector<std::string> given = open_entries(index);
    BERTH_TRY(execute(buildpack, index, given));
    const std::string directory = escape_id(buildpack.id);
    const MergedTree layers = workspace_.layers();

    BuildpackOutcome outcome{.buildpack = &buildpack, .layers = {}, .sboms = {}, .store = {}};
    BERTH_TRY(read_layers(layers, directory, outcome));
    BERTH_TRY(read_sboms(layers, directory, outcome));
    BERTH_ASSIGN(const auto launch, file(layers, directory + "/launch.toml"));
    if (launch) {
      BERTH_ASSIGN(
          const LaunchToml parsed,
          with_context(parse_launch_toml(*launch, buildpack.api, buildpack.id), "launch.toml"));
      outcome_.processes.merge(parsed.processes);
      for (const auto& [key, value] : parsed.labels) outcome_.labels.insert_or_assign(key, value);
      outcome_.slices.insert(outcome_.slices.end(), parsed.slices.begin(), parsed.slices.end());
    }
    if (buildpack.classic) BERTH_TRY(read_release(layers, directory, buildpack));
    BERTH_ASSIGN(const auto build, file(layers, directory + "/build.toml"));
    BERTH_ASSIGN(const auto unmet,
                 with_context(parse_build_toml(build.value_or(""), given), "build.toml"));
    for (const auto& name : given)
      if (std::find(unmet.begin(), unmet.end(), name) == unmet.end()) met_.insert(name);
    BERTH_ASSIGN(const auto store, file(layers, directory + "/store.toml"));
    if (store) {
      BERTH_ASSIGN(outcome.store, with_context(parse_store_toml(*store), "store.toml"));
    }
    outcome_.buildpacks.push_back(std::move(outcome));
    return {};
  }

  static Result<std::optional<std::string>> file(const MergedTree& tree, const std::string& path) {
    return tree.read(path);
  }

  Result<void> read_release(const MergedTree& tree, const std::string& directory,
                            const Buildpack& buildpack) {
    BERTH_ASSIGN(const auto text, tree.read(directory + "/release.yaml", longest_release));
    BERTH_ASSIGN(const auto processes,
                 with_context(parse_classic_release(text.value_or(""), buildpack.id),
                              "the output of bin/release"));
    outcome_.processes.merge(processes);
    return {};
  }

  /// Names of the entries that this buildpack provides and nobody before it has met.
  std::vector<std::string> open_entries(std::size_t index) const {
    std::vector<std::string> names;
    for (const auto& entry : group_.entries)
      if (!met_.contains(entry.name) &&
          std::find(entry.providers.begin(), entry.providers.end(), index) != entry.providers.end())
        names.push_back(entry.name);
    return names;
  }

  std::string plan_text(const std::vector<std::string>& given) const {
    json::array entries;
    for (const auto& entry : group_.entries) {
      if (std::find(given.begin(), given.end(), entry.name) == given.end()) continue;
      for (const auto& requirement : entry.requirements) {
        json::object item{{"name", requirement.name}};
        if (!requirement.metadata.empty()) item["metadata"] = requirement.metadata;
        entries.push_back(std::move(item));
      }
    }
    return write_toml({{"entries", std::move(entries)}});
  }

  Result<void> execute(const Buildpack& buildpack, std::size_t index,
                       const std::vector<std::string>& given) {
    BERTH_ASSIGN(
        const std::string plan,
        workspace_.write_input("plan-" + std::to_string(index) + ".toml", plan_text(given)));
    const std::string own = std::string(layers_path) + "/" + escape_id(buildpack.id);
    SandboxCommand command{
        .argv = {path_inside(buildpack) + "/bin/build", own, std::string(platform_path), plan},
        .env = context_.environment_for(buildpack, environment_),
        .working_directory = std::string(app_path),
        .uid = build_uid,
        .gid = build_gid,
        .timeout = context_.time_left()};
    command.env["CNB_LAYERS_DIR"] = own;
    command.env["CNB_BP_PLAN_PATH"] = plan;
    BERTH_ASSIGN(const SandboxExit exit, workspace_.sandbox().run(command, context_.sink));
    if (!exit.status.success() || exit.cancelled || exit.timed_out) return build_failure(exit);
    return {};
  }

  Error build_failure(const SandboxExit& exit) const {
    Error error =
        explain_exit(exit, context_.request.limits, context_.request.timeout, "the build");
    // A limit or a cancellation is the platform's doing, not the buildpack's.
    return error.kind == ErrorKind::invalid
               ? with_code(std::move(error), LifecycleCode::build_failed)
               : error;
  }

  Result<void> read_layers(const MergedTree& tree, const std::string& directory,
                           BuildpackOutcome& outcome) {
    constexpr std::string_view suffix = ".toml";
    for (const auto& name : tree.list(directory)) {
      if (!name.ends_with(suffix) || name == "launch.toml" || name == "build.toml" ||
          name == "store.toml")
        continue;
      const std::string layer = name.substr(0, name.size() - suffix.size());
      BERTH_TRY(check_layer_name(layer));
      BERTH_ASSIGN(const auto text, tree.read(directory + "/" + name));
      BERTH_ASSIGN(LayerToml parsed, with_context(parse_layer_toml(text.value_or("")), name));
      const std::string path = directory + "/" + layer;
      // Not for this environment: only the cache may keep it.
      if (outcome.buildpack->api >= 12 &&
          !for_environment(parsed.exec_env(), execution_environment))
        parsed.flags = {.build = false, .launch = false, .cache = parsed.flags.cache};
      if (parsed.flags == LayerFlags{}) {
        if (tree.is_directory(path)) BERTH_TRY(hide(tree, path));
        continue;
      }
      if (parsed.flags.build && tree.is_directory(path)) BERTH_TRY(extend_environment(tree, path));
      outcome.layers.emplace_back(layer, std::move(parsed));
    }
    return {};
  }

  Result<void> read_sboms(const MergedTree& tree, const std::string& directory,
                          BuildpackOutcome& outcome) {
    for (const auto& name : tree.list(directory)) {
      BERTH_ASSIGN(auto sbom, parse_sbom_name(name, outcome.buildpack->sbom_formats));
      if (!sbom || tree.is_directory(directory + "/" + name)) continue;
      const bool known = std::any_of(outcome.layers.begin(), outcome.layers.end(),
                                     [&](const auto& layer) { return layer.first == sbom->layer; });
      if (known || !sbom->of_layer()) outcome.sboms.push_back(std::move(*sbom));
    }
    return {};
  }

  /// No later buildpack may use a layer without a flag: it is renamed, inside the sandbox, where
  /// the mount is. A restored one cannot be renamed by an overlay and is removed.
  Result<void> hide(const MergedTree& tree, const std::string& path) {
    const std::string inside = std::string(layers_path) + "/" + path;
    SandboxCommand command{.argv = {"/bin/mv", "-T", inside, inside + ".ignore"},
                           .env = context_.inherited,
                           .working_directory = "/",
                           .uid = build_uid,
                           .gid = build_gid,
                           .timeout = context_.time_left()};
    if (tree.change_of(path) != TreeChange::replaced) command.argv = {"/bin/rm", "-rf", inside};
    BERTH_ASSIGN(const SandboxExit exit, workspace_.sandbox().run(command, context_.sink));
    if (!exit.status.success())
      return explain_exit(exit, context_.request.limits, context_.request.timeout,
                          "setting aside the layer " + path);
    return {};
  }

  Result<void> extend_environment(const MergedTree& tree, const std::string& path) {
    std::set<std::string> present;
    for (const auto& name : layer_root_directories())
      if (tree.looks_like_directory(path + "/" + name)) present.insert(name);
    apply_layer_roots(environment_, std::string(layers_path) + "/" + path, present, Stage::build);
    for (const char* kind : {"/env", "/env.build"}) {
      std::vector<EnvFile> files;
      for (const auto& name : tree.list(path + kind)) {
        const std::string at = path + kind + "/" + name;
        if (tree.is_directory(at)) continue;
        BERTH_ASSIGN(auto content, tree.read(at, longest_env_file));
        if (content) files.push_back({name, std::move(*content)});
      }
      apply_env_files(environment_, std::move(files));
    }
    return {};
  }

  const BuildContext& context_;
  Workspace& workspace_;
  const DetectedGroup& group_;
  Environment environment_;
  std::set<std::string> met_;
  BuildOutcome outcome_;
};

}  // namespace

Result<BuildOutcome> run_build(const BuildContext& context, Workspace& workspace,
                               const DetectedGroup& group) {
  return BuildRun(context, workspace, group).run();
}

}  // namespace berth::builder
