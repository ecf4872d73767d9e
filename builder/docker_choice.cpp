// SPDX-License-Identifier: Apache-2.0
#include "builder/docker_choice.hpp"

#include "builder/dockerignore.hpp"

namespace berth::builder {

namespace {

std::string value_of(const std::map<std::string, std::string>& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

std::vector<std::string> shell_words(std::vector<std::string> command) {
  if (command.size() != 1) return command;
  return {"/bin/sh", "-c", std::move(command[0])};
}

Result<void> name_targets(const DockerWishes& wishes, DockerChoice& choice) {
  const std::string stage = value_of(wishes.config_vars, target_variable);
  const std::string named = value_of(wishes.config_vars, dockerfile_variable);
  if (!named.empty()) {
    const std::string path = clean_path(named);
    if (named.starts_with('/') || path == "." || path.starts_with(".."))
      return Error{ErrorKind::invalid, std::string(dockerfile_variable) + " is '" + named +
                                           "', which is no path in the pushed directory, such as "
                                           "docker/Dockerfile"};
    choice.targets["web"] = {.dockerfile = path, .context = "", .stage = stage};
    return {};
  }
  for (const auto& [type, image] : choice.heroku.docker)
    choice.targets[type] = {.dockerfile = image.dockerfile,
                            .context = directory_of(image.dockerfile),
                            .stage = image.target.empty() ? stage : image.target};
  if (choice.targets.empty() && wishes.dockerfile)
    choice.targets["web"] = {.dockerfile = "Dockerfile", .context = "", .stage = stage};
  return {};
}

}  // namespace

Result<DockerChoice> choose_docker(const DockerWishes& wishes) {
  DockerChoice choice;
  const std::string builder = value_of(wishes.config_vars, builder_variable);
  if (!builder.empty() && builder != "dockerfile" && builder != "buildpacks")
    return Error{ErrorKind::invalid, std::string(builder_variable) + " is '" + builder +
                                         "'; it says dockerfile or buildpacks"};
  const bool named = !value_of(wishes.config_vars, dockerfile_variable).empty();
  const bool wanted = builder == "dockerfile" || (named && builder.empty());
  if (builder == "buildpacks" || (!wanted && !wishes.buildpacks_by.empty())) return choice;
  if (!wanted && !wishes.dockerfile && !wishes.heroku_yml) return choice;

  if (wishes.heroku_yml) {
    auto heroku = parse_heroku_yml(*wishes.heroku_yml);
    if (heroku.has_error() && wanted) return heroku.error();
    if (heroku.has_error())
      choice.problem = heroku.error();
    else
      choice.heroku = std::move(*heroku);
  }
  BERTH_TRY(name_targets(wishes, choice));
  if (choice.targets.empty() && !wanted && !choice.problem) return choice;
  if (choice.targets.empty() && wanted)
    return Error{ErrorKind::invalid,
                 std::string(builder_variable) +
                     " asks for a Dockerfile, and there is none: neither a file Dockerfile at the "
                     "top of the pushed directory, nor a heroku.yml with build.docker. Commit one, "
                     "or say where it is: berth config:set " + dockerfile_variable + "=PATH"};
  choice.use = wanted ? DockerChoice::Use::yes : DockerChoice::Use::otherwise;
  choice.by = named                         ? dockerfile_variable
              : wanted                      ? builder_variable
              : choice.heroku.docker.empty() ? "Dockerfile"
                                             : "heroku.yml";
  return choice;
}

std::string main_type(const DockerChoice& choice) {
  if (choice.targets.contains("web") || choice.targets.empty()) return "web";
  return choice.targets.begin()->first;
}

std::map<std::string, DockerProcess> docker_processes(const DockerChoice& choice,
                                                      const std::vector<ProcfileEntry>& procfile) {
  const std::string main = main_type(choice);
  const auto image_for = [&](const std::string& wanted) {
    return choice.targets.contains(wanted) ? wanted : main;
  };
  std::map<std::string, DockerProcess> result;
  for (const auto& [type, target] : choice.targets)
    if (type != "web" || type != main) result[type] = {.command = {}, .image = type};
  if (choice.heroku.run.empty())
    for (const auto& entry : procfile)
      result[entry.type] = {.command = shell_words({entry.command}),
                            .image = image_for(entry.type)};
  for (const auto& [type, run] : choice.heroku.run)
    result[type] = {.command = shell_words(run.command),
                    .image = image_for(run.image.empty() ? type : run.image)};
  if (choice.heroku.release)
    result["release"] = {.command = shell_words(choice.heroku.release->command),
                         .image = image_for(choice.heroku.release->image)};
  return result;
}

}  // namespace berth::builder
