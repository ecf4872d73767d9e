// SPDX-License-Identifier: Apache-2.0
//
// The platform's base images change below an app that runs: `berth stack:upgrade` swaps its base
// without a build, as a release, and nobody who asks the app notices.
#include <filesystem>

#include "tests/e2e/e2e.hpp"
#include "tests/support/load.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

/// The base images as their next recipe would make them: the one that apps run on has a file more.
fs::path next_stack(const TempDir& directory) {
  const fs::path old = std::getenv("BERTH_STACK");
  const fs::path next = directory.path() / "stack";
  fs::create_directories(next);
  fs::create_symlink(old / "build.tar", next / "build.tar");
  fs::copy_file(old / "run.tar", next / "run.tar");
  const fs::path added = directory.path() / "added";
  fs::create_directories(added / "etc");
  REQUIRE(write_file(added / "etc/next-base", "the next base\n").has_value());
  const auto appended =
      run_program({.argv = {"tar", "--append", "--file", (next / "run.tar").string(), "--owner=0",
                            "--group=0", "-C", added.string(), "etc/next-base"}});
  REQUIRE_MESSAGE(appended->status.success(), appended->err);
  json::object stack = *parse_json_object(*read_file(old / "stack.json"));
  stack["digest"] = "sha256:" + std::string(64, '7');
  REQUIRE(write_file(next / "stack.json", to_text(stack)).has_value());
  return next;
}

/// Digests of an image's layers, base first, as another tool would find them by the image's name.
std::vector<std::string> layers_of(const Platform& berth, const std::string& name) {
  const fs::path images = berth.data() / "images";
  const json::object index = *parse_json_object(*read_file(images / "index.json"));
  for (const json::value& entry : index.at("manifests").as_array()) {
    if (entry.at("annotations").at("org.opencontainers.image.ref.name").as_string() != name)
      continue;
    const std::string digest(entry.at("digest").as_string());
    const auto manifest = parse_json_object(*read_file(images / "blobs/sha256" / digest.substr(7)));
    std::vector<std::string> layers;
    for (const json::value& layer : manifest->at("layers").as_array())
      layers.emplace_back(layer.at("digest").as_string());
    return layers;
  }
  FAIL("no image is named " << name);
  return {};
}

TEST_CASE("a new base is swapped below an app that serves, without a build or a failed request") {
  NEEDS_PLATFORM();
  Platform berth;
  const TempDir directory = *TempDir::create(BERTH_BINARY_DIR, "berth-test-");
  const auto path = berth.repository("shell-script");
  // Each replica shows what it finds in its base.
  REQUIRE(write_file(path / "start.sh",
                     "#!/bin/sh\n"
                     "cat /etc/next-base > pages/base.txt || echo old > pages/base.txt\n"
                     "exec python3 -m http.server \"$PORT\" --directory pages\n")
              .has_value());
  berth.commit(path, "show the base");
  berth.must({"create", "based"}, path);
  const Output pushed = berth.push(path);
  REQUIRE_MESSAGE(pushed.status.success(), pushed.err);
  CHECK(berth.get("based", "/base.txt").body == "old\n");

  Load load([&] { return berth.get("based", "/base.txt"); }, 2);
  berth.kill_server();
  berth.set_stack(next_stack(directory));
  berth.start_server();
  CHECK(berth.get("based", "/base.txt").body == "old\n");  // nobody swaps it unasked
  const std::size_t builds = berth.json_of({"builds", "-a", "based"}).as_array().size();
  const json::value upgraded = berth.json_of({"stack:upgrade", "-a", "based"});
  CHECK(upgraded.at("version") == 2);
  CHECK(eventually([&] { return berth.get("based", "/base.txt").body == "the next base\n"; }));
  load.stop();
  CHECK_MESSAGE(load.failed() == 0, load.first_failures());
  CHECK(load.bodies() == std::set<std::string>{"old\n", "the next base\n"});

  CHECK(berth.json_of({"builds", "-a", "based"}).as_array().size() == builds);
  const json::value releases = berth.json_of({"releases", "-a", "based"});
  CHECK(releases.as_array()[0].at("status") == "succeeded");
  CHECK(std::string(releases.as_array()[0].at("description").as_string())
            .starts_with("Upgrade the base to "));
  auto before = layers_of(berth, "based:v1");
  auto after = layers_of(berth, "based:v2");
  REQUIRE(before.size() == after.size());
  CHECK(before.front() != after.front());
  before.erase(before.begin());
  after.erase(after.begin());
  CHECK(before == after);
  const Output inside = berth.cli({"run", "-a", "based", "--no-tty", "--", "cat /etc/next-base"});
  CHECK_MESSAGE(inside.out == "the next base\n", inside.err);

  const Output again = berth.cli({"stack:upgrade", "-a", "based"});
  CHECK(again.err.find("is on the newest base already") != std::string::npos);
  // The release before is as it was, base and all; what is built now is built on the new one.
  berth.must({"rollback", "v1", "-a", "based"});
  CHECK(eventually([&] { return berth.get("based", "/base.txt").body == "old\n"; }));
  REQUIRE(write_file(path / "pages/new.txt", "new\n").has_value());
  berth.commit(path, "a new page");
  const Output built = berth.push(path);
  REQUIRE_MESSAGE(built.status.success(), built.err);
  CHECK(berth.get("based", "/base.txt").body == "the next base\n");
  CHECK(layers_of(berth, "based:v4").front() == layers_of(berth, "based:v2").front());
}

}  // namespace
}  // namespace berth::test
