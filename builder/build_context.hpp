// SPDX-License-Identifier: Apache-2.0
//
// What the phases of one build share: the request, the base images, the environment that buildpacks
// start from, and where things are inside the sandbox. Lives on build()'s stack.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "builder/build.hpp"
#include "builder/buildpack.hpp"
#include "builder/environment.hpp"
#include "builder/log_format.hpp"

namespace berth::builder {

// Paths inside the sandbox and the image.
inline constexpr std::string_view app_path = "/app";
inline constexpr std::string_view layers_path = "/layers";
inline constexpr std::string_view platform_path = "/platform";
inline constexpr std::string_view buildpacks_path = "/cnb/buildpacks";
inline constexpr std::string_view classic_path = "/cnb/classic";
inline constexpr std::string_view plans_path = "/cnb/build-plans";    ///< written by bin/detect
inline constexpr std::string_view inputs_path = "/cnb/build-inputs";  ///< read by bin/build

/// What classic buildpacks are told to be on, unless the config var STACK says otherwise: of the
/// stacks that they know, the one whose programs run on ours (the same or an older C library).
inline constexpr std::string_view classic_stack = "heroku-22";

inline constexpr std::uint32_t build_uid = 1000;
inline constexpr std::uint32_t build_gid = 1000;
inline constexpr std::string_view execution_environment = "production";

struct BuildContext {
  const BuildRequest& request;
  ImageStore& images;
  SandboxFactory& sandboxes;
  const OutputSink& sink;
  const std::atomic<bool>& cancel;
  std::chrono::steady_clock::time_point deadline;

  InstalledBuildpacks installed;
  Image run_image;
  Image build_image;
  Target target;
  Environment inherited;  ///< from the build image
  Environment user;       ///< config vars and project.toml: <platform>/env
  std::string chosen_by;  ///< who named the group's buildpacks: "project.toml"; empty: detection
  /// Whatever no buildpack recognises is built in another way: that is no error then.
  bool other_way = false;
  json::object project_metadata;  ///< of project.toml, for the image's label

  void title(std::string_view text) const { sink(log_title(text)); }
  void line(std::string_view text) const { sink(log_lines(text)); }

  /// With the request's buildpacks and base images.
  [[nodiscard]] static Result<BuildContext> begin(const BuildRequest& request, ImageStore& images,
                                                  SandboxFactory& sandboxes,
                                                  const OutputSink& sink,
                                                  const std::atomic<bool>& cancel);

  [[nodiscard]] std::chrono::seconds time_left() const;
  /// The environment of one call of a buildpack, from what the layers before it made of `base`.
  [[nodiscard]] Environment environment_for(const Buildpack& buildpack,
                                            const Environment& base) const;
};

/// What an image's history says of a layer.
[[nodiscard]] std::string layer_origin(const Buildpack& buildpack, const std::string& layer);
/// Where a buildpack's folder is inside, and the classic one that it runs.
[[nodiscard]] std::string path_inside(const Buildpack& buildpack);
[[nodiscard]] std::string classic_path_inside(const Buildpack& buildpack);

}  // namespace berth::builder
