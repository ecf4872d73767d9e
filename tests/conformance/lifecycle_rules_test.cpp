// SPDX-License-Identifier: Apache-2.0
// Rules of the lifecycle that need a whole build to be seen; the section of specs/cnb.md leads each
// title.
#include <doctest/doctest.h>

#include "base/json.hpp"
#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;

namespace {

const char* const web_process = R"sh(
printf '[[processes]]\ntype = "web"\ncommand = ["serve"]\ndefault = true\n' > $L/launch.toml)sh";

std::string message(const Result<BuiltImage>& result) {
  REQUIRE(result.has_error());
  return result.error().message;
}

}  // namespace

TEST_CASE_FIXTURE(BuildFixture,
                  "1.3: the first group that passes builds, optional members may fail") {
  install({.id = "a", .detect = "exit 100"});
  install({.id = "b", .build = "echo built by b"});
  install({.id = "c", .detect = "exit 1"});
  order("a,b;b,c?,a?;b");
  push({{"x", "x"}});
  must_build();
  CHECK(contains(log, "-----> Buildpacks: b 1.0.0\n"));
  CHECK(contains(log, "built by b"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.4: bin/detect runs once a build though it stands in several groups") {
  install({.id = "a", .detect = "echo ran; exit 100"});
  install({.id = "b", .detect = "exit 100"});
  order("a,b;a;b,a");
  push({{"x", "x"}});
  message(build());
  CHECK(log.find("ran") == log.rfind("ran"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "a first build, or one that is recognised as another, names every runner-up") {
  install({.id = "a", .detect = "test -e a"});
  install({.id = "b"});
  install({.id = "c", .detect = "exit 3"});
  install({.id = "d", .detect = "exit 100"});
  install({.id = "e", .detect = "test -e e"});
  order("a;b;c;d;e,d?");
  const auto also = [&] {
    must_build();
    const auto at = log.find("Also recognised, and not used: ");
    return at == log.npos ? "" : log.substr(at + 31, log.find('\n', at) - at - 31);
  };
  push({{"a", ""}, {"e", ""}});
  CHECK(also() == "b and e");
  push({{"a", "1"}, {"e", ""}});
  CHECK(also().empty());
  push({{"e", ""}});
  CHECK(contains(also(), "e"));
  CHECK(contains(log, "-----> Buildpacks: b 1.0.0\n"));
  push({{"e", "1"}});
  CHECK(also().empty());
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.4: an app that nothing recognises hears what was looked for and what to do") {
  install({.id = "berth/nodejs",
           .detect = "echo 'no package.json'; exit 100",
           .buildpack_toml = "name = \"Node.js\""});
  install({.id = "berth/go",
           .detect = "exit 100",
           .buildpack_toml = "name = \"Go\"\ndescription = \"go.mod\""});
  order("berth/nodejs;berth/go");
  push({{"README.md", "x"}, {"src/main.c", "x"}});
  const std::string text = message(build());
  CHECK(contains(
      text, "no buildpack recognised this app. The file that names its language (package.json"));
  CHECK(contains(log, "       Node.js\n         no package.json\n"));
  CHECK(contains(log, "       Go: go.mod\n"));
  CHECK(contains(log, "In the pushed directory: README.md and src\n"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.4: detection that breaks is an error of its own, with its output") {
  install({.id = "a", .detect = "echo oh no; exit 3"});
  order("a");
  push({{"x", "x"}});
  CHECK(contains(message(build()), "at least one failed while it looked"));
  CHECK(contains(log, "a (detect) failed with exit status 3"));
  CHECK(contains(log, "oh no"));
}

TEST_CASE_FIXTURE(BuildFixture, "1.4: detection's output is not shown when it passes") {
  install({.id = "a", .detect = "echo chatter"});
  order("a");
  push({{"x", "x"}});
  must_build();
  CHECK_FALSE(contains(log, "chatter"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.4: a build plan that is wrong or does not resolve is explained") {
  install({.id = "a", .detect = "echo '[[requires]]' > $PLAN; echo 'name = \"jdk\"' >> $PLAN"});
  install({.id = "b", .detect = "echo '=' > $PLAN"});
  order("a;b");
  push({{"x", "x"}});
  message(build());
  CHECK(contains(log, "a needs 'jdk', which nothing before it provides"));
  CHECK(contains(log, "b: its build plan is wrong: line 1"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.4, 1.9: detect sees its arguments and environment, and cannot write the app") {
  install({.id = "a",
           .detect = R"sh(
echo "args $1 ${2#/cnb/}"
env | grep -E '^(CNB_|HOME|SECRET|GREETING|PATH=)' | sort
stat -c '%a %u' $PLAN
cat $1/env/GREETING; echo; pwd; exit 1)sh",
           .api = "0.12"});
  request.config_vars = {{"GREETING", "hi\n there"}, {"PATH", "/mine"}, {"CNB_EVIL", "x"}};
  order("a");
  push({{"x", "x"}});
  message(build());
  CHECK(contains(log, "args /platform build-plans/plan-0.toml\n"));
  for (const char* line :
       {"CNB_APP_DIR=/app", "CNB_BUILDPACK_DIR=/cnb/buildpacks/a/1.0.0",
        "CNB_BUILD_PLAN_PATH=/cnb/build-plans/plan-0.toml", "CNB_EXEC_ENV=production",
        "CNB_PLATFORM_DIR=/platform", "CNB_TARGET_ARCH=", "CNB_TARGET_DISTRO_NAME=debian",
        "CNB_TARGET_DISTRO_VERSION=12", "CNB_TARGET_OS=linux", "HOME=/tmp", "PATH=/mine:/bin",
        "600 1000", "hi\n", "/app\n"})
    CHECK_MESSAGE(contains(log, line), line);
  CHECK_FALSE(contains(log, "CNB_EVIL"));
  CHECK_FALSE(contains(log, "SECRET_OF_IMAGE"));
}

TEST_CASE_FIXTURE(
    BuildFixture,
    "1.9: clear-env hides the user's variables from the environment, not their files") {
  install({.id = "a",
           .build = "echo \"[$GREETING] $(cat $2/env/GREETING) [$FROM_OPERATOR]\"",
           .buildpack_toml = "clear-env = true"});
  request.config_vars = {{"GREETING", "hi"}};
  request.operator_env = {{"FROM_OPERATOR", "o"}};
  order("a");
  push({{"x", "x"}});
  must_build();
  CHECK(contains(log, "[] hi [o]"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.9: the operator's variables are defaults unless their suffix says otherwise") {
  install({.id = "a", .build = "echo \"$A $B\""});
  request.config_vars = {{"A", "user"}, {"B", "user"}};
  request.operator_env = {{"A", "operator"}, {"B.override", "operator"}};
  order("a");
  push({{"x", "x"}});
  must_build();
  CHECK(contains(log, "user operator\n"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.6, 1.9: a build layer extends the environment of later buildpacks") {
  install({.id = "a", .build = R"sh(
for l in one two; do mkdir -p $L/$l/bin $L/$l/env $L/$l/env.build $L/$l/env.launch
printf '[types]\nbuild = true\n' > $L/$l.toml
printf $l > $L/$l/env/LIST.append; printf , > $L/$l/env/LIST.delim; done
printf x > $L/one/env.build/AT_BUILD; printf x > $L/one/env.launch/AT_LAUNCH
echo "own: $PATH")sh"});
  install({.id = "b", .build = "echo \"later: $PATH [$LIST] [$AT_BUILD] [$AT_LAUNCH]\""});
  order("a,b");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(contains(log, "own: /bin\n"));
  CHECK(contains(log, "later: /layers/a/two/bin:/layers/a/one/bin:/bin [one,two] [x] []\n"));
  CHECK(file(built.image, "/layers/a/one") == "(none)");
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.6: a layer without a flag is set aside for later buildpacks and left out") {
  install({.id = "a", .build = "mkdir $L/l; touch $L/l/f; : > $L/l.toml; mkdir $L/notoml"});
  install({.id = "b", .build = "ls /layers/a"});
  order("a,b");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(contains(log, "l.ignore\nl.toml\nnotoml\n"));
  CHECK(file(built.image, "/layers/a/l") == "(none)");
  CHECK(file(built.image, "/layers/a") == "(none)");
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.6: the buildpack plan holds what this buildpack provides and is unmet") {
  install({.id = "p1",
           .detect = "printf '[[provides]]\\nname=\"x\"\\n[[provides]]\\nname=\"y\"\\n' > $PLAN",
           .build = "echo p1; cat $3; printf '[[unmet]]\\nname=\"y\"\\n' > $L/build.toml"});
  install({.id = "p2",
           .detect = "printf '[[provides]]\\nname=\"x\"\\n[[provides]]\\nname=\"y\"\\n' > $PLAN",
           .build = "echo p2; cat $CNB_BP_PLAN_PATH; echo end"});
  install({.id = "r",
           .detect = "printf "
                     "'[[requires]]\\nname=\"x\"\\n[requires.metadata]\\nv=1\\n[[requires]]\\nname="
                     "\"y\"\\n' > $PLAN"});
  order("p1,p2,r");
  push({{"x", "x"}});
  must_build();
  CHECK(contains(
      log,
      "p1\n[[entries]]\nname = \"x\"\n\n[entries.metadata]\nv = 1\n\n[[entries]]\nname = \"y\"\n"
      "p2\n[[entries]]\nname = \"y\"\nend\n"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.6: an unmet entry that was not given is an error that names the buildpack") {
  install({.id = "a", .build = "printf '[[unmet]]\\nname=\"z\"\\n' > $L/build.toml"});
  order("a");
  push({{"x", "x"}});
  CHECK(message(build()) ==
        "a: build.toml: [[unmet]] names 'z', which the buildpack was not given");
}

TEST_CASE_FIXTURE(BuildFixture, "1.6: a failing bin/build fails the build and keeps its output") {
  install({.id = "berth/nodejs", .build = "echo 'npm ERR! lock file out of step'; exit 7"});
  order("berth/nodejs");
  push({{"x", "x"}});
  CHECK(message(build()) ==
        "berth/nodejs: the build failed with exit status 7. The reason stands in the log above. "
        "(lifecycle exit code 51)");
  CHECK(contains(log, "npm ERR! lock file out of step\n"));
  CHECK_FALSE(std::filesystem::exists(request.cache_directory / "metadata.json"));
}

TEST_CASE_FIXTURE(BuildFixture, "1.6: processes of all buildpacks merge, the last default wins") {
  install(
      {.id = "a",
       .build =
           "printf "
           "'[[processes]]\\ntype=\"web\"\\ncommand=[\"a\"]\\ndefault=true\\n[[processes]]\\ntype="
           "\"w\"\\ncommand=[\"a\"]\\n[[labels]]\\nkey=\"k\"\\nvalue=\"a\"\\n' > $L/launch.toml"});
  install(
      {.id = "b",
       .build =
           "printf '[[processes]]\\ntype=\"web\"\\ncommand=[\"bash\",\"-c\"]\\nargs=[\"run "
           "$PORT\"]\\ndefault=true\\n[[labels]]\\nkey=\"k\"\\nvalue=\"b\"\\n' > $L/launch.toml"});
  order("a,b");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(built.processes == std::map<std::string, std::string>{{"w", "a"}, {"web", "run $PORT"}});
  CHECK(label(built.image, "k") == "b");
}

TEST_CASE_FIXTURE(
    BuildFixture,
    "1.8: without a default process the entry point is the launcher, with a warning") {
  install({.id = "a"});
  order("a");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(built.image.entrypoint == std::vector<std::string>{"/cnb/lifecycle/launcher"});
  CHECK(built.default_process.empty());
  CHECK(contains(log, "Warning: no process types. Add a Procfile"));
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.8: launch layers come in buildpack order, then app, launcher, config, types") {
  install({.id = "b",
           .build = "mkdir $L/z $L/a; for l in z a; do echo $l > $L/$l/f; printf "
                    "'[types]\\nlaunch=true\\n' > $L/$l.toml; done"});
  install(
      {.id = "a",
       .build = std::string(
                    "mkdir $L/l; echo a > $L/l/f; printf '[types]\\nlaunch=true\\n' > $L/l.toml") +
                web_process});
  order("b,a");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  std::vector<std::string> created;
  for (std::size_t i = 1; i < built.image.layers.size(); ++i)
    created.push_back(built.image.layers[i].created_by);
  CHECK(created == std::vector<std::string>{"Layer: 'a', Created by buildpack: b@1.0.0",
                                            "Layer: 'z', Created by buildpack: b@1.0.0",
                                            "Layer: 'l', Created by buildpack: a@1.0.0",
                                            "Application Layer", "Application Launcher",
                                            "Buildpacks Launcher Config",
                                            "Buildpacks Process Types"});
  const auto lifecycle = parse_json_object(label(built.image, "io.buildpacks.lifecycle.metadata"));
  REQUIRE(lifecycle.has_value());
  CHECK(lifecycle->at("buildpacks").at(0).at("key") == "b");
  CHECK(lifecycle->at("buildpacks").at(0).at("layers").at("a").at("sha") ==
        built.image.layers[1].diff_id.c_str());
  CHECK(lifecycle->at("app").at(0).at("sha") == built.image.layers[4].diff_id.c_str());
  CHECK(lifecycle->at("runImage").at("topLayer") == built.image.layers[0].diff_id.c_str());
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.8: the same source gives the same digest, wherever and whenever it is built") {
  const auto prepare = [](BuildFixture& fixture) {
    fixture.install(
        {.id = "a",
         .build = std::string("mkdir -p $L/l/sub $L/c; echo x > $L/l/sub/f; touch -d '2001-02-03' "
                              "$L/l/sub/f; ln -s f $L/l/link\n"
                              "printf '[types]\\nlaunch=true\\n' > $L/l.toml; printf "
                              "'[types]\\ncache=true\\n' > $L/c.toml; echo out > made") +
                  web_process});
    fixture.order("a");
    fixture.push({{"x", "x"}, {"d/y", {"y", "100755"}}});
  };
  prepare(*this);
  BuildFixture elsewhere;
  prepare(elsewhere);
  elsewhere.request.app = "other";
  elsewhere.request.build_id = "zzz";
  const BuiltImage one = must_build();
  const BuiltImage two = elsewhere.must_build();
  CHECK(one.image.digest == two.image.digest);
  request.clear_cache = true;
  const BuiltImage again = must_build();
  CHECK_FALSE(again.reused);
  CHECK(again.image.digest == one.image.digest);
}

TEST_CASE_FIXTURE(BuildFixture, "2.2: a broken Procfile fails the build before anything runs") {
  install({.id = "a", .detect = "echo ran; exit 1"});
  order("a");
  push({{"Procfile", "web: node x\nworker node y\n"}});
  CHECK(message(build()).starts_with(
      "Procfile, line 2: there is no ':' after a process type\n  worker node y"));
  CHECK(sandboxes.opened == 0);
}

TEST_CASE_FIXTURE(BuildFixture,
                  "1.13: project.toml sets build variables, a config var of the same name wins") {
  install({.id = "a", .build = "echo \"$A $B\""});
  request.config_vars = {{"B", "config"}};
  order("a");
  push({{"project.toml",
         "[[io.buildpacks.build.env]]\nname=\"A\"\nvalue=\"file\"\n[[io.buildpacks.build.env]]"
         "\nname=\"B\"\nvalue=\"file\"\n"}});
  must_build();
  CHECK(contains(log, "file config\n"));
}

TEST_CASE_FIXTURE(BuildFixture, "a build that takes too long is stopped and says so") {
  install({.id = "a", .build = "sleep 100"});
  order("a");
  request.timeout = std::chrono::seconds(1);
  push({{"x", "x"}});
  const auto result = build();
  REQUIRE(result.has_error());
  CHECK(result.error().kind == ErrorKind::timeout);
  CHECK(contains(result.error().message, "the build was stopped after 1 second, its time limit"));
}

TEST_CASE_FIXTURE(BuildFixture, "a cancelled build ends soon and leaves nothing") {
  install({.id = "a", .build = "echo started; sleep 100"});
  order("a");
  push({{"x", "x"}});
  cancel = true;
  const auto result = build();
  REQUIRE(result.has_error());
  CHECK(result.error().kind == ErrorKind::cancelled);
}

TEST_CASE_FIXTURE(BuildFixture, "two builds of one app at once: the second is refused") {
  install({.id = "a"});
  order("a");
  push({{"x", "x"}});
  std::string refused;
  struct Again final : SandboxFactory {
    std::function<Result<std::unique_ptr<Sandbox>>(const SandboxSpec&)> on_open;
    Result<std::unique_ptr<Sandbox>> open(const SandboxSpec& spec) override {
      return on_open(spec);
    }
  } again;
  again.on_open = [&](const SandboxSpec& spec) {
    BuildRequest other = request;
    other.work_directory = root() / "data/work/other";
    const auto second = builder::build(other, images, sandboxes, [](std::string_view) {}, cancel);
    if (second.has_error()) refused = second.error().message;
    return sandboxes.open(spec);
  };
  factory = &again;
  must_build();
  CHECK(contains(refused, "another build of this app is running"));
}

TEST_CASE_FIXTURE(BuildFixture, "what the kernel's limits ended has its sentence") {
  struct Limited final : SandboxFactory {
    SandboxExit exit;
    struct Box final : Sandbox {
      SandboxExit exit;
      Result<SandboxExit> run(const SandboxCommand& command, const OutputSink&) override {
        return command.argv[0].ends_with("detect") ? SandboxExit{} : exit;
      }
      void cancel() override {}
    };
    Result<std::unique_ptr<Sandbox>> open(const SandboxSpec&) override {
      auto box = std::make_unique<Box>();
      box->exit = exit;
      return std::unique_ptr<Sandbox>(std::move(box));
    }
  } limited;
  factory = &limited;
  install({.id = "a"});
  order("a");
  push({{"x", "x"}});
  limited.exit = {.status = {.signal = 9}, .out_of_memory = true};
  CHECK(contains(message(build()), "a: the build ran out of memory: a build may use 2 GiB."));
  limited.exit = {.status = {.code = 1}, .out_of_disk = true};
  CHECK(contains(message(build()), "a: the build ran out of disk: a build may write 8 GiB."));
  limited.exit = {.status = {.code = 1}, .out_of_pids = true};
  CHECK(contains(message(build()),
                 "a: the build started too many processes: a build may have 4096 at once."));
}

TEST_CASE_FIXTURE(BuildFixture, "a build cannot make the lifecycle read files of the host") {
  REQUIRE(write_file(root() / "secret", "V = \"secret\"").has_value());
  const std::string secret = (root() / "secret").string();
  install({.id = "a", .build = "ln -s " + secret + " $L/l.toml"});
  order("a");
  push({{"x", "x"}});
  CHECK(message(build()) == "a: /a/l.toml is not a plain file");
  install({.id = "a",
           .build = "mkdir -p $L/l/env; ln -s " + secret +
                    " $L/l/env/V; printf '[types]\\nbuild=true\\n' > $L/l.toml"});
  CHECK(message(build()) == "a: /a/l/env/V is not a plain file");
  install({.id = "a", .detect = "rm -f $PLAN; ln -s " + secret + " $PLAN"});
  message(build());
  CHECK(contains(log, "is not a plain file"));
}
