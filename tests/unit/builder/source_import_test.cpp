// SPDX-License-Identifier: Apache-2.0
#include "builder/source_import.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "builder/build.hpp"
#include "builder/tar_format.hpp"

using namespace berth;
using namespace berth::builder;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path repository = directory.path() / "app.git";
  fs::path archive = directory.path() / "source.tar";
  std::string tar;
  SourceLimits limits;

  Fixture() {
    const auto made =
        run_program({.argv = {"git", "init", "--quiet", "--bare", repository.string()}});
    REQUIRE(made.has_value());
    REQUIRE(made->status.success());
  }

  Fixture& add(TarEntry entry, std::string_view content = {}) {
    entry.size_bytes = content.size();
    tar += tar_header(entry);
    tar += content;
    tar.append(tar_padding(content.size()), '\0');
    return *this;
  }
  Fixture& file(const std::string& path, std::string_view content = "x", unsigned mode = 0644) {
    return add({.path = path, .mode = mode}, content);
  }

  Result<ImportedSource> import() {
    REQUIRE(write_file(archive, tar + tar_end()).has_value());
    return import_source({.archive = archive,
                          .repository = repository,
                          .author = "ann@example.com",
                          .message = "test\n",
                          .limits = limits});
  }
  std::string refused() {
    const auto outcome = import();
    REQUIRE(outcome.has_error());
    return outcome.error().message;
  }
  std::string git(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"git", "-C", repository.string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto output = run_program({.argv = std::move(argv)});
    REQUIRE(output.has_value());
    CHECK_MESSAGE(output->status.success(), output->err);
    return output->out;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an archive becomes a commit that git itself can read") {
  file("./app.js", "hello").file("bin/run", "#!/bin/sh\n", 0755);
  add({.path = "link", .type = TarType::symlink, .link_target = "bin/run"});
  add({.path = "empty", .type = TarType::directory, .mode = 0755});
  const auto imported = import();
  REQUIRE_MESSAGE(imported.has_value(), imported.error().message);
  CHECK(imported->files == 3);
  CHECK(git({"ls-tree", "-r", "--format=%(objectmode) %(path)", imported->commit}) ==
        "100644 app.js\n100755 bin/run\n120000 link\n");
  CHECK(git({"show", imported->commit + ":app.js"}) == "hello");
  CHECK(git({"log", "-1", "--format=%ae", "refs/berth/source"}) == "ann@example.com\n");
  git({"fsck", "--strict"});
}

TEST_CASE_FIXTURE(Fixture, "the same files again are the same commit, others follow it") {
  const auto first = file("a", "1").import();
  REQUIRE(first.has_value());
  CHECK(import()->commit == first->commit);
  const auto second = file("b", "2").import();
  REQUIRE(second.has_value());
  CHECK(second->commit != first->commit);
  CHECK(git({"rev-parse", second->commit + "^"}) == first->commit + "\n");
}

TEST_CASE_FIXTURE(Fixture, "a name that leaves the app's directory refuses the whole archive") {
  SUBCASE("climbing") {
    file("a").file("b/../../../etc/passwd");
    CHECK(holds(refused(), "leads out of the app's directory"));
  }
  SUBCASE("absolute") {
    file("a").file("/etc/passwd");
    CHECK(holds(refused(), "absolute name, '/etc/passwd'"));
  }
  CHECK(git({"for-each-ref"}).empty());
}

TEST_CASE_FIXTURE(Fixture, "git's own directory is left out at any depth, and said so") {
  file(".git/config", "[core]").file("vendor/.GIT/hooks/pre-commit").file("a");
  const auto imported = import();
  REQUIRE(imported.has_value());
  CHECK(imported->files == 1);
  REQUIRE(imported->notes.size() == 1);
  CHECK(holds(imported->notes[0], ".git"));
}

TEST_CASE_FIXTURE(Fixture, "sizes and numbers are bounded") {
  limits = {.file_bytes = 10, .total_bytes = 15, .files = 3};
  SUBCASE("a file") {
    file("large", std::string(11, 'x'));
    CHECK(holds(refused(), "large is larger than 10 bytes"));
  }
  SUBCASE("all together") {
    file("a", std::string(10, 'x')).file("b", std::string(10, 'y'));
    CHECK(holds(refused(), "larger than 15 bytes"));
  }
  SUBCASE("files") {
    file("a").file("b").file("c").file("d");
    CHECK(holds(refused(), "more than 3 files"));
  }
  SUBCASE("entries") {
    for (int i = 0; i < 20; ++i)
      add({.path = "d" + std::to_string(i), .type = TarType::directory, .mode = 0755});
    CHECK(holds(refused(), "more than 3 files"));
  }
}

TEST_CASE_FIXTURE(Fixture, "what is no archive, or an empty one, is refused with what to do") {
  SUBCASE("empty") { CHECK(holds(refused(), "holds no files")); }
  SUBCASE("text") {
    REQUIRE(write_file(archive, "hello, this is not a tar\n").has_value());
    const auto outcome = import_source({.archive = archive,
                                        .repository = repository,
                                        .author = "ann",
                                        .message = "m"});
    REQUIRE(outcome.has_error());
    CHECK(holds(outcome.error().message, "not a tar or zip archive"));
  }
}

TEST_CASE_FIXTURE(Fixture, "a directory around everything is noted; a later entry wins") {
  file("app/a", "old").file("app/a", "new");
  const auto imported = import();
  REQUIRE(imported.has_value());
  CHECK(git({"show", imported->commit + ":app/a"}) == "new");
  REQUIRE(imported->notes.size() == 1);
  CHECK(holds(imported->notes[0], "everything is in the directory app/"));
}

TEST_CASE_FIXTURE(Fixture, "an imported commit is exported as a pushed one: unchanged files stay") {
  const auto first = file("a", "1").file("b", "1").import();
  REQUIRE(first.has_value());
  const fs::path out = directory.path() / "out";
  REQUIRE(make_directories(out).has_value());
  const auto once = export_source({.repository = repository, .commit = first->commit}, out,
                                  ::getuid(), ::getgid());
  REQUIRE_MESSAGE(once.has_value(), once.error().message);
  CHECK(once->written == 2);
  const auto second = file("b", "2").import();
  REQUIRE(second.has_value());
  const auto again = export_source({.repository = repository, .commit = second->commit}, out,
                                   ::getuid(), ::getgid());
  REQUIRE(again.has_value());
  CHECK(again->written == 1);
}
