// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_build.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/file.hpp"
#include "builder/image_documents.hpp"
#include "builder/image_import.hpp"
#include "builder/oci.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_dockerfile = 1 << 20;

bool makes_layer(const Instruction& instruction) {
  return instruction.name == "RUN" || instruction.name == "COPY" || instruction.name == "ADD";
}

Instruction from_instruction(const DockerStage& stage) {
  return {.name = "FROM", .line = stage.line, .text = stage.base};
}

}  // namespace

DockerBuild::DockerBuild(const BuildContext& context, const DockerSource& source,
                         DockerTarget target, std::map<std::string, std::string> arguments,
                         DockerCache& cache, fs::path scratch)
    : context_(context),
      source_(source),
      target_(std::move(target)),
      arguments_{.given = std::move(arguments), .global = {}},
      cache_(cache),
      scratch_(std::move(scratch)) {}

Error DockerBuild::fail(const Instruction& at, const Error& error) const {
  return dockerfile_error(file_.file, at, error.message, error.kind);
}

/// A file of the pushed directory; "" if there is none.
Result<std::string> DockerBuild::read(const std::string& path) const {
  BERTH_ASSIGN(const RootEntry entry, RootView({source_.tree}).find(path));
  if (!entry.is_file()) return std::string();
  return with_context(read_file(entry.entry.paths[0], longest_dockerfile), path);
}

Result<void> DockerBuild::prepare() {
  BERTH_ASSIGN(const std::string text, read(target_.dockerfile));
  if (text.empty())
    return Error{ErrorKind::not_found, "there is no " + target_.dockerfile +
                                           " in the pushed directory, or it is empty. Commit it, "
                                           "or correct its name"};
  BERTH_ASSIGN(file_, parse_dockerfile(text, target_.dockerfile));
  BERTH_ASSIGN(arguments_.global, global_arguments(file_, arguments_.given));
  BERTH_ASSIGN(std::string ignored, read(target_.dockerfile + ".dockerignore"));
  if (ignored.empty()) {
    BERTH_ASSIGN(ignored, read(target_.context + "/.dockerignore"));
  }
  ignore_ = DockerIgnore::parse(ignored);
  stages_.resize(file_.stages.size());
  for (std::size_t i = 0; i < stages_.size(); ++i)
    stages_[i].steps = static_cast<std::size_t>(
        std::ranges::count_if(file_.stages[i].instructions, makes_layer));
  return {};
}

Result<DockerImage> DockerBuild::run() {
  BERTH_TRY(prepare());
  std::size_t wanted = file_.stages.size() - 1;
  if (!target_.stage.empty()) {
    const auto found = file_.find_stage(target_.stage, file_.stages.size());
    if (!found) {
      std::vector<std::string> names;
      for (const auto& stage : file_.stages)
        if (!stage.name.empty()) names.push_back(stage.name);
      return Error{ErrorKind::invalid, file_.file + " has no stage '" + target_.stage + "'" +
                                           (names.empty() ? "; none of its stages has a name"
                                                          : ". There are " + people_list(names))};
    }
    wanted = *found;
  }
  BERTH_TRY(mark_exported(wanted));
  BERTH_TRY(ensure(wanted));
  return DockerImage{std::move(stages_[wanted].state->image), stages_[wanted].base_layers};
}

Result<std::string> DockerBuild::base_name(std::size_t index) const {
  const DockerStage& stage = file_.stages[index];
  const Instruction from = from_instruction(stage);
  const VariableLookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = arguments_.global.find(std::string(name));
    return found == arguments_.global.end() ? std::nullopt : std::optional(found->second);
  };
  auto platform = expand_word(stage.platform, lookup, file_.escape);
  if (platform.has_error()) return fail(from, platform.error());
  const std::string ours = "linux/" + std::string(oci_architecture());
  if (!platform->empty() && *platform != ours && *platform != oci_architecture() &&
      !platform->starts_with(ours + "/"))
    return dockerfile_error(file_.file, from,
                            "--platform is " + *platform + ", and this machine is " + ours +
                                ", for which alone it builds");
  auto name = expand_word(stage.base, lookup, file_.escape);
  if (name.has_error()) return fail(from, name.error());
  if (name->empty())
    return dockerfile_error(file_.file, from,
                            "the name '" + stage.base +
                                "' comes to nothing: its ARG, before the first FROM, has no value. "
                                "Give it a default, or a config var");
  return name;
}

Result<void> DockerBuild::mark_exported(std::size_t index) {
  for (std::optional<std::size_t> at = index; at;) {
    stages_[*at].exported = true;
    BERTH_ASSIGN(const std::string name, base_name(*at));
    at = file_.find_stage(name, *at);
  }
  return {};
}

Result<void> DockerBuild::ensure_named(std::size_t index, const std::string& name) {
  const auto other = file_.find_stage(name, index);
  return other ? ensure(*other) : Result<void>();
}

/// Builds what it is made from first, and then the stage itself, once.
Result<void> DockerBuild::ensure(std::size_t index) {
  if (stages_[index].state) return {};
  BERTH_ASSIGN(const std::string base, base_name(index));
  BERTH_TRY(ensure_named(index, base));
  for (const auto& instruction : file_.stages[index].instructions)
    for (const auto& [flag, value] : instruction.flags) {
      if (flag == "from") BERTH_TRY(ensure_named(index, value));
      if (flag != "mount") continue;
      const auto mount = parse_docker_mount(value);
      if (mount.has_value()) BERTH_TRY(ensure_named(index, mount->from));
    }
  BERTH_ASSIGN(Image image, base_image(index));
  DockerState state(file_, arguments_, std::move(image));
  for (const auto& text : state.triggers()) {
    BERTH_ASSIGN(const Instruction trigger,
                 with_context(parse_trigger(text, file_.file, file_.stages[index].line),
                              "ONBUILD of the base image " + base));
    stages_[index].steps += makes_layer(trigger) ? 1 : 0;
    BERTH_TRY(execute(index, state, trigger));
  }
  for (const auto& instruction : file_.stages[index].instructions)
    BERTH_TRY(execute(index, state, instruction));
  stages_[index].state.emplace(std::move(state));
  return {};
}

Result<Image> DockerBuild::base_image(std::size_t index) {
  BERTH_ASSIGN(const std::string name, base_name(index));
  if (const auto other = file_.find_stage(name, index)) {
    stages_[index].base_layers = stages_[*other].base_layers;
    return stages_[*other].state->image;
  }
  if (name == "scratch") return Image{};
  BERTH_ASSIGN(Image image, resolve(from_instruction(file_.stages[index]), name));
  stages_[index].base_layers = image.layers.size();
  return image;
}

Result<Image> DockerBuild::resolve(const Instruction& at, const std::string& name) {
  if (const auto known = bases_.find(name); known != bases_.end()) return known->second;
  if (!context_.request.resolve_image)
    return dockerfile_error(file_.file, at, "there are no images here to build from");
  auto image = context_.request.resolve_image(name);
  if (image.has_error()) {
    // A stage that is misspelled, or stands below, is looked for as an image.
    const bool stage = at.name != "FROM" && name.find_first_of(":/") == name.npos;
    return fail(at, {image.error().kind,
                     (stage ? "no stage above is named '" + name + "', and as an image: "
                            : std::string()) +
                         image.error().message});
  }
  cache_.note_base(name, image->digest);
  context_.line("Base image " + name + "  ·  " + image->digest.substr(0, 19) + "…");
  bases_[name] = *image;
  return image;
}

Result<void> DockerBuild::execute(std::size_t index, DockerState& state,
                                  const Instruction& instruction) {
  if (context_.cancel) return Error{ErrorKind::cancelled, "the build was cancelled"};
  if (makes_layer(instruction)) {
    ++stages_[index].step;
    return instruction.name == "RUN" ? run_step(index, state, instruction)
                                     : copy_step(index, state, instruction);
  }
  BERTH_TRY(state.apply(instruction));
  return instruction.name == "WORKDIR" ? workdir_step(index, state, instruction) : Result<void>();
}

void DockerBuild::announce(std::size_t index, const Instruction& at, bool cached) {
  const Stage& stage = stages_[index];
  const std::string& name = file_.stages[index].name;
  context_.title("[" + (name.empty() ? "" : name + " ") + std::to_string(stage.step) + "/" +
                 std::to_string(stage.steps) + "] " + at.summary() + (cached ? "  ·  cached" : ""));
}

Result<bool> DockerBuild::reuse(std::size_t index, DockerState& state, const Instruction& at,
                                const std::string& key) {
  const auto found = cache_.find(key, stages_[index].exported);
  if (makes_layer(at)) announce(index, at, found.has_value());
  if (!found) return false;
  cache_.keep(key, *found);
  if (found->empty()) return true;
  if (!is_digest(*found)) {
    state.image.layers.push_back({.diff_id = *found, .size_bytes = 0, .created_by = at.summary()});
    return true;
  }
  BERTH_ASSIGN(ImageLayer layer, context_.images.known_layer(*found, at.summary()));
  state.image.layers.push_back(std::move(layer));
  return true;
}

Result<void> DockerBuild::add_layer(std::size_t index, DockerState& state, const Instruction& at,
                                    const std::string& key, const fs::path& upper) {
  if (fs::is_empty(upper)) {
    cache_.keep(key, "");
    return {};
  }
  const std::size_t most = ImageImportLimits().layers;
  if (state.image.layers.size() >= most)
    return dockerfile_error(file_.file, at,
                            "the image would have more than " + std::to_string(most) +
                                " layers, which cannot be mounted. Join RUN and COPY instructions",
                            ErrorKind::limit);
  ImageLayer layer{.diff_id = {}, .size_bytes = 0, .created_by = at.summary()};
  if (stages_[index].exported) {
    BERTH_ASSIGN(layer, context_.images.add_layer(upper, at.summary(),
                                                                  Whiteouts::written));
  } else {
    BERTH_ASSIGN(layer.diff_id, context_.images.add_private_layer(upper));
  }
  cache_.keep(key, layer.diff_id);
  state.image.layers.push_back(std::move(layer));
  return {};
}

Result<std::vector<fs::path>> DockerBuild::directories(const Image& image) const {
  return context_.images.directories(image);
}

Result<fs::path> DockerBuild::fresh_directory() {
  fs::path directory = scratch_ / std::to_string(directories_++);
  BERTH_TRY(make_directories(directory));
  if (::chmod(directory.c_str(), 0755) != 0)
    return system_error("set mode of " + directory.string());
  return directory;
}

Result<void> DockerBuild::workdir_step(std::size_t index, DockerState& state,
                                       const Instruction& workdir) {
  BERTH_ASSIGN(auto layers, directories(state.image));
  const RootView root(layers);
  auto there = root.find(state.image.working_directory);
  if (there.has_error()) return fail(workdir, there.error());
  if (there->is_directory()) return {};
  std::vector<std::string> parts = {"workdir", state.image.working_directory};
  for (const auto& layer : state.image.layers) parts.push_back(layer.diff_id);
  const std::string key = docker_key(parts);
  BERTH_ASSIGN(const bool reused, reuse(index, state, workdir, key));
  if (reused) return {};
  BERTH_ASSIGN(const fs::path upper, fresh_directory());
  const auto made =
      LayerWriter(upper, root, scratch_, {}).make_directory(state.image.working_directory);
  if (made.has_error()) return fail(workdir, made.error());
  return add_layer(index, state, workdir, key, upper);
}

}  // namespace berth::builder
