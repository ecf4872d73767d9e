// SPDX-License-Identifier: Apache-2.0
// Restoring layers and reusing them (specs/cnb.md 1.5, 1.7), as the kernel's overlays show it.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/json.hpp"
#include "tests/support/build_fixture.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct CacheFixture : BuildFixture {
  /// A buildpack whose build is `script`; `$L` its layers. The app changes with every call.
  BuiltImage run(const std::string& script) {
    install({.id = "a", .build = script});
    order("a");
    push({{"x", std::to_string(++pushes)}});
    return must_build();
  }
  std::string id(const std::string& layer) {
    const auto record = parse_json_object(*read_file(request.cache_directory / "metadata.json"));
    REQUIRE(record.has_value());
    const auto& layers = record->at("buildpacks").at(0).at("layers").as_object();
    return layers.contains(layer) ? std::string(layers.at(layer).at("sha").as_string()) : "";
  }
  int pushes = 0;
};

std::string types(const std::string& layer, const std::string& flags,
                  const std::string& metadata = "v=1") {
  std::string text = "[types]\\n";
  for (const char* flag : {"build", "cache", "launch"})
    if (flags.find(flag[0]) != std::string::npos) text += std::string(flag) + "=true\\n";
  return "printf '" + text + "[metadata]\\n" + metadata + "\\n' > $L/" + layer + ".toml\n";
}

}  // namespace

TEST_CASE_FIXTURE(
    CacheFixture,
    "1.5: cached layers come back with contents, launch-only ones with metadata alone") {
  std::string make;
  for (const char* flags : {"bcl", "bc", "bl", "b", "cl", "c", "l"})
    make +=
        std::string("mkdir $L/") + flags + "; echo x > $L/" + flags + "/f\n" + types(flags, flags);
  run(make);
  run("cd $L; for i in bcl bc bl b cl c l; do echo \"$i $(test -f $i.toml && echo toml) $(test -d "
      "$i && echo dir)\"; done; cat c.toml; rm *.toml");
  CHECK(contains(log,
                 "bcl toml dir\nbc toml dir\nbl  \nb  \ncl toml dir\nc toml dir\nl toml "
                 "\n[metadata]\nv = 1\n"));
  CHECK(contains(log, "Restored from the last build: bc, bcl, c and cl (a)"));
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "1.7: an untouched cached launch layer keeps its diff id and is not written again") {
  const BuiltImage first = run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "cl"));
  const BuiltImage second = run("test -f $L/l/f; " + types("l", "cl", "v=2"));
  CHECK(first.image.layers[1] == second.image.layers[1]);
  CHECK(second.new_layers == 1);  // the app's
  CHECK(contains(log, " (4 layers, 1 new, "));
}

TEST_CASE_FIXTURE(CacheFixture, "1.7: reading and listing a restored layer leaves it untouched") {
  const BuiltImage first = run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "cl"));
  const fs::path lower = images.layer_directory(first.image.layers[1].diff_id) / "layers/a/l/f";
  struct stat before{};
  REQUIRE(::stat(lower.c_str(), &before) == 0);
  run("cat $L/l/f; ls -R $L; " + types("l", "cl"));
  struct stat after{};
  REQUIRE(::stat(lower.c_str(), &after) == 0);
  CHECK(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  CHECK(id("l") == first.image.layers[1].diff_id);
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "1.7: a changed layer is old files by hard link and new ones, with a new diff id") {
  const BuiltImage first =
      run("mkdir -p $L/l/keep $L/l/drop; echo k > $L/l/keep/f; echo d > $L/l/drop/f; echo o > "
          "$L/l/edit\n" +
          types("l", "cl"));
  const BuiltImage second = run(
      "rm -r $L/l/drop; echo n > $L/l/edit; mv $L/l/keep/f $L/l/keep/g; echo h > $L/l/keep/h\n" +
      types("l", "cl"));
  CHECK(first.image.layers[1].diff_id != second.image.layers[1].diff_id);
  CHECK(file(second.image, "/layers/a/l/edit") == "n\n");
  CHECK(file(second.image, "/layers/a/l/drop") == "(none)");
  CHECK(file(second.image, "/layers/a/l/keep/f") == "(none)");
  CHECK(file(second.image, "/layers/a/l/keep/g") == "k\n");
  CHECK(file(second.image, "/layers/a/l/keep/h") == "h\n");
  CHECK(file(first.image, "/layers/a/l/edit") == "o\n");
}

TEST_CASE_FIXTURE(CacheFixture,
                  "1.7: renaming directories of a restored layer is seen (no redirects)") {
  run("mkdir -p $L/l/old/deep; echo x > $L/l/old/deep/f\n" + types("l", "cl"));
  const BuiltImage second = run("mv $L/l/old $L/l/new\n" + types("l", "cl"));
  CHECK(file(second.image, "/layers/a/l/new/deep/f") == "x\n");
  CHECK(file(second.image, "/layers/a/l/old") == "(none)");
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "1.7: a layer removed and made again with the same content has the same diff id") {
  const std::string make = "rm -rf $L/l; mkdir $L/l; echo x > $L/l/f\n" + types("l", "cl");
  const BuiltImage first = run(make);
  const BuiltImage second = run(make);
  CHECK(first.image.layers[1].diff_id == second.image.layers[1].diff_id);
}

TEST_CASE_FIXTURE(CacheFixture,
                  "1.7: a launch layer without contents is taken from the previous image") {
  const BuiltImage first = run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "l"));
  const BuiltImage second = run("test ! -e $L/l; " + types("l", "l", "v=2"));
  CHECK(first.image.layers[1].diff_id == second.image.layers[1].diff_id);
  CHECK(file(second.image, "/layers/a/l/f") == "x\n");
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "1.7: launch without contents and without an earlier image fails, and so does cache") {
  install({.id = "a", .build = types("l", "l")});
  order("a");
  push({{"x", "x"}});
  CHECK(build().error().message ==
        "a: layer l: launch=true without contents, and no earlier image has the layer");
  install({.id = "a", .build = types("l", "cl")});
  CHECK(build().error().message ==
        "a: layer l: cache=true and launch=true but the layer has no contents");
}

TEST_CASE_FIXTURE(CacheFixture,
                  "1.7: a cache-only layer costs no blob, changes in place and goes when unused") {
  run("mkdir $L/c; echo 1 > $L/c/one\n" + types("c", "c"));
  const std::string first = id("c");
  CHECK(first.starts_with("private:"));
  run("cat $L/c/one; echo 2 > $L/c/two\n" + types("c", "c"));
  const std::string second = id("c");
  CHECK(second != first);
  CHECK_FALSE(images.has_layer(first));
  run("cat $L/c/two; " + types("c", "c"));
  CHECK(id("c") == second);
  run("rm $L/c.toml");
  CHECK_FALSE(images.has_layer(second));
}

TEST_CASE_FIXTURE(CacheFixture, "1.7: a layer may change its flags between builds") {
  run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "c"));
  const BuiltImage second = run(types("l", "cl"));
  CHECK(file(second.image, "/layers/a/l/f") == "x\n");
  CHECK(id("l").starts_with("sha256:"));
  run(types("l", "c"));
  run("test -f $L/l/f; " + types("l", "c"));
}

TEST_CASE_FIXTURE(CacheFixture, "1.5: store.toml comes back to its buildpack") {
  run("printf '[metadata]\\nkept = \"yes\"\\n' > $L/store.toml");
  run("cat $L/store.toml");
  CHECK(contains(log, "[metadata]\nkept = \"yes\"\n"));
}

TEST_CASE_FIXTURE(CacheFixture, "a failed build leaves the cache as it was") {
  run("mkdir $L/c; echo good > $L/c/f\n" + types("c", "c"));
  install({.id = "a", .build = "echo bad > $L/c/f; exit 1"});
  push({{"x", "fails"}});
  CHECK(build().has_error());
  run("cat $L/c/f; " + types("c", "c"));
  CHECK(contains(log, "good\n"));
}

TEST_CASE_FIXTURE(CacheFixture, "clearing the cache restores nothing and drops what was kept") {
  run("mkdir $L/c $L/l; echo x > $L/c/f; echo x > $L/l/f\n" + types("c", "c") + types("l", "l"));
  const std::string old = id("c");
  request.clear_cache = true;
  run("ls $L; mkdir $L/c\n" + types("c", "c"));
  CHECK_FALSE(contains(log, "l.toml"));
  CHECK_FALSE(images.has_layer(old));
}

TEST_CASE_FIXTURE(CacheFixture,
                  "a cached layer or a record that is gone or broken is as if it never was") {
  run("mkdir $L/c; echo x > $L/c/f\n" + types("c", "c"));
  fs::remove_all(images.layer_directory(id("c")));
  run("ls $L; mkdir $L/c; " + types("c", "c"));
  CHECK_FALSE(contains(log, "c.toml"));
  REQUIRE(write_file(request.cache_directory / "metadata.json", "{broken").has_value());
  run("ls $L; echo done");
  CHECK(contains(log, "done"));
}

TEST_CASE_FIXTURE(CacheFixture,
                  "deleting layers/ and cache/ loses nothing that cannot be rebuilt") {
  const BuiltImage first = run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "cl"));
  fs::remove_all(root() / "data/layers");
  fs::create_directories(root() / "data/layers");
  const BuiltImage second = run("cat $L/l/f; " + types("l", "cl"));
  CHECK(contains(log, "x\n"));
  CHECK(second.image.layers[1] == first.image.layers[1]);
  fs::remove_all(request.cache_directory);
  request.previous_image = second.image.digest;
  run("test ! -e $L/l; mkdir $L/l; echo x > $L/l/f\n" + types("l", "cl"));
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "the previous image's launch layers are known by its label when the cache is gone") {
  const BuiltImage first = run("mkdir $L/l; echo x > $L/l/f\n" + types("l", "l"));
  fs::remove_all(request.cache_directory);
  request.previous_image = first.image.digest;
  const BuiltImage second = run("cat $L/l.toml; " + types("l", "l"));
  CHECK(contains(log, "v = 1"));
  CHECK(second.image.layers[1] == first.image.layers[1]);
}

TEST_CASE_FIXTURE(CacheFixture,
                  "layers of a buildpack that drops out are not restored for another group") {
  run("mkdir $L/c; echo x > $L/c/f\n" + types("c", "c"));
  install({.id = "b", .build = "ls -a /layers/a"});
  install({.id = "a", .detect = "exit 100"});
  order("a;b");
  push({{"x", "other"}});
  must_build();
  CHECK_FALSE(contains(log, "c.toml"));
  CHECK(sandboxes.opened == 3);  // one, and one more because the guess was wrong
}

TEST_CASE_FIXTURE(CacheFixture,
                  "the same tree, configuration and builder reuse the image at once and say so") {
  install({.id = "a", .build = "echo ran"});
  order("a");
  push({{"x", "x"}});
  request.config_vars = {{"A", "1"}};
  const BuiltImage first = must_build();
  request.previous_release = "v7";
  request.previous_image = first.image.digest;
  const BuiltImage second = must_build();
  CHECK(second.reused);
  CHECK(second.new_layers == 0);
  CHECK(second.image.digest == first.image.digest);
  CHECK(second.processes == first.processes);
  CHECK(log == "-----> Nothing changed since release v7; reusing the image\n");
  CHECK(sandboxes.opened == 1);

  request.config_vars = {{"A", "2"}};
  CHECK_FALSE(must_build().reused);
  // Also that of a build before the last one, as long as its image is kept.
  request.config_vars = {{"A", "1"}};
  push({{"x", "z"}});
  CHECK_FALSE(must_build().reused);
  push({{"x", "x"}});
  request.previous_image = "sha256:" + std::string(64, '1');
  const BuiltImage third = must_build();
  CHECK(third.reused);
  CHECK(third.image.digest == first.image.digest);
  CHECK(log == "-----> This was built before; reusing the image\n");
  CHECK(must_build().reused);

  install({.id = "a", .build = "echo ran otherwise"});
  CHECK_FALSE(must_build().reused);
  CHECK(must_build().reused);
  push({{"x", "y"}});
  CHECK_FALSE(must_build().reused);
  request.clear_cache = true;
  CHECK_FALSE(must_build().reused);
}

TEST_CASE_FIXTURE(
    CacheFixture,
    "the app directory starts from the source every time, whatever a build left in it") {
  const std::string script = "ls; echo made > made; echo changed > x; rm -f gone";
  install({.id = "a", .build = script});
  order("a");
  push({{"x", "1"}, {"gone", "g"}, {"d/f", "f"}});
  const BuiltImage first = must_build();
  CHECK(file(first.image, "/app/x") == "changed\n");
  CHECK(file(first.image, "/app/gone") == "(none)");
  push({{"x", "2"}, {"gone", "g"}, {"d/f", "f"}});
  must_build();
  CHECK(contains(log, "d\ngone\nx\n"));
  CHECK_FALSE(contains(log, "made"));
}
