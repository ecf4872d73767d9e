// SPDX-License-Identifier: Apache-2.0
#include "builder/tree_seal.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "base/file.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path tree = directory.path() / "tree";

  Fixture() {
    fs::create_directories(tree / "a/deep");
    REQUIRE(write_file(tree / "a/deep/file", "content").has_value());
    REQUIRE(write_file(tree / "other", "x").has_value());
    fs::create_symlink("other", tree / "link");
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "whatever is done to a tree changes its seal") {
  std::string before = tree_seal(tree).value();
  CHECK(has_seal(tree, before));
  const std::function<void()> changes[] = {
      [&] { fs::resize_file(tree / "a/deep/file", 3); },
      [&] { REQUIRE(write_file(tree / "a/deep/file", "CON").has_value()); },
      [&] { REQUIRE(write_file(tree / "a/more", "").has_value()); },
      [&] { fs::rename(tree / "a/more", tree / "more"); },
      [&] { fs::permissions(tree / "other", fs::perms::owner_exec, fs::perm_options::add); },
      [&] {
        fs::remove(tree / "link");
        fs::create_symlink("more", tree / "link");
      },
      [&] { fs::remove_all(tree / "a"); },
      [&] { fs::create_directory(tree / "empty"); }};
  for (const auto& change : changes) {
    change();
    CHECK_FALSE(has_seal(tree, before));
    before = tree_seal(tree).value();
  }
}

TEST_CASE_FIXTURE(Fixture, "reading, hard links to its files and another place change nothing") {
  const std::string before = tree_seal(tree).value();
  CHECK(*read_file(tree / "a/deep/file") == "content");
  fs::create_hard_link(tree / "other", directory.path() / "elsewhere");
  fs::rename(tree, directory.path() / "moved");
  CHECK(has_seal(directory.path() / "moved", before));
}

TEST_CASE_FIXTURE(Fixture, "a tree that is not there, or an empty seal, is never as it was") {
  const std::string seal = tree_seal(tree).value();
  CHECK_FALSE(has_seal(tree, ""));
  fs::remove_all(tree);
  CHECK_FALSE(has_seal(tree, seal));
  CHECK(tree_seal(tree).has_error());
  fs::create_symlink(directory.path(), tree);
  CHECK_FALSE(has_seal(tree, seal));
}
