// SPDX-License-Identifier: Apache-2.0
// What is kept between an app's builds is damaged on the disk: it is noticed and made again, never
// believed. And no two builds of an app have it at once.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/json.hpp"
#include "builder/build_record.hpp"
#include "tests/support/build_fixture.hpp"
#include "tests/support/eventually.hpp"

using namespace berth;
using namespace berth::test;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

/// Fills its layers only if they did not come back, as a package manager's buildpack does: "kept"
/// belongs to the cache alone, "deps" to the image too.
constexpr const char* install_once =
    "for l in kept deps; do\n"
    "  if [ -e $L/$l.toml ]; then echo \"$l came back: $(cat $L/$l/sub/file)\"; else\n"
    "    mkdir -p $L/$l/sub; echo good > $L/$l/sub/file; echo other > $L/$l/other\n"
    "    ln -s other $L/$l/link; echo \"$l is new\"; fi\n"
    "done\n"
    "printf '[types]\\ncache=true\\n' > $L/kept.toml\n"
    "printf '[types]\\ncache=true\\nlaunch=true\\n' > $L/deps.toml\n"
    "cat /app/source; ls /app\n";

struct DamageFixture : BuildFixture {
  DamageFixture() {
    install({.id = "a", .build = install_once});
    order("a");
    next();
  }
  /// A build of the same app, whose source has another file.
  BuiltImage next() {
    push({{"source", "from git\n"}, {"directory/file", "x"}, {"n", std::to_string(++pushes)}});
    return must_build();
  }
  [[nodiscard]] fs::path cache(const std::string& name) const {
    return request.cache_directory / name;
  }
  [[nodiscard]] std::string id(const std::string& layer) const {
    const auto record = parse_build_record(*read_file(cache("metadata.json")));
    return record->buildpacks.at(0).layers.at(layer).id;
  }
  /// Where a layer's content is.
  [[nodiscard]] fs::path content(const std::string& layer) const {
    return images.layer_directory(id(layer)) / "layers/a" / layer;
  }
  int pushes = 0;
};

/// What may happen to a directory of files.
void damage(const fs::path& directory, const std::string& how) {
  if (how == "a file is shorter") fs::resize_file(directory / "sub/file", 2);
  if (how == "a file has another content")
    REQUIRE(write_file(directory / "sub/file", "evil\n").has_value());
  if (how == "a file is missing") fs::remove(directory / "sub/file");
  if (how == "a directory is missing") fs::remove_all(directory / "sub");
  if (how == "a file is there too") REQUIRE(write_file(directory / "more", "evil").has_value());
  if (how == "a link leads elsewhere") {
    fs::remove(directory / "link");
    fs::create_symlink("sub/file", directory / "link");
  }
}

constexpr const char* damages[] = {"a file is shorter",      "a file has another content",
                                   "a file is missing",      "a directory is missing",
                                   "a file is there too",    "a link leads elsewhere"};

}  // namespace

TEST_CASE_FIXTURE(DamageFixture, "a layer that is as it was kept comes back") {
  next();
  CHECK(contains(log, "kept came back: good\n"));
  CHECK(contains(log, "deps came back: good\n"));
  CHECK_FALSE(contains(log, "damaged"));
}

TEST_CASE_FIXTURE(DamageFixture, "a damaged layer of the cache is made anew, and the log says so") {
  for (const char* how : damages) {
    INFO(how);
    damage(content("kept"), how);
    next();
    CHECK(contains(log, "the kept layer kept of a was damaged on the disk and is made anew"));
    CHECK(contains(log, "kept is new\n"));
    CHECK(contains(log, "deps came back: good\n"));
    next();
    CHECK(contains(log, "kept came back: good\n"));
  }
}

TEST_CASE_FIXTURE(DamageFixture, "a damaged layer of the image is unpacked again from its tar") {
  const std::string before = id("deps");
  for (const char* how : damages) {
    INFO(how);
    damage(content("deps"), how);
    const BuiltImage built = next();
    CHECK(contains(log, "the kept layer deps of a was damaged on the disk and is unpacked again"));
    CHECK(contains(log, "deps came back: good\n"));
    CHECK(id("deps") == before);
    CHECK(file(built.image, "/layers/a/deps/sub/file") == "good\n");
    CHECK(file(built.image, "/layers/a/deps/link") == "-> other");
  }
  // What was put away is still there: replicas may run on it.
  CHECK(std::ranges::count_if(fs::directory_iterator(root() / "data/layers"), [](const auto& at) {
          return at.path().filename().string().starts_with(damaged_prefix);
        }) == std::ssize(damages));
}

TEST_CASE_FIXTURE(DamageFixture,
                  "where the tar is damaged too, the layer is made anew, tar and all") {
  const std::string digest = id("deps");
  const fs::path tar = images.blob_path(digest);
  const std::string good = *read_file(tar);
  std::string bad = good;
  bad.replace(bad.find("good"), 4, "evil");
  for (const std::string& wrong : {bad, good.substr(0, 700), std::string()}) {
    REQUIRE(write_file(tar, wrong).has_value());
    fs::remove_all(images.layer_directory(digest));
    const BuiltImage built = next();
    CHECK(contains(log, "deps is new\n"));
    CHECK(*read_file(tar) == good);
    CHECK(file(built.image, "/layers/a/deps/sub/file") == "good\n");
  }
}

TEST_CASE_FIXTURE(DamageFixture, "a layer that was given up and unpacked again is whole") {
  fs::remove_all(images.layer_directory(id("deps")));
  for (int i = 0; i < 2; ++i) {
    next();
    CHECK(contains(log, "deps came back: good\n"));
    CHECK_FALSE(contains(log, "damaged"));
  }
}

TEST_CASE_FIXTURE(DamageFixture, "a record that is damaged anywhere is none") {
  const std::string good = *read_file(cache("metadata.json"));
  std::vector<std::string> wrong = {"", "{", "null", good.substr(0, good.size() - 1), good + " "};
  for (std::size_t at = 0; at < good.size(); at += 37) {
    wrong.push_back(good.substr(0, at));
    wrong.push_back(good);
    wrong.back()[at] = static_cast<char>(wrong.back()[at] ^ 1);
  }
  for (const std::string& text : wrong) CHECK(parse_build_record(text).has_error());
  REQUIRE(write_file(cache("metadata.json"), wrong.back()).has_value());
  next();
  CHECK(contains(log, "kept is new\n"));
  next();
  CHECK(contains(log, "kept came back: good\n"));
}

TEST_CASE_FIXTURE(DamageFixture, "a kept source that is not as it was written is written anew") {
  const fs::path tree = cache("source/tree");
  const std::function<void()> damages_to_source[] = {
      [&] { fs::resize_file(tree / "source", 2); },
      [&] { REQUIRE(write_file(tree / "source", "from evi\n").has_value()); },
      [&] { fs::remove(tree / "source"); },
      [&] { fs::remove_all(tree / "directory"); },
      [&] { REQUIRE(write_file(tree / "extra", "evil").has_value()); },
      [&] {
        const std::string list = *read_file(cache("source/list"));
        REQUIRE(write_file(cache("source/list"), list.substr(0, list.size() / 2)).has_value());
      },
      [&] {
        // A whole line less, and the file that it tells of with it gone from the next commit.
        std::string list = *read_file(cache("source/list"));
        const auto begin = list.rfind('\0', list.find(" source")) + 1;
        list.erase(begin, list.find('\0', begin) + 1 - begin);
        REQUIRE(write_file(cache("source/list"), list).has_value());
      }};
  for (const auto& damaged : damages_to_source) {
    damaged();
    next();
    CHECK(contains(log, "from git\ndirectory\nn\nsource\n"));
  }
}

TEST_CASE_FIXTURE(DamageFixture, "two builds of an app never have its cache at once") {
  install({.id = "a", .build = "touch $L/started\n"
                               "while [ -e /app/wait -a ! -e /platform/env/GO ]; do\n"
                               "  sleep 0.01; done\n" +
                               std::string(install_once)});
  push({{"source", "first\n"}, {"wait", ""}});
  const fs::path work = root() / "data/work";
  Result<BuiltImage> first = Error{};
  std::thread building([&] { first = build(); });
  fs::path running;
  const bool begun = eventually([&] {
    for (const auto& at : fs::directory_iterator(work))
      if (fs::exists(at.path() / "layers/upper/a/started")) running = at.path();
    return !running.empty();
  });
  BuildRequest second = request;
  second.build_id = "second";
  second.work_directory = work / "second";
  const auto refused =
      builder::build(second, images, sandboxes, [](std::string_view) {}, cancel);
  if (begun) CHECK(write_file(running / "platform/env/GO", "").has_value());
  building.join();
  REQUIRE(begun);
  CHECK(refused.error().message ==
        "another build of this app is running; push again when it has ended");
  REQUIRE_MESSAGE(first.has_value(), log);
  CHECK(contains(log, "kept came back: good\n"));
  next();
  CHECK(contains(log, "kept came back: good\n"));
}
