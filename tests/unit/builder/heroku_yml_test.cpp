// SPDX-License-Identifier: Apache-2.0
#include "builder/heroku_yml.hpp"

#include <doctest/doctest.h>

#include "builder/docker_choice.hpp"

using namespace berth;
using namespace berth::builder;

namespace {

std::string wrong(std::string_view text) {
  const auto parsed = parse_heroku_yml(text);
  return parsed.has_error() ? parsed.error().message : "";
}

constexpr const char* full =
    "setup:\n"
    "  addons:\n"
    "    - plan: postgres\n"
    "build:\n"
    "  docker:\n"
    "    web: Dockerfile\n"
    "    worker:\n"
    "      dockerfile: worker/Dockerfile\n"
    "      target: run\n"
    "  config:\n"
    "    VERSION: 12\n"
    "release:\n"
    "  image: worker\n"
    "  command:\n"
    "    - ./migrate --all\n"
    "run:\n"
    "  web: ./serve $PORT\n"
    "  clock:\n"
    "    command: [./clock, --fast]\n"
    "    image: worker\n";

DockerChoice chosen(const std::map<std::string, std::string>& variables, bool dockerfile,
                    std::optional<std::string> heroku = std::nullopt, std::string by = "") {
  const auto choice = choose_docker({.config_vars = variables,
                                     .buildpacks_by = std::move(by),
                                     .dockerfile = dockerfile,
                                     .heroku_yml = std::move(heroku)});
  REQUIRE_MESSAGE(choice.has_value(), choice.error().message);
  return *choice;
}

}  // namespace

TEST_CASE("heroku.yml is read whole") {
  const auto parsed = parse_heroku_yml(full);
  REQUIRE_MESSAGE(parsed.has_value(), parsed.error().message);
  CHECK(parsed->docker.at("web") == HerokuImage{"Dockerfile", ""});
  CHECK(parsed->docker.at("worker") == HerokuImage{"worker/Dockerfile", "run"});
  CHECK(parsed->config.at("VERSION") == "12");
  CHECK(parsed->release->command == std::vector<std::string>{"./migrate --all"});
  CHECK(parsed->run.at("clock").command == std::vector<std::string>{"./clock", "--fast"});
  CHECK(parsed->notes.size() == 1);
  CHECK(parse_heroku_yml("")->docker.empty());
}

TEST_CASE("an error in heroku.yml names line and column") {
  CHECK(wrong("build:\n  dokcer: x\n") ==
        "heroku.yml, line 2, column 11: 'dokcer' is not known in build. There are docker and "
        "config");
  CHECK(wrong("build:\n  docker:\n    web: /etc/x\n").starts_with(
      "heroku.yml, line 3, column 10: '/etc/x' is no path below"));
  CHECK(wrong("build: [\n").starts_with("heroku.yml, line 2"));
  CHECK(wrong("run:\n  web:\n    image: nginx\n").find("build.docker names none") !=
        std::string::npos);
  CHECK(wrong("run:\n  release: x\n").find("section 'release'") != std::string::npos);
  CHECK(wrong("run:\n  web: a\n  web: b\n").find("stands twice") != std::string::npos);
  CHECK(wrong("release:\n  image: web\n").find("line 2, column 3") != std::string::npos);
  CHECK(wrong("- a\n").find("is a table") != std::string::npos);
}

TEST_CASE("a Dockerfile is used if it is asked for, or if no buildpack knows the app") {
  using Use = DockerChoice::Use;
  CHECK(chosen({}, false).use == Use::no);
  CHECK(chosen({}, true).use == Use::otherwise);
  CHECK(chosen({}, true).targets.at("web") == DockerTarget{"Dockerfile", "", ""});
  CHECK(chosen({}, true, std::nullopt, "project.toml").use == Use::no);
  CHECK(chosen({{"BERTH_BUILDER", "buildpacks"}}, true).use == Use::no);
  CHECK(chosen({{"BERTH_BUILDER", "dockerfile"}}, true, std::nullopt, ".buildpacks").use ==
        Use::yes);
  const DockerChoice named = chosen(
      {{"BERTH_DOCKERFILE", "ops/Dockerfile"}, {"BERTH_DOCKERFILE_TARGET", "run"}}, false);
  CHECK(named.use == Use::yes);
  CHECK(named.targets.at("web") == DockerTarget{"ops/Dockerfile", "", "run"});
  CHECK(chosen({}, false, "run:\n  web: x\n").use == Use::no);
  CHECK(chosen({}, false, full).targets.at("worker") ==
        DockerTarget{"worker/Dockerfile", "worker", "run"});
  // What is wrong in a file that may not be used is told only when it is.
  CHECK(chosen({}, false, "build: [").problem.has_value());
  const std::map<std::string, std::string> misspelled = {{"BERTH_BUILDER", "docker"}};
  CHECK(choose_docker({.config_vars = misspelled, .buildpacks_by = ""}).has_error());
  const std::map<std::string, std::string> wanted = {{"BERTH_BUILDER", "dockerfile"}};
  CHECK(choose_docker({.config_vars = wanted, .buildpacks_by = ""}).error().message.find(
            "berth config:set BERTH_DOCKERFILE=PATH") != std::string::npos);
}

TEST_CASE("heroku.yml says what runs, else the Procfile, else the image") {
  const auto processes = docker_processes(chosen({}, false, full), {{"ignored", "x"}});
  CHECK(processes.at("web") == DockerProcess{{"/bin/sh", "-c", "./serve $PORT"}, "web"});
  CHECK(processes.at("worker") == DockerProcess{{}, "worker"});
  CHECK(processes.at("clock") == DockerProcess{{"./clock", "--fast"}, "worker"});
  CHECK(processes.at("release") == DockerProcess{{"/bin/sh", "-c", "./migrate --all"}, "worker"});
  CHECK(processes.size() == 4);
  const auto procfile = docker_processes(chosen({}, true), {{"worker", "./work"}});
  CHECK(procfile.size() == 1);
  CHECK(procfile.at("worker") == DockerProcess{{"/bin/sh", "-c", "./work"}, "web"});
  CHECK(docker_processes(chosen({}, true), {}).empty());
  CHECK(main_type(chosen({}, false, "build:\n  docker:\n    bot: Dockerfile\n")) == "bot");
}
