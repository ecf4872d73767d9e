// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;

TEST_CASE_FIXTURE(BuildFixture,
                  "a push becomes an image with app, layers, launcher and processes") {
  install({.id = "berth/lang",
           .detect = R"sh(test -f lang.txt || exit 100
cat > $PLAN <<E
[[provides]]
name = "lang"
[[requires]]
name = "lang"
[requires.metadata]
version = "3"
E)sh",
           .build = R"sh(echo "-----> Language app detected (lang.txt)"
cat $3
mkdir -p $L/runtime/bin && echo runtime > $L/runtime/bin/lang
echo '[types]
launch = true
[metadata]
version = "3"' > $L/runtime.toml
echo '[[processes]]
type = "web"
command = ["lang", "serve me"]
default = true
[[labels]]
key = "k"
value = "v"' > $L/launch.toml
echo built > out.txt)sh"});
  order("berth/lang");
  push({{"lang.txt", "3"},
        {"bin/start", {"#!/bin/sh\n", "100755"}},
        {"link", {"lang.txt", "120000"}}});
  const BuiltImage built = must_build();
  CHECK(log.find("-----> Buildpacks: berth/lang 1.0.0\n") != std::string::npos);
  CHECK(log.find("-----> Language app detected (lang.txt)\n") != std::string::npos);
  CHECK(log.find("version = \"3\"") != std::string::npos);
  CHECK(log.find("-----> Image sha256:") != std::string::npos);
  CHECK(log.find("5 layers, 5 new") != std::string::npos);
  CHECK(built.processes == std::map<std::string, std::string>{{"web", "lang 'serve me'"}});
  CHECK(built.default_process == "web");
  CHECK(built.image.entrypoint == std::vector<std::string>{"/cnb/process/web"});
  CHECK(built.image.working_directory == "/app");
  CHECK(built.image.user == "1000:1000");
  CHECK(built.image.env == std::vector<std::string>{"PATH=/cnb/process:/cnb/lifecycle:/bin",
                                                    "CNB_LAYERS_DIR=/layers", "CNB_APP_DIR=/app"});
  CHECK(label(built.image, "k") == "v");
  CHECK(file(built.image, "/app/out.txt") == "built\n");
  CHECK(file(built.image, "/app/lang.txt") == "3");
  CHECK(file(built.image, "/app/link") == "-> lang.txt");
  CHECK(file(built.image, "/layers/berth_lang/runtime/bin/lang") == "runtime\n");
  CHECK(file(built.image, "/cnb/process/web") == "-> /cnb/lifecycle/launcher");
  CHECK(file(built.image, "/cnb/lifecycle/launcher") == "#!/bin/sh\nexit 82\n");
  CHECK(file(built.image, "/layers/config/metadata.toml")
            .find("command = [\"lang\", \"serve me\"]") != std::string::npos);
  CHECK(sandboxes.opened == 1);
}
