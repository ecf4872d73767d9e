// SPDX-License-Identifier: Apache-2.0
#include "builder/workspace.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "builder/sbom.hpp"
#include "builder/toml.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

Result<void> give_to_build(const fs::path& path) {
  if (::lchown(path.c_str(), build_uid, build_gid) != 0)
    return system_error("set owner of " + path.string());
  return {};
}

Result<void> write_for_build(const fs::path& path, std::string_view content, unsigned mode = 0644) {
  BERTH_TRY(write_file(path, content, mode));
  return give_to_build(path);
}

/// <layers>/sbom/{launch,cache}/<buildpack>/<layer>/sbom.* become
/// <layers>/<buildpack>/<layer>.sbom.* again. They are files that we wrote into a layer of their
/// own.
Result<void> write_restored_sboms(const BuildContext& context, const RestoredLayer& layer,
                                  const Restored& restored, const fs::path& to) {
  const bool cached = !layer.id.empty();
  const std::string& holder = cached ? restored.cache_sbom : restored.launch_sbom;
  if (holder.empty() || !context.images.has_layer(holder)) return {};
  const auto content = context.images.mountable_layer(holder);
  if (content.has_error()) return {};
  const fs::path from = *content / "layers/sbom" / (cached ? "cache" : "launch") /
                        escape_id(layer.buildpack) / layer.layer;
  std::error_code failure;
  for (fs::directory_iterator at(from, failure), end; !failure && at != end;
       at.increment(failure)) {
    BERTH_ASSIGN(const std::string text, read_file(at->path(), longest_sbom_bytes));
    BERTH_TRY(write_for_build(to / (layer.layer + "." + at->path().filename().string()), text));
  }
  return {};
}

}  // namespace

Result<void> make_build_directory(const fs::path& path) {
  BERTH_TRY(make_directories(path));
  if (::chmod(path.c_str(), 0755) != 0) return system_error("set mode of " + path.string());
  return give_to_build(path);
}

Result<Workspace> Workspace::create(const BuildContext& context, fs::path source) {
  const fs::path root = context.request.work_directory;
  BERTH_TRY(remove_tree(root));
  BERTH_TRY(make_directories(root));
  Workspace workspace(root, std::move(source), context.images);
  // The config vars are in it.
  if (::chmod(root.c_str(), 0700) != 0) return system_error("set mode of " + root.string());
  BERTH_TRY(make_build_directory(root / "platform/env"));
  for (const auto& [name, value] : context.user)
    if (is_variable_name(name) && !name.starts_with("CNB_"))
      BERTH_TRY(write_for_build(root / "platform/env" / name, value, 0400));
  BERTH_TRY(make_build_directory(root / "inputs"));
  return workspace;
}

Workspace::Workspace(fs::path root, fs::path source, ImageStore& images)
    : images_(&images), root_(std::move(root)), source_(std::move(source)) {}

Workspace::Workspace(Workspace&& other) noexcept
    : images_(other.images_),
      root_(std::exchange(other.root_, {})),
      source_(std::move(other.source_)),
      lowers_(std::move(other.lowers_)),
      restored_(std::move(other.restored_)),
      sandbox_(std::move(other.sandbox_)),
      watch_(std::move(other.watch_)),
      stagings_(other.stagings_) {}

Workspace::~Workspace() {
  close_sandbox();
  if (root_.empty()) return;
  // The secrets at once. What fails here the server's start sweeps.
  (void)remove_tree(root_ / "platform");
  (void)images_->put_away(root_);
}

Result<void> Workspace::write_restored(const BuildContext& context, const Restored& restored) {
  const fs::path top = root_ / "layers/restored";
  BERTH_TRY(make_build_directory(top));
  for (const auto* buildpack : context.installed.set.all())
    if (!buildpack->composite()) BERTH_TRY(make_build_directory(top / escape_id(buildpack->id)));
  lowers_ = {top};
  restored_.clear();
  for (const auto& layer : restored.layers) {
    const std::string directory = escape_id(layer.buildpack);
    if (!layer.id.empty()) {
      auto content = context.images.mountable_layer(layer.id);
      // A layer that is gone, or whose tar is broken, is one that never was.
      if (content.has_error() || !fs::is_directory(*content / "layers" / directory / layer.layer))
        continue;
      lowers_.push_back(*content / "layers");
      restored_[{layer.buildpack, layer.layer}] = layer.id;
    }
    BERTH_TRY(make_build_directory(top / directory));
    BERTH_TRY(write_for_build(top / directory / (layer.layer + ".toml"),
                              restored_layer_toml(layer.metadata)));
    BERTH_TRY(write_restored_sboms(context, layer, restored, top / directory));
  }
  for (const auto& [buildpack, store] : restored.stores) {
    BERTH_TRY(make_build_directory(top / escape_id(buildpack)));
    BERTH_TRY(write_for_build(top / escape_id(buildpack) / "store.toml",
                              write_toml({{"metadata", store}})));
  }
  return {};
}

void Workspace::bind_buildpack(const Buildpack& buildpack, SandboxSpec& spec) {
  spec.binds.push_back({.source = buildpack.directory, .target = path_inside(buildpack)});
  if (buildpack.classic)
    spec.binds.push_back({.source = *buildpack.classic, .target = classic_path_inside(buildpack)});
}

Result<void> Workspace::open_sandbox(const BuildContext& context, const Restored& restored) {
  close_sandbox();
  for (const char* part : {"layers", "app", "plans"}) BERTH_TRY(remove_tree(root_ / part));
  for (const char* part : {"layers/upper", "layers/work", "app/upper", "app/work", "plans"})
    BERTH_TRY(make_build_directory(root_ / part));
  BERTH_TRY(write_restored(context, restored));
  const auto buildpacks = context.installed.set.all();
  for (std::size_t i = 0; i < buildpacks.size(); ++i)
    BERTH_TRY(write_for_build(root_ / "plans" / plan_name(i), "", 0600));

  SandboxSpec spec;
  spec.name = "build-" + context.request.build_id.substr(0, 34);
  BERTH_ASSIGN(spec.root_layers, context.images.directories(context.build_image));
  spec.binds = {{.source = root_ / "platform", .target = std::string(platform_path)},
                {.source = root_ / "inputs", .target = std::string(inputs_path)},
                {.source = root_ / "plans", .target = std::string(plans_path), .writable = true}};
  for (const auto* buildpack : buildpacks)
    if (!buildpack->composite()) bind_buildpack(*buildpack, spec);
  spec.binds.insert(spec.binds.end(), context.request.extra_binds.begin(),
                    context.request.extra_binds.end());
  spec.overlays = {{.target = std::string(app_path),
                    .lowers = {source_},
                    .upper = root_ / "app/upper",
                    .work = root_ / "app/work"},
                   {.target = std::string(layers_path),
                    .lowers = lowers_,
                    .upper = root_ / "layers/upper",
                    .work = root_ / "layers/work"}};
  spec.limits = context.request.limits;
  BERTH_ASSIGN(sandbox_, with_context(context.sandboxes.open(spec), "open the build's sandbox"));
  watch_ = std::make_unique<CancelWatch>(*sandbox_, context.cancel);
  return {};
}

void Workspace::close_sandbox() {
  watch_.reset();
  sandbox_.reset();
}

std::string Workspace::plan_name(std::size_t number) {
  return "plan-" + std::to_string(number) + ".toml";
}

Result<std::string> Workspace::write_input(const std::string& name, std::string_view content) {
  // Read-only inside: no process of the build can have put a link here.
  BERTH_TRY(write_for_build(root_ / "inputs" / name, content));
  return std::string(inputs_path) + "/" + name;
}

Result<fs::path> Workspace::staging() {
  fs::path directory = root_ / "export" / std::to_string(stagings_++);
  BERTH_TRY(make_directories(directory));
  return directory;
}

Result<fs::path> Workspace::gather(const Buildpack& buildpack, const std::string& layer) {
  BERTH_ASSIGN(fs::path root, staging());
  const fs::path parent = root / "layers" / escape_id(buildpack.id);
  BERTH_TRY(make_build_directory(root / "layers"));
  BERTH_TRY(make_build_directory(parent));
  BERTH_TRY(layers().take(escape_id(buildpack.id) + "/" + layer, parent / layer));
  return root;
}

}  // namespace berth::builder
