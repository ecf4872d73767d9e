// SPDX-License-Identifier: Apache-2.0
#include "builder/build_context.hpp"

#include <algorithm>

#include "builder/oci.hpp"

namespace berth::builder {

namespace {

Environment environment_of(const Image& image) {
  Environment result;
  for (const auto& entry : image.env) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) result[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return result;
}

Result<Image> base_image(const ImageStore& images, const std::string& tag) {
  auto image = images.find_tag(tag);
  if (image.has_error() && image.error().kind == ErrorKind::not_found)
    return Error{ErrorKind::unavailable, "the base image " + tag + " has not been imported yet"};
  return image;
}

}  // namespace

Result<BuildContext> BuildContext::begin(const BuildRequest& request, ImageStore& images,
                                         SandboxFactory& sandboxes, const OutputSink& sink,
                                         const std::atomic<bool>& cancel) {
  BuildContext context{.request = request,
                       .images = images,
                       .sandboxes = sandboxes,
                       .sink = sink,
                       .cancel = cancel,
                       .deadline = std::chrono::steady_clock::now() + request.timeout,
                       .installed = {},
                       .run_image = {},
                       .build_image = {},
                       .target = {},
                       .inherited = {},
                       .user = request.config_vars,
                       .chosen_by = {},
                       .other_way = false,
                       .project_metadata = {}};
  BERTH_ASSIGN(context.installed, load_buildpacks(request.buildpacks_directory));
  BERTH_ASSIGN(context.run_image, base_image(images, request.stack.run_tag));
  BERTH_ASSIGN(context.build_image, base_image(images, request.stack.build_tag));
  context.target = {
      .os = "linux",
      .arch = std::string(oci_architecture()),
      .variant = "",
      .distro_name = context.run_image.label("io.buildpacks.base.distro.name"),
      .distro_version = context.run_image.label("io.buildpacks.base.distro.version")};
  context.inherited = visible_to_buildpacks(environment_of(context.build_image));
  context.inherited.emplace("PATH",
                            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  context.inherited.emplace("HOME", "/tmp");
  return context;
}

std::chrono::seconds BuildContext::time_left() const {
  const auto left =
      std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::seconds(1));
}

Environment BuildContext::environment_for(const Buildpack& buildpack,
                                          const Environment& base) const {
  Environment result = base;
  if (!buildpack.clear_env) apply_user_environment(result, user);
  std::vector<EnvFile> operators;
  for (const auto& [name, value] : request.operator_env) operators.push_back({name, value});
  apply_env_files(result, std::move(operators), BareEnvFile::is_default);

  if (buildpack.classic) {
    result["BERTH_CLASSIC_BUILDPACK"] = classic_path_inside(buildpack);
    result["HOME"] = app_path;
    result["SOURCE_VERSION"] = request.source.commit;
    result["REQUEST_ID"] = request.build_id;
    const auto stack = user.find("STACK");
    result["STACK"] = stack == user.end() ? std::string(classic_stack) : stack->second;
  }
  result["CNB_PLATFORM_DIR"] = platform_path;
  result["CNB_BUILDPACK_DIR"] = path_inside(buildpack);
  result["CNB_APP_DIR"] = app_path;
  if (buildpack.api >= 10) {
    result["CNB_TARGET_OS"] = target.os;
    result["CNB_TARGET_ARCH"] = target.arch;
    if (!target.variant.empty()) result["CNB_TARGET_ARCH_VARIANT"] = target.variant;
    if (!target.distro_name.empty()) result["CNB_TARGET_DISTRO_NAME"] = target.distro_name;
    if (!target.distro_version.empty()) result["CNB_TARGET_DISTRO_VERSION"] = target.distro_version;
  }
  if (buildpack.api >= 12) result["CNB_EXEC_ENV"] = execution_environment;
  return result;
}

std::string layer_origin(const Buildpack& buildpack, const std::string& layer) {
  return "Layer: '" + layer + "', Created by buildpack: " + buildpack.id + "@" + buildpack.version;
}

std::string classic_path_inside(const Buildpack& buildpack) {
  return std::string(classic_path) + "/" + escape_id(buildpack.id);
}

std::string path_inside(const Buildpack& buildpack) {
  return std::string(buildpacks_path) + "/" + escape_id(buildpack.id) + "/" + buildpack.version;
}

}  // namespace berth::builder
