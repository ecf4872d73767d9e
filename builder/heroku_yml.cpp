// SPDX-License-Identifier: Apache-2.0
#include "builder/heroku_yml.hpp"

#include <yaml-cpp/yaml.h>

#include <functional>

#include "builder/dockerignore.hpp"
#include "builder/layer_metadata.hpp"
#include "builder/log_format.hpp"

namespace berth::builder {

namespace {

using Visit = std::function<Result<void>(const std::string& name, const YAML::Node& value)>;

Error at(const YAML::Mark& mark, const std::string& message) {
  return {ErrorKind::invalid, "heroku.yml, line " + std::to_string(mark.line + 1) + ", column " +
                                  std::to_string(mark.column + 1) + ": " + message};
}

Error at(const YAML::Node& node, const std::string& message) { return at(node.Mark(), message); }

/// Every entry of a table; a key that is not text, or comes twice, is an error.
Result<void> each(const YAML::Node& node, const std::string& what, const Visit& visit) {
  if (node.IsNull()) return {};
  if (!node.IsMap()) return at(node, what + " is a table of names, such as 'web: Dockerfile'");
  std::map<std::string, bool> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return at(entry.first, "a name in " + what + " is no text");
    const std::string& name = entry.first.Scalar();
    if (!seen.emplace(name, true).second)
      return at(entry.first, "'" + name + "' stands twice in " + what);
    BERTH_TRY(visit(name, entry.second));
  }
  return {};
}

Error unknown(const YAML::Node& value, const std::string& name, const std::string& where,
              const std::vector<std::string>& known) {
  return at(value, "'" + name.substr(0, 60) + "' is not known in " + where + ". There are " +
                       people_list(known));
}

Result<std::string> scalar(const YAML::Node& node, const std::string& what) {
  if (!node.IsScalar() || node.Scalar().empty()) return at(node, what + " is a text");
  return node.Scalar();
}

Result<std::string> path_in_source(const YAML::Node& node, const std::string& what) {
  BERTH_ASSIGN(const std::string text, scalar(node, what));
  std::string path = clean_path(text);
  if (text.starts_with('/') || path == "." || path.starts_with(".."))
    return at(node, "'" + text + "' is no path below the pushed directory, such as "
                    "worker/Dockerfile");
  return path;
}

Result<void> check_type(const std::string& type, const YAML::Node& node, bool release) {
  if (is_process_type(type) && (release || type != "release")) return {};
  return at(node, "'" + type.substr(0, 60) +
                      "' is not a process type: letters, digits, '-' and '_'" +
                      (type == "release" ? "; its command stands in the section 'release'" : ""));
}

Result<HerokuImage> image_of(const YAML::Node& node) {
  HerokuImage image;
  if (!node.IsMap()) {
    BERTH_ASSIGN(image.dockerfile, path_in_source(node, "the Dockerfile"));
    return image;
  }
  BERTH_TRY(each(node, "an image of build.docker",
                 [&](const std::string& name, const YAML::Node& value) -> Result<void> {
                   if (name == "dockerfile") {
                     BERTH_ASSIGN(image.dockerfile, path_in_source(value, "dockerfile"));
                   } else if (name == "target") {
                     BERTH_ASSIGN(image.target, scalar(value, "target"));
                   } else {
                     return unknown(value, name, "an image of build.docker",
                                    {"dockerfile", "target"});
                   }
                   return {};
                 }));
  if (image.dockerfile.empty()) return at(node, "the image names no dockerfile");
  return image;
}

Result<void> read_build(const YAML::Node& node, HerokuYml& result) {
  return each(node, "build", [&](const std::string& name, const YAML::Node& value) -> Result<void> {
    if (name == "docker")
      return each(value, "build.docker",
                  [&](const std::string& type, const YAML::Node& image) -> Result<void> {
                    BERTH_TRY(check_type(type, image, false));
                    BERTH_ASSIGN(result.docker[type], image_of(image));
                    return {};
                  });
    if (name == "config")
      return each(value, "build.config",
                  [&](const std::string& variable, const YAML::Node& text) -> Result<void> {
                    if (!text.IsScalar() && !text.IsNull())
                      return at(text, "build.config." + variable + " is a text");
                    result.config[variable] = text.IsNull() ? "" : text.Scalar();
                    return {};
                  });
    if (name == "languages" || name == "packages") {
      result.notes.push_back("heroku.yml: build." + name + " does nothing here");
      return {};
    }
    return unknown(value, name, "build", {"docker", "config"});
  });
}

Result<std::vector<std::string>> words_of(const YAML::Node& node) {
  std::vector<std::string> words;
  if (node.IsScalar()) {
    BERTH_ASSIGN(const std::string word, scalar(node, "a command"));
    words.push_back(word);
    return words;
  }
  if (!node.IsSequence() || node.size() == 0)
    return at(node, "a command is a text, or a list of its words");
  for (const auto& item : node) {
    BERTH_ASSIGN(std::string word, scalar(item, "a word of a command"));
    words.push_back(std::move(word));
  }
  return words;
}

Result<HerokuCommand> command_of(const YAML::Node& node, const std::string& where) {
  HerokuCommand result;
  if (!node.IsMap()) {
    BERTH_ASSIGN(result.command, words_of(node));
    return result;
  }
  const Visit visit = [&](const std::string& name, const YAML::Node& value) -> Result<void> {
    if (name == "command") {
      BERTH_ASSIGN(result.command, words_of(value));
    } else if (name == "image") {
      BERTH_ASSIGN(result.image, scalar(value, "image"));
    } else {
      return unknown(value, name, where, {"command", "image"});
    }
    return {};
  };
  BERTH_TRY(each(node, where, visit));
  return result;
}

/// A process runs in an image that build.docker names.
Result<void> check_image(const HerokuYml& result, const HerokuCommand& command,
                         const YAML::Node& node, const std::string& where) {
  if (command.image.empty() || result.docker.contains(command.image)) return {};
  std::vector<std::string> names;
  for (const auto& [type, image] : result.docker) names.push_back(type);
  return at(node, where + " runs in the image '" + command.image + "', and build.docker names " +
                      (names.empty() ? "none" : people_list(names)));
}

Result<HerokuYml> read(const YAML::Node& document) {
  HerokuYml result;
  YAML::Node run;
  YAML::Node release;
  BERTH_TRY(each(document, "heroku.yml",
                 [&](const std::string& name, const YAML::Node& value) -> Result<void> {
                   if (name == "build") return read_build(value, result);
                   if (name == "run") {
                     run.reset(value);
                   } else if (name == "release") {
                     release.reset(value);
                   } else if (name == "setup") {
                     result.notes.emplace_back(
                         "heroku.yml: setup (add-ons and config vars) does nothing here. Set "
                         "config vars by `berth config:set`");
                   } else {
                     return unknown(value, name, "heroku.yml",
                                    {"build", "release", "run", "setup"});
                   }
                   return {};
                 }));
  BERTH_TRY(each(run, "run", [&](const std::string& type, const YAML::Node& value) -> Result<void> {
    BERTH_TRY(check_type(type, value, false));
    BERTH_ASSIGN(const HerokuCommand command, command_of(value, "run." + type));
    BERTH_TRY(check_image(result, command, value, "run." + type));
    if (command.command.empty() && command.image.empty())
      return at(value, "run." + type + " says no command");
    result.run[type] = command;
    return {};
  }));
  if (release.IsDefined() && !release.IsNull()) {
    BERTH_ASSIGN(const HerokuCommand command, command_of(release, "release"));
    if (command.command.empty()) return at(release, "release says no command");
    BERTH_TRY(check_image(result, command, release, "release"));
    result.release = command;
  }
  return result;
}

}  // namespace

Result<HerokuYml> parse_heroku_yml(std::string_view text) {
  try {
    return read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    return at(error.mark, error.msg);
  }
}

}  // namespace berth::builder
