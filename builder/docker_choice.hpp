// SPDX-License-Identifier: Apache-2.0
//
// Whether an app is built from a Dockerfile, from which, and what is run of it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "builder/heroku_yml.hpp"
#include "builder/procfile.hpp"

namespace berth::builder {

inline constexpr const char* builder_variable = "BERTH_BUILDER";
inline constexpr const char* dockerfile_variable = "BERTH_DOCKERFILE";
inline constexpr const char* target_variable = "BERTH_DOCKERFILE_TARGET";

struct DockerWishes {
  const std::map<std::string, std::string>& config_vars;
  std::string buildpacks_by;              ///< who chose buildpacks, or empty
  bool dockerfile = false;                ///< one stands at the top
  std::optional<std::string> heroku_yml;  ///< its content
};

/// One image to be built.
struct DockerTarget {
  std::string dockerfile;  ///< path in the pushed directory
  std::string context;     ///< directory in it; empty: all of it
  std::string stage;       ///< empty: the last
  friend auto operator<=>(const DockerTarget&, const DockerTarget&) = default;
};

struct DockerChoice {
  enum class Use {
    no,
    otherwise,  ///< if no buildpack recognises the app
    yes
  } use = Use::no;
  std::string by;                               ///< "heroku.yml", "BERTH_DOCKERFILE"
  std::map<std::string, DockerTarget> targets;  ///< process type → image; never empty if used
  HerokuYml heroku;
  std::optional<Error> problem = {};  ///< of heroku.yml; it matters only if this is used
};

/// Config vars first, then buildpacks that were chosen; a language that is recognised goes before
/// a Dockerfile that is merely there.
[[nodiscard]] Result<DockerChoice> choose_docker(const DockerWishes& wishes);

/// The process type whose image is the release's: "web", if there is one.
[[nodiscard]] std::string main_type(const DockerChoice& choice);

struct DockerProcess {
  std::vector<std::string> command;  ///< empty: ENTRYPOINT and CMD of the image
  std::string image;                 ///< process type: one of the targets
  friend bool operator==(const DockerProcess&, const DockerProcess&) = default;
};

/// heroku.yml's run, else the Procfile; and every image that is built. "web" of the main image is
/// left out if nobody names it: its ENTRYPOINT and CMD say it.
[[nodiscard]] std::map<std::string, DockerProcess> docker_processes(
    const DockerChoice& choice, const std::vector<ProcfileEntry>& procfile);

}  // namespace berth::builder
