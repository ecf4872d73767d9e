// SPDX-License-Identifier: Apache-2.0
// Overlay directories made by hand: whiteouts are character devices 0/0, opaque directories have
// trusted.overlay.opaque. The conformance tests see the same from the kernel's own mounts.
#include "builder/merged_tree.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path upper = directory.path() / "upper";
  fs::path lower = directory.path() / "lower";
  fs::path bottom = directory.path() / "bottom";
  MergedTree tree{upper, {lower, bottom}};
  bool root = ::geteuid() == 0;

  Fixture() {
    for (const auto& path : {upper, lower, bottom}) fs::create_directories(path);
    if (!root) MESSAGE("SKIP: whiteouts need root");
  }
  void file(const fs::path& base, const std::string& path, const std::string& text) {
    fs::create_directories((base / path).parent_path());
    REQUIRE(write_file(base / path, text).has_value());
  }
  void whiteout(const std::string& path) {
    fs::create_directories((upper / path).parent_path());
    REQUIRE(::mknod((upper / path).c_str(), S_IFCHR, makedev(0, 0)) == 0);
  }
  void opaque(const std::string& path) {
    fs::create_directories(upper / path);
    REQUIRE(::setxattr((upper / path).c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0);
  }
  std::string read(const std::string& path) {
    const auto result = tree.read(path);
    if (result.has_error()) return "error: " + result.error().message;
    return result->value_or("(none)");
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the first layer that has a file shows it") {
  file(bottom, "d/a", "bottom");
  file(lower, "d/a", "lower");
  file(lower, "d/b", "lower");
  CHECK(read("d/a") == "lower");
  file(upper, "d/b", "upper");
  CHECK(read("d/b") == "upper");
  CHECK(read("d/c") == "(none)");
  CHECK(tree.list("d") == Names{"a", "b"});
  CHECK(tree.list("none").empty());
}

TEST_CASE_FIXTURE(Fixture, "a whiteout hides what is below, an opaque directory all of it") {
  if (!root) return;
  file(lower, "d/a", "x");
  file(lower, "d/b", "x");
  whiteout("d/a");
  CHECK(read("d/a") == "(none)");
  CHECK(tree.list("d") == Names{"b"});
  opaque("d");
  CHECK(tree.list("d").empty());
}

TEST_CASE_FIXTURE(Fixture, "a link or a pipe where a file should be is refused, not followed") {
  REQUIRE(write_file(directory.path() / "secret", "secret").has_value());
  fs::create_symlink(directory.path() / "secret", upper / "link");
  fs::create_symlink(directory.path(), upper / "way");
  REQUIRE(::mkfifo((upper / "pipe").c_str(), 0600) == 0);
  CHECK(read("link") == "error: /link is not a plain file");
  CHECK(read("pipe") == "error: /pipe is not a plain file");
  CHECK(read("way/secret") == "(none)");
  CHECK(tree.list("way").empty());
  file(upper, "big", std::string(2000, 'x'));
  CHECK(tree.read("big", 1000).error().kind == ErrorKind::limit);
}

TEST_CASE_FIXTURE(Fixture, "an empty upper directory means unchanged") {
  file(lower, "bp/layer/f", "x");
  CHECK(tree.change_of("bp/layer") == TreeChange::unchanged);
  CHECK(tree.change_of("bp/other") == TreeChange::absent);
  file(upper, "bp/other.toml", "x");
  CHECK(tree.change_of("bp/layer") == TreeChange::unchanged);
  file(upper, "bp/new/f", "x");
  CHECK(tree.change_of("bp/new") == TreeChange::replaced);
  file(upper, "bp/layer/g", "x");
  CHECK(tree.change_of("bp/layer") == TreeChange::modified);
}

TEST_CASE_FIXTURE(Fixture, "what is written again as it was is no change, anything else is") {
  if (!root) return;
  file(lower, "bp/layer/env/A", "one");
  file(lower, "bp/layer/big", std::string(100'000, 'x') + "y");
  fs::create_symlink("big", lower / "bp/layer/link");
  file(upper, "bp/layer/env/A", "one");
  file(upper, "bp/layer/big", std::string(100'000, 'x') + "y");
  fs::create_symlink("big", upper / "bp/layer/link");
  whiteout("bp/layer/never-there");
  const auto change = [&] { return tree.change_of("bp/layer"); };
  CHECK(change() == TreeChange::unchanged);

  file(upper, "bp/layer/big", std::string(100'000, 'x') + "z");
  CHECK(change() == TreeChange::modified);
  file(upper, "bp/layer/big", std::string(100'000, 'x') + "y");
  REQUIRE(::chmod((upper / "bp/layer/big").c_str(), 0755) == 0);
  CHECK(change() == TreeChange::modified);
  REQUIRE(::chmod((upper / "bp/layer/big").c_str(), 0644) == 0);
  REQUIRE(::chown((upper / "bp/layer/env").c_str(), 1, 1) == 0);
  CHECK(change() == TreeChange::modified);
  REQUIRE(::chown((upper / "bp/layer/env").c_str(), 0, 0) == 0);
  CHECK(change() == TreeChange::unchanged);
  fs::remove(upper / "bp/layer/link");
  fs::create_symlink("env", upper / "bp/layer/link");
  CHECK(change() == TreeChange::modified);
  fs::remove(upper / "bp/layer/link");
  whiteout("bp/layer/link");
  CHECK(change() == TreeChange::modified);
  fs::remove(upper / "bp/layer/link");
  opaque("bp/layer/env");
  CHECK(change() == TreeChange::modified);
}

TEST_CASE_FIXTURE(Fixture, "a removed layer is absent, a removed and remade one replaced") {
  if (!root) return;
  file(lower, "bp/gone/f", "x");
  file(lower, "bp/again/f", "x");
  whiteout("bp/gone");
  opaque("bp/again");
  CHECK(tree.change_of("bp/gone") == TreeChange::absent);
  CHECK(tree.change_of("bp/again") == TreeChange::replaced);
}

TEST_CASE_FIXTURE(Fixture, "a new directory is moved in one step and loses its opaque mark") {
  if (!root) return;
  opaque("bp/layer");
  file(upper, "bp/layer/f", "new");
  file(lower, "bp/layer/old", "old");
  struct stat before{};
  struct stat after{};
  REQUIRE(::stat((upper / "bp/layer").c_str(), &before) == 0);
  const fs::path to = directory.path() / "out";
  REQUIRE(tree.take("bp/layer", to).has_value());
  REQUIRE(::stat(to.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  CHECK(*read_file(to / "f") == "new");
  CHECK_FALSE(fs::exists(to / "old"));
  CHECK(::lgetxattr(to.c_str(), "trusted.overlay.opaque", nullptr, 0) < 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "a changed directory is hard links of what stayed and what is new, moved") {
  if (!root) return;
  file(lower, "l/stays", "s");
  file(lower, "l/changes", "old");
  file(lower, "l/goes", "g");
  file(lower, "l/sub/deep/kept", "k");
  file(lower, "l/swept/a", "a");
  fs::create_symlink("stays", lower / "l/link");
  file(upper, "l/changes", "new");
  file(upper, "l/sub/added", "a");
  file(upper, "l/fresh/x", "x");
  whiteout("l/goes");
  opaque("l/swept");
  file(upper, "l/swept/b", "b");
  REQUIRE(::chmod((upper / "l").c_str(), 0750) == 0);
  const fs::path to = directory.path() / "out";
  const auto taken = tree.take("l", to);
  REQUIRE_MESSAGE(taken.has_value(), taken.error().message);
  CHECK(fs::hard_link_count(to / "stays") == 2);
  CHECK(*read_file(to / "changes") == "new");
  CHECK(*read_file(lower / "l/changes") == "old");
  CHECK_FALSE(fs::exists(to / "goes"));
  CHECK(*read_file(to / "sub/deep/kept") == "k");
  CHECK(*read_file(to / "sub/added") == "a");
  CHECK(*read_file(to / "fresh/x") == "x");
  CHECK_FALSE(fs::exists(to / "swept/a"));
  CHECK(*read_file(to / "swept/b") == "b");
  CHECK(fs::read_symlink(to / "link") == "stays");
  CHECK((fs::status(to).permissions() & fs::perms::all) == fs::perms(0750));
}

TEST_CASE_FIXTURE(Fixture, "a file in the place of a directory, and the other way round") {
  file(lower, "was_directory/a", "x");
  file(lower, "was_file", "x");
  file(upper, "was_directory", "now a file");
  file(upper, "was_file/a", "now a directory");
  const fs::path to = directory.path() / "out";
  REQUIRE(tree.take("", to).has_value());
  CHECK(*read_file(to / "was_directory") == "now a file");
  CHECK(*read_file(to / "was_file/a") == "now a directory");
}

TEST_CASE_FIXTURE(Fixture, "a lower directory that nobody else uses is changed in place") {
  if (!root) return;
  file(lower, "d/kept", "as it was");
  file(lower, "d/changed", "before");
  file(lower, "d/gone", "x");
  file(lower, "d/deep/kept", "as it was");
  file(lower, "d/made-anew/old", "x");
  file(lower, "d/file-now/old", "x");
  file(lower, "d/directory-now", "x");
  file(upper, "d/changed", "after");
  file(upper, "d/deep/new", "new");
  file(upper, "d/file-now", "new");
  file(upper, "d/directory-now/new", "new");
  whiteout("d/gone");
  whiteout("d/never-was");
  opaque("d/made-anew");
  file(upper, "d/made-anew/new", "new");
  REQUIRE(::chmod((upper / "d").c_str(), 0750) == 0);
  CHECK(tree.change_of("d") == TreeChange::modified);

  fs::copy(lower / "d", directory.path() / "copy", fs::copy_options::recursive);
  MergedTree same{upper, {lower}};
  REQUIRE(same.update("d", directory.path() / "copy").has_value());
  const auto content = [&](const std::string& path) {
    const auto text = read_file(directory.path() / "copy" / path);
    return text.has_value() ? *text : "(none)";
  };
  CHECK(content("kept") == "as it was");
  CHECK(content("changed") == "after");
  CHECK(content("gone") == "(none)");
  CHECK_FALSE(fs::exists(directory.path() / "copy/never-was"));
  CHECK(content("deep/kept") == "as it was");
  CHECK(content("deep/new") == "new");
  CHECK(content("made-anew/old") == "(none)");
  CHECK(content("made-anew/new") == "new");
  CHECK(content("file-now") == "new");
  CHECK(content("directory-now/new") == "new");
  struct stat status{};
  REQUIRE(::stat((directory.path() / "copy").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0750);
}

TEST_CASE_FIXTURE(Fixture, "the whole tree can be taken when nothing changed") {
  file(lower, "a", "1");
  file(lower, "d/b", "2");
  const fs::path to = directory.path() / "out";
  REQUIRE(tree.take("", to).has_value());
  CHECK(fs::hard_link_count(to / "d/b") == 2);
  CHECK(tree.take("a", directory.path() / "x").has_error());
}
