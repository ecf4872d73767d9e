// SPDX-License-Identifier: Apache-2.0
// What bin/build leaves and what the image becomes of it (specs/cnb.md 1.5-1.9): bills of
// materials, slices, labels, environments.
#include <doctest/doctest.h>

#include "base/json.hpp"
#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

const char* const cdx = "sbom-formats = [\"application/vnd.cyclonedx+json\"]";

struct ImageFixture : BuildFixture {
  BuiltImage run(MockBuildpack buildpack) {
    install(buildpack);
    order(buildpack.id);
    push({{"x", std::to_string(++pushes)},
          {"assets/a.css", "css"},
          {"assets/deep/b.css", "css"},
          {"notes.txt", "n"},
          {"odd[1].txt", "o"}});
    return must_build();
  }
  std::string fails(const MockBuildpack& buildpack) {
    install(buildpack);
    order(buildpack.id);
    push({{"x", std::to_string(++pushes)}});
    const auto result = build();
    REQUIRE(result.has_error());
    return result.error().message;
  }
  json::object lifecycle(const Image& image) {
    const auto object = parse_json_object(label(image, "io.buildpacks.lifecycle.metadata"));
    REQUIRE(object.has_value());
    return *object;
  }
  /// A file of one layer alone.
  std::string in_layer(const ImageLayer& layer, const std::string& path) {
    const auto text = read_file(images.layer_directory(layer.diff_id) / path);
    return text.has_value()                                           ? *text
           : fs::exists(images.layer_directory(layer.diff_id) / path) ? "(directory)"
                                                                      : "(none)";
  }
  std::vector<std::string> created(const Image& image) {
    std::vector<std::string> result;
    for (std::size_t i = 1; i < image.layers.size(); ++i)
      result.push_back(image.layers[i].created_by);
    return result;
  }
  int pushes = 0;
};

std::string layer(const std::string& name, const std::string& types) {
  return "mkdir -p $L/" + name + "; echo x > $L/" + name + "/f; printf '[types]\\n" + types +
         "' > $L/" + name + ".toml\n";
}

}  // namespace

TEST_CASE_FIXTURE(ImageFixture,
                  "1.6, 1.8: bills of materials of launch layers are a layer of the image") {
  const BuiltImage built =
      run({.id = "acme/a",
           .build = layer("l", "launch=true\\n") + layer("b", "build=true\\n") +
                    "for n in l b launch build none; do echo $n > $L/$n.sbom.cdx.json; done",
           .buildpack_toml = cdx});
  CHECK(created(built.image) ==
        std::vector<std::string>{"Layer: 'l', Created by buildpack: acme/a@1.0.0",
                                 "Software Bill-of-Materials", "Application Layer",
                                 "Application Launcher", "Buildpacks Launcher Config"});
  CHECK(file(built.image, "/layers/sbom/launch/acme_a/l/sbom.cdx.json") == "l\n");
  CHECK(file(built.image, "/layers/sbom/launch/acme_a/sbom.cdx.json") == "launch\n");
  CHECK(file(built.image, "/layers/sbom/launch/acme_a/b") == "(none)");
  CHECK(file(built.image, "/layers/sbom/build") == "(none)");
  CHECK(lifecycle(built.image).at("sbom").at("sha") == built.image.layers[2].diff_id.c_str());
}

TEST_CASE_FIXTURE(ImageFixture, "1.6: a bill of materials that was not declared is an error") {
  CHECK(contains(fails({.id = "a", .build = "echo {} > $L/launch.sbom.cdx.json"}),
                 "a: launch.sbom.cdx.json: the buildpack does not declare "
                 "application/vnd.cyclonedx+json in sbom-formats"));
  CHECK(contains(
      fails({.id = "a", .build = "echo {} > $L/launch.sbom.xml.json", .buildpack_toml = cdx}),
      "'xml' is not a format of a bill of materials (cdx, spdx and syft are)"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.5: a layer that comes back has its bill of materials, launch and build none") {
  MockBuildpack buildpack{
      .id = "a",
      .build = layer("l", "launch=true\\n") + layer("c", "cache=true\\n") +
               layer("cl", "cache=true\\nlaunch=true\\n") + layer("b", "build=true\\n") +
               "for n in l c cl b launch build; do echo $n > $L/$n.sbom.cdx.json; done",
      .buildpack_toml = cdx};
  run(buildpack);
  buildpack.build = "cd $L; for f in *.sbom.*; do echo \"$f: $(cat $f)\"; done; ls /layers; " +
                    layer("c", "cache=true\\n");
  run(buildpack);
  CHECK(contains(log, "c.sbom.cdx.json: c\n"));
  CHECK(contains(log, "cl.sbom.cdx.json: cl\n"));
  CHECK(contains(log, "l.sbom.cdx.json: l\n"));
  CHECK_FALSE(contains(log, "b.sbom"));
  CHECK_FALSE(contains(log, "launch.sbom"));
  CHECK(contains(log, "c.sbom.cdx.json: c\ncl.sbom.cdx.json: cl\nl.sbom.cdx.json: l\na\n"));
  // Kept again for the cached layer that did not touch it.
  run(buildpack);
  CHECK(contains(log, "c.sbom.cdx.json: c\n"));
  CHECK_FALSE(contains(log, "cl.sbom.cdx.json"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.5: store.toml comes back from the image's label when the cache is gone") {
  const BuiltImage first =
      run({.id = "a", .build = "printf '[metadata]\\nkept = \"yes\"\\n' > $L/store.toml"});
  fs::remove_all(request.cache_directory);
  request.previous_image = first.image.digest;
  run({.id = "a", .build = "cat $L/store.toml"});
  CHECK(contains(log, "[metadata]\nkept = \"yes\"\n"));
}

TEST_CASE_FIXTURE(ImageFixture, "1.6: the names build, launch and store are no layers") {
  // They are files of the lifecycle, so a directory of that name never is a layer.
  const BuiltImage built =
      run({.id = "a", .build = "mkdir $L/launch $L/store; : > $L/launch.toml; : > $L/store.toml"});
  CHECK(file(built.image, "/layers/a") == "(none)");
}

TEST_CASE_FIXTURE(ImageFixture, "1.6: flags outside of [types] and broken files fail the build") {
  CHECK(contains(fails({.id = "a", .build = "mkdir $L/l; echo 'launch = true' > $L/l.toml"}),
                 "a: l.toml: 'launch' stands under [types]"));
  CHECK(contains(fails({.id = "a", .build = "mkdir $L/l; echo '=' > $L/l.toml"}),
                 "a: l.toml: line 1"));
  CHECK(
      contains(fails({.id = "a", .build = "echo '=' > $L/launch.toml"}), "a: launch.toml: line 1"));
  CHECK(contains(fails({.id = "a", .build = "echo '=' > $L/store.toml"}), "a: store.toml: line 1"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.6: a layer of another execution environment serves neither build nor image") {
  install({.id = "a",
           .build =
               "for l in t p; do mkdir -p $L/$l/env; printf $l > $L/$l/env/V_$l; done\n"
               "printf '[types]\\nbuild=true\\nlaunch=true\\n[metadata]\\nexec-env=[\"test\"]\\n"
               "' > $L/t.toml\nprintf '[types]\\nbuild=true\\nlaunch=true\\n[metadata]\\n"
               "exec-env=[\"production\"]\\n' > $L/p.toml",
           .api = "0.12"});
  install({.id = "b", .build = "echo \"[$V_t] [$V_p]\""});
  order("a,b");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(contains(log, "[] [p]\n"));
  CHECK(file(built.image, "/layers/a/t") == "(none)");
  CHECK(file(built.image, "/layers/a/p/env/V_p") == "p");
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.6: before API 0.9 a command is a line for the shell, since then a list") {
  BuiltImage built = run({.id = "a",
                          .build = "printf '[[processes]]\\ntype=\"web\"\\ncommand=\"run $PORT\"\\n"
                                   "[[processes]]\\ntype=\"w\"\\ncommand=\"a b\"\\ndirect=true\\n' "
                                   "> $L/launch.toml",
                          .api = "0.8"});
  CHECK(built.processes.at("web") == "run $PORT");
  CHECK(contains(file(built.image, "/layers/config/metadata.toml"), "direct = false"));
  CHECK(contains(fails({.id = "a",
                        .build = "printf '[[processes]]\\ntype=\"web\"\\ncommand=[\"x\"]\\ndirect="
                                 "true\\n' > $L/launch.toml",
                        .api = "0.9"}),
                 "'direct' is not known since buildpack API 0.9"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.6: a process that replaces the default without being one clears the default") {
  install({.id = "a",
           .build = "printf '[[processes]]\\ntype=\"web\"\\ncommand=[\"a\"]\\ndefault=true\\n' > "
                    "$L/launch.toml"});
  install({.id = "b",
           .build = "printf '[[processes]]\\ntype=\"web\"\\ncommand=[\"b\"]\\n' > $L/launch.toml"});
  order("a,b");
  push({{"x", "x"}});
  const BuiltImage built = must_build();
  CHECK(built.default_process.empty());
  CHECK(built.image.entrypoint == std::vector<std::string>{"/cnb/lifecycle/launcher"});
  CHECK(contains(log, "Warning: b replaces the default process 'web'"));
  CHECK(contains(fails({.id = "a",
                        .build = "printf '[[processes]]\\ntype=\"a\"\\ncommand=[\"a\"]\\ndefault="
                                 "true\\n[[processes]]\\ntype=\"b\"\\ncommand=[\"a\"]\\ndefault="
                                 "true\\n' > $L/launch.toml"}),
                 "two processes are the default"));
}

TEST_CASE_FIXTURE(ImageFixture, "1.7: a cached layer without contents is a warning, and not kept") {
  run({.id = "a", .build = "printf '[types]\\ncache=true\\n' > $L/c.toml"});
  CHECK(contains(log, "Warning: a has a cached layer 'c' without contents"));
  run({.id = "a", .build = "ls $L"});
  CHECK_FALSE(contains(log, "c.toml"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.8: each slice is a layer in its order, the rest of the app comes last") {
  const BuiltImage built =
      run({.id = "a",
           .build = "printf '[[slices]]\\npaths=[\"assets/*.css\", \"/app/notes.txt\", "
                    "\"../layers\"]\\n[[slices]]\\npaths=[\"assets/\", \"odd\\\\\\\\[1].txt\"]\\n' "
                    "> $L/launch.toml; mkdir made; ln -s /etc made/link"});
  CHECK(created(built.image) ==
        std::vector<std::string>{"Application Slice: 1", "Application Slice: 2",
                                 "Application Slice: 3", "Application Launcher",
                                 "Buildpacks Launcher Config"});
  const auto& layers = built.image.layers;
  CHECK(in_layer(layers[1], "app/assets/a.css") == "css");
  CHECK(in_layer(layers[1], "app/notes.txt") == "n");
  CHECK(in_layer(layers[1], "app/assets/deep") == "(none)");
  CHECK(in_layer(layers[2], "app/assets/deep/b.css") == "css");
  CHECK(in_layer(layers[2], "app/assets/a.css") == "(none)");
  CHECK(in_layer(layers[2], "app/odd[1].txt") == "o");
  CHECK(in_layer(layers[3], "app/x") == "1");
  CHECK(in_layer(layers[3], "app/assets") == "(none)");
  CHECK(fs::is_symlink(images.layer_directory(layers[3].diff_id) / "app/made/link"));
  CHECK(file(built.image, "/app/assets/deep/b.css") == "css");
  CHECK(lifecycle(built.image).at("app").as_array().size() == 3);
  CHECK(lifecycle(built.image).at("app").at(1).at("sha") == layers[2].diff_id.c_str());
  CHECK(contains(file(built.image, "/layers/config/metadata.toml"), "[[slices]]"));
}

TEST_CASE_FIXTURE(ImageFixture, "1.8: a slice that nothing matches is an empty layer") {
  const BuiltImage built =
      run({.id = "a", .build = "printf '[[slices]]\\npaths=[\"*.none\"]\\n' > $L/launch.toml"});
  CHECK(created(built.image)[0] == "Application Slice: 1");
  CHECK(file(built.image, "/app/notes.txt") == "n");
}

TEST_CASE_FIXTURE(ImageFixture, "1.8: an unchanged slice keeps its layer when the rest changes") {
  const std::string script = "printf '[[slices]]\\npaths=[\"assets\"]\\n' > $L/launch.toml";
  const BuiltImage first = run({.id = "a", .build = script});
  const BuiltImage second = run({.id = "a", .build = script});
  CHECK(first.image.layers[1] == second.image.layers[1]);
  CHECK(first.image.layers[2].diff_id != second.image.layers[2].diff_id);
  CHECK(second.new_layers == 1);
}

TEST_CASE_FIXTURE(ImageFixture, "1.8: the labels tell buildpacks, processes and environment") {
  const BuiltImage built =
      run({.id = "acme/a",
           .build = "printf '[[processes]]\\ntype=\"web\"\\ncommand=[\"serve\"]\\nargs=[\"-p\"]\\n"
                    "default=true\\n[[labels]]\\nkey=\"maintainer\"\\nvalue=\"me\"\\n' > "
                    "$L/launch.toml; printf '[metadata]\\nn=1\\n' > $L/store.toml\n" +
                    layer("l", "launch=true\\ncache=true\\n[metadata]\\nv=\"2\"\\n"),
           .buildpack_toml = "homepage = \"https://example.com\""});
  const json::object metadata = lifecycle(built.image);
  const auto& record = metadata.at("buildpacks").at(0);
  CHECK(record.at("key") == "acme/a");
  CHECK(record.at("version") == "1.0.0");
  CHECK(record.at("store").at("metadata").at("n") == 1);
  CHECK(record.at("layers").at("l").at("data").at("v") == "2");
  CHECK(record.at("layers").at("l").at("cache") == true);
  for (const char* part : {"app", "config", "launcher", "process-types", "runImage", "stack"})
    CHECK_MESSAGE(metadata.contains(part), part);
  CHECK(metadata.at("exec-env") == "production");
  CHECK(metadata.at("stack").at("runImage").at("image") == metadata.at("runImage").at("image"));
  const auto parsed = parse_json_object(label(built.image, "io.buildpacks.build.metadata"));
  REQUIRE(parsed.has_value());
  CHECK(parsed->at("buildpacks").at(0).at("homepage") == "https://example.com");
  CHECK(parsed->at("buildpacks").at(0).at("api") == "0.10");
  CHECK(parsed->at("processes").at(0).at("buildpackID") == "acme/a");
  CHECK(parsed->at("processes").at(0).at("direct") == true);
  CHECK(parsed->at("buildpack-default-process-type") == "web");
  CHECK(parsed->at("launcher").as_object().contains("version"));
  CHECK(label(built.image, "io.buildpacks.exec-env") == "production");
  CHECK(label(built.image, "io.buildpacks.rebasable") == "true");
  CHECK(label(built.image, "io.buildpacks.base.distro.name") == "debian");
  CHECK(label(built.image, "maintainer") == "me");
  CHECK(contains(file(built.image, "/layers/config/metadata.toml"),
                 "[[labels]]\nkey = \"maintainer\"\nvalue = \"me\""));
}

TEST_CASE_FIXTURE(ImageFixture, "1.9: env files mean what their suffix says, in file order") {
  install({.id = "a", .build = R"sh(mkdir -p $L/l/env/sub
printf '[types]\nbuild = true\n' > $L/l.toml
put() { printf '%s' "$2" > $L/l/env/$1; }
put BARE bare; put OVER.override 'with $NOTHING expanded'; put A.append tail; put A.delim ' - '
put P.prepend head; put P.delim :; put D.default unused; put E.default used; put X.unknown no
put N.append 'no delimiter'; put TRAILING 'kept
'
put sub/IGNORED x)sh"});
  install(
      {.id = "b",
       .build = "echo \"[$BARE] [$OVER] [$A] [$P] [$D] [$E] [$X] [$N] [$IGNORED] [$TRAILING]\""});
  request.operator_env = {};
  order("first,a,b");
  install({.id = "first",
           .build = "mkdir -p $L/l/env; printf '[types]\\nbuild = true\\n' > $L/l.toml\n"
                    "for v in BARE OVER A P D N; do printf old > $L/l/env/$v; done"});
  push({{"x", "x"}});
  must_build();
  CHECK(contains(log,
                 "[bare] [with $NOTHING expanded] [old - tail] [head:old] [old] [used] [] [oldno "
                 "delimiter] [] [kept\n]\n"));
}

TEST_CASE_FIXTURE(ImageFixture,
                  "1.9: user's path variables go before those of layers, others replace them") {
  install({.id = "a",
           .build = "mkdir -p $L/l/bin $L/l/lib $L/l/include $L/l/pkgconfig $L/l/env; printf "
                    "layer > $L/l/env/OTHER; printf '[types]\\nbuild = true\\n' > $L/l.toml"});
  install(
      {.id = "b",
       .build = "echo \"$PATH $LD_LIBRARY_PATH $LIBRARY_PATH $CPATH $PKG_CONFIG_PATH $OTHER\""});
  request.config_vars = {{"PATH", "/mine"}, {"CPATH", "/inc"}, {"OTHER", "user"}};
  order("a,b");
  push({{"x", "x"}});
  must_build();
  CHECK(contains(log,
                 "/mine:/layers/a/l/bin:/bin /layers/a/l/lib /layers/a/l/lib "
                 "/inc:/layers/a/l/include /layers/a/l/pkgconfig user\n"));
}
