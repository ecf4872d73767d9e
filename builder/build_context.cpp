// SPDX-License-Identifier: Apache-2.0
#include "builder/build_context.hpp"

#include <algorithm>

namespace berth::builder {

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

std::string classic_path_inside(const Buildpack& buildpack) {
  return std::string(classic_path) + "/" + escape_id(buildpack.id);
}

std::string path_inside(const Buildpack& buildpack) {
  return std::string(buildpacks_path) + "/" + escape_id(buildpack.id) + "/" + buildpack.version;
}

}  // namespace berth::builder
