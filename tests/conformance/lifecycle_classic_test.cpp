// SPDX-License-Identifier: Apache-2.0
// Heroku's classic buildpacks (specs/cnb.md 2.1), run with the platform's own shim and launcher.
#include <doctest/doctest.h>

#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Classic {
  std::string compile = "exit 0";
  std::string detect = "echo Fine";
  std::string release = {};  ///< what it prints
};

struct ClassicFixture : BuildFixture {
  ClassicFixture() {
    install({.id = "unused", .detect = "exit 100"});
    order("unused");
    fs::copy(fs::path(BERTH_BINARY_DIR) / "buildpacks/classic", root() / "buildpacks/classic",
             fs::copy_options::recursive);
    request.launcher = fs::path(BERTH_BINARY_DIR) / "berth-launcher";
  }
  void add(const std::string& name, const Classic& buildpack) {
    const auto script = [](const std::string& text) {
      return GitFile("#!/bin/bash\n" + text + "\n", "100755");
    };
    files.insert_or_assign(name + "/bin/detect", script(buildpack.detect));
    files.insert_or_assign(name + "/bin/compile", script("set -e\n" + buildpack.compile));
    if (!buildpack.release.empty())
      files.insert_or_assign(name + "/bin/release",
                             script("cat <<'E'\n" + buildpack.release + "\nE"));
  }
  BuiltImage builds(const std::string& list) {
    prepare(list);
    return must_build();
  }
  std::string failure(const std::string& list) {
    prepare(list);
    const auto result = build();
    REQUIRE(result.has_error());
    return result.error().message;
  }
  void prepare(const std::string& list) {
    files.insert_or_assign("x", GitFile(std::to_string(++pushes)));
    files.insert_or_assign(".buildpacks", GitFile(list));
    push(files);
  }
  /// What a command of the image prints, started as a replica is.
  std::string runs(const Image& image, const std::vector<std::string>& argv) {
    SandboxSpec spec;
    spec.name = "run";
    spec.root_layers = *images.directories(image);
    auto sandbox = sandboxes.open(spec);
    REQUIRE(sandbox.has_value());
    std::string output;
    SandboxCommand command{.argv = argv, .env = {}, .working_directory = "/app"};
    for (const auto& entry : image.env)
      command.env[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
    const auto exit = (*sandbox)->run(command, [&](std::string_view text) { output += text; });
    REQUIRE(exit.has_value());
    CHECK_MESSAGE(exit->status.success(), output);
    return output;
  }
  GitFiles files;
  int pushes = 0;
};

}  // namespace

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: bin/compile changes the app in place, bin/release names its processes") {
  add("bp", {.compile = "echo '-----> Compiling'; echo $1 $3; echo made > $1/made; cat $1/x",
             .release = "---\naddons: []\ndefault_process_types:\n  web: \"cat made\"\n  worker: "
                        "echo \"it's $HOME\""});
  const BuiltImage built = builds("./bp\n");
  CHECK(contains(log, "-----> Buildpacks: classic/bp 1.0.0\n"));
  CHECK(contains(log, "-----> Compiling\n/app /platform/env\n1"));
  CHECK(file(built.image, "/app/made") == "made\n");
  CHECK(built.processes ==
        std::map<std::string, std::string>{{"web", "cat made"}, {"worker", "echo \"it's $HOME\""}});
  CHECK(built.default_process == "web");
  CHECK(runs(built.image, {"/cnb/process/web"}) == "made\n");
  CHECK(runs(built.image, {"/cnb/process/worker"}) == "it's /app\n");
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: config vars are files of ENV_DIR, never the environment of bin/compile") {
  add("bp", {.compile = "echo \"[$SECRET] [$(cat $3/SECRET)]\"; echo \"$STACK $HOME "
                        "${#SOURCE_VERSION} [$REQUEST_ID]\""});
  request.config_vars = {{"SECRET", "s3cret"}};
  builds("./bp\n");
  CHECK(contains(log, "[] [s3cret]\n"));
  CHECK(contains(log, "heroku-22 /app 40 [b1]\n"));
  request.config_vars["STACK"] = "heroku-24";
  builds("./bp\n");
  CHECK(contains(log, "heroku-24 /app 40"));
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: CACHE_DIR lives from build to build, and not in the image") {
  add("bp", {.compile = "if [ -f $2/kept ]; then echo \"kept $(cat $2/kept)\"; fi; echo one > "
                        "$2/kept"});
  builds("./bp\n");
  CHECK_FALSE(contains(log, "kept"));
  const BuiltImage built = builds("./bp\n");
  CHECK(contains(log, "kept one\n"));
  CHECK(file(built.image, "/layers/classic_bp/cache") == "(none)");
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: .profile.d and .profile reach every process, with a shell or without") {
  add("bp", {.compile = "mkdir -p $1/.profile.d; echo 'export A=\"a\\\"b\\\\c $HOME\"' > "
                        "$1/.profile.d/1.sh; printf 'export B=\"$A\\nline\\ttab\"\\n' > "
                        "$1/.profile.d/2.sh; echo 'export C=\"$B!\"' > $1/.profile; echo echo no > "
                        "$1/.profile.d/not-a-script",
             .release = "default_process_types:\n  web: echo \"$A|$B|$C\""});
  const BuiltImage built = builds("./bp\n");
  const std::string a = "a\"b\\c /app";
  const std::string b = a + "\nline\ttab";
  CHECK(runs(built.image, {"/cnb/process/web"}) == a + "|" + b + "|" + b + "!\n");
  CHECK(contains(runs(built.image, {"/cnb/lifecycle/launcher", "--", "env"}), "C=" + b + "!\n"));
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: several run in a row, each with what those before it exported") {
  add("one", {});
  files.insert_or_assign(
      "one/bin/compile",
      GitFile("#!/bin/bash\nset -e\nhere=$(cd \"${0%/*}/..\" && pwd)\necho \"export "
              "PATH=/app/bin:\\$PATH NAME='it is one'\" > $here/export\nmkdir -p $1/bin\nprintf "
              "'#!/bin/sh\\necho tool of one\\n' > $1/bin/tool; chmod +x $1/bin/tool\n",
              "100755"));
  add("two",
      {.compile = "tool; echo \"[$NAME]\"", .release = "default_process_types:\n  web: bin/tool"});
  const BuiltImage built = builds("./one\n./two\n");
  CHECK(contains(log, "-----> Buildpacks: classic/one 1.0.0 and classic/two 1.0.0\n"));
  CHECK(contains(log, "tool of one\n[it is one]\n"));
  CHECK(runs(built.image, {"/cnb/process/web"}) == "tool of one\n");
}

TEST_CASE_FIXTURE(ClassicFixture, "2.1: a Cloud Native Buildpack after it has its exports too") {
  files.insert_or_assign("one/bin/detect", GitFile("#!/bin/bash\n", "100755"));
  files.insert_or_assign(
      "one/bin/compile",
      GitFile("#!/bin/bash\necho 'export NAME=one' > ${0%/*}/../export\n", "100755"));
  install({.id = "native", .build = "echo \"[$NAME]\""});
  builds("./one\nnative\n");
  CHECK(contains(log, "[one]\n"));
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: a release of a later one replaces the process of its type") {
  add("one", {.release = "default_process_types: {web: one, worker: one}"});
  add("two", {.release = "default_process_types:\n  web: two"});
  const BuiltImage built = builds("./one\n./two\n");
  CHECK(built.processes == std::map<std::string, std::string>{{"web", "two"}, {"worker", "one"}});
}

TEST_CASE_FIXTURE(ClassicFixture, "2.1: what fails names the buildpack: detect, compile, release") {
  add("bp", {.detect = "echo 'no Aptfile'; exit 1"});
  CHECK(contains(failure("./bp\n"), "the buildpacks that .buildpacks names do not all recognise"));
  CHECK(contains(log, "no Aptfile"));
  add("bp", {.compile = "echo ' !     cannot download'; exit 3"});
  CHECK(contains(failure("./bp\n"), "classic/bp: the build failed with exit status 3"));
  CHECK(contains(log, " !     cannot download\n"));
  add("bp", {.release = "default_process_types: [web]"});
  CHECK(failure("./bp\n") ==
        "classic/bp: the output of bin/release: default_process_types is not a table");
}

TEST_CASE_FIXTURE(ClassicFixture,
                  "2.1: its buildpack.toml without an api does not make it another") {
  add("bp", {.compile = "echo compiled"});
  files.insert_or_assign("bp/buildpack.toml", GitFile("[buildpack]\nname = \"Apt\"\n"));
  builds("./bp\n");
  CHECK(contains(log, "compiled\n"));
}

TEST_CASE_FIXTURE(ClassicFixture, "2.1: equal sources give equal images") {
  add("bp", {.compile = "mkdir -p $1/.profile.d; echo 'export A=1' > $1/.profile.d/a.sh; echo "
                        "$RANDOM > $2/noise",
             .release = "default_process_types:\n  web: true"});
  const BuiltImage first = builds("./bp\n");
  request.clear_cache = true;
  const BuiltImage second = must_build();
  CHECK_FALSE(second.reused);
  CHECK(second.image.digest == first.image.digest);
}
