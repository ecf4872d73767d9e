// SPDX-License-Identifier: Apache-2.0
//
// heroku.yml as data: which Dockerfiles are built, with which arguments, and what is run of them.
// Pure; an error names line and column.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

struct HerokuImage {
  std::string dockerfile;  ///< its path in the pushed directory
  std::string target;      ///< the stage; empty: the last
  friend bool operator==(const HerokuImage&, const HerokuImage&) = default;
};

struct HerokuCommand {
  /// One word is for a shell, more are as they are; none: the image's own.
  std::vector<std::string> command;
  std::string image;                 ///< the process type whose image it runs in; or empty
  friend bool operator==(const HerokuCommand&, const HerokuCommand&) = default;
};

struct HerokuYml {
  std::map<std::string, HerokuImage> docker;   ///< process type → what is built for it
  std::map<std::string, std::string> config;   ///< build.config: values of ARG
  std::map<std::string, HerokuCommand> run;
  std::optional<HerokuCommand> release;
  std::vector<std::string> notes;              ///< what is there and does nothing here
  friend bool operator==(const HerokuYml&, const HerokuYml&) = default;
};

[[nodiscard]] Result<HerokuYml> parse_heroku_yml(std::string_view text);

}  // namespace berth::builder
