// SPDX-License-Identifier: Apache-2.0
#include "builder/source.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "builder/build.hpp"
#include "tests/support/git_repository.hpp"

using namespace berth;
using namespace berth::builder;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  GitRepository repository = *GitRepository::create(directory.path() / "app.git");
  fs::path out = directory.path() / "source";
  SourceLimits limits;

  Result<SourceTree> export_commit(const std::string& commit) {
    fs::create_directories(out);
    return export_source({.repository = repository.path(), .commit = commit}, out, ::geteuid(),
                         ::getegid(), limits);
  }
  SourceTree push(const GitFiles& files) {
    const auto commit = repository.commit(files);
    REQUIRE_MESSAGE(commit.has_value(), (commit.has_error() ? commit.error().message : ""));
    const auto tree = export_commit(*commit);
    REQUIRE_MESSAGE(tree.has_value(), (tree.has_error() ? tree.error().message : ""));
    return *tree;
  }
  std::string refused(const std::string& commit) {
    const auto tree = export_commit(commit);
    REQUIRE(tree.has_error());
    CHECK_FALSE(fs::exists(out / "list"));
    return tree.error().message;
  }
  /// A commit of a tree that git itself would not make.
  std::string literal_commit(const std::string& tree_bytes) {
    const auto tree =
        repository.git({"hash-object", "-t", "tree", "-w", "--literally", "--stdin"}, tree_bytes);
    REQUIRE_MESSAGE(tree.has_value(), (tree.has_error() ? tree.error().message : ""));
    const auto commit = repository.git(
        {"hash-object", "-t", "commit", "-w", "--literally", "--stdin"},
        "tree " + *tree + "\nauthor T <t@e> 0 +0000\ncommitter T <t@e> 0 +0000\n\nx\n");
    REQUIRE(commit.has_value());
    return *commit;
  }
  std::string blob_entry(const std::string& mode, const std::string& name) {
    const auto blob = repository.git({"hash-object", "-w", "--stdin"}, "x");
    std::string bytes = mode + " " + name + std::string(1, '\0');
    for (std::size_t i = 0; i < 40; i += 2)
      bytes += static_cast<char>(std::stoi(blob->substr(i, 2), nullptr, 16));
    return bytes;
  }
  static struct stat status(const fs::path& path) {
    struct stat result{};
    REQUIRE(::lstat(path.c_str(), &result) == 0);
    return result;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a commit's tree is written with its links and executable bits") {
  const SourceTree tree = push({{"a.txt", "hello"},
                                {"bin/run", {"#!/bin/sh", "100755"}},
                                {"deep/er/f", "x"},
                                {"link", {"a.txt", "120000"}},
                                {"escape", {"/etc/passwd", "120000"}}});
  CHECK(tree.files == 5);
  CHECK(tree.written == 5);
  CHECK(*read_file(out / "tree/a.txt") == "hello");
  CHECK((status(out / "tree/bin/run").st_mode & 07777) == 0755);
  CHECK((status(out / "tree/a.txt").st_mode & 07777) == 0644);
  CHECK(fs::read_symlink(out / "tree/link") == "a.txt");
  CHECK(fs::read_symlink(out / "tree/escape") == "/etc/passwd");
}

TEST_CASE_FIXTURE(Fixture, "only what changed is written: other files keep inode and time") {
  push({{"same", "1"}, {"changes", "old"}, {"goes", "x"}, {"dir/goes", "x"}, {"dir/stays", "x"}});
  const auto before = status(out / "tree/same");
  const auto changed = status(out / "tree/changes");
  const fs::path linked = directory.path() / "in-a-layer";
  fs::create_hard_link(out / "tree/changes", linked);
  const SourceTree tree =
      push({{"same", "1"}, {"changes", "new"}, {"dir/stays", "x"}, {"added", "y"}});
  CHECK(tree.written == 2);
  CHECK(status(out / "tree/same").st_ino == before.st_ino);
  CHECK(status(out / "tree/same").st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  CHECK(status(out / "tree/changes").st_ino != changed.st_ino);
  CHECK(*read_file(linked) == "old");
  CHECK(*read_file(out / "tree/changes") == "new");
  CHECK_FALSE(fs::exists(out / "tree/goes"));
  CHECK_FALSE(fs::exists(out / "tree/dir/goes"));
}

TEST_CASE_FIXTURE(Fixture, "files, links and directories change into each other") {
  push({{"a", "file"}, {"b/x", "in directory"}, {"c", {"/etc", "120000"}}, {"m", "mode"}});
  push({{"a/x", "in directory"}, {"b", "file"}, {"c/passwd", "mine"}, {"m", {"mode", "100755"}}});
  CHECK(*read_file(out / "tree/a/x") == "in directory");
  CHECK(*read_file(out / "tree/b") == "file");
  CHECK(*read_file(out / "tree/c/passwd") == "mine");
  CHECK((status(out / "tree/m").st_mode & 0111) == 0111);
}

TEST_CASE_FIXTURE(Fixture, "without a list, as after a crash, the tree is made anew") {
  push({{"a", "1"}});
  fs::remove(out / "list");
  REQUIRE(write_file(out / "tree/stray", "x").has_value());
  CHECK(push({{"a", "1"}}).written == 1);
  CHECK_FALSE(fs::exists(out / "tree/stray"));
}

TEST_CASE_FIXTURE(Fixture, "a kept tree that somebody emptied is made anew") {
  push({{"d/a", "1"}, {"b", "1"}});
  fs::remove_all(out / "tree");
  push({{"d/a", "2"}, {"b", "1"}});
  CHECK(*read_file(out / "tree/d/a") == "2");
  CHECK(*read_file(out / "tree/b") == "1");
}

TEST_CASE_FIXTURE(Fixture, "objects that a push holds in quarantine are found") {
  const auto commit = repository.commit({{"a", "quarantined"}});
  const fs::path quarantine = directory.path() / "quarantine";
  fs::rename(repository.path() / "objects", quarantine);
  fs::create_directories(repository.path() / "objects");
  const GitSource source{
      .repository = repository.path(), .commit = *commit, .extra_object_directory = quarantine};
  fs::create_directories(out);
  const auto tree = export_source(source, out, ::geteuid(), ::getegid());
  REQUIRE_MESSAGE(tree.has_value(), tree.error().message);
  CHECK(*source_tree_id(source) == tree->tree);
  CHECK(*read_file(out / "tree/a") == "quarantined");
}

TEST_CASE_FIXTURE(Fixture, "a directory of the commit can be the whole app") {
  const auto commit = repository.commit({{"Procfile", "web: a"}, {"apps/api/Procfile", "web: b"}});
  GitSource source{
      .repository = repository.path(), .commit = *commit, .directory = "apps/api"};
  fs::create_directories(out);
  const auto tree = export_source(source, out, ::geteuid(), ::getegid());
  REQUIRE_MESSAGE(tree.has_value(), tree.error().message);
  CHECK(*source_tree_id(source) == tree->tree);
  CHECK(**read_source_file(source, "Procfile") == "web: b");
  CHECK(*read_file(out / "tree/Procfile") == "web: b");
  CHECK_FALSE(fs::exists(out / "tree/apps"));
  for (const char* wrong : {"apps/web", "Procfile", "../apps"}) {
    source.directory = wrong;
    CHECK(source_tree_id(source).error().message ==
          "the commit has no directory " + source.directory +
              ", which PROJECT_PATH names: correct the config var");
  }
}

TEST_CASE_FIXTURE(Fixture, "a submodule is an empty directory and a note") {
  const SourceTree tree = push({{"a", "x"}, {"vendor/lib", {std::string(40, '1'), "160000"}}});
  CHECK(fs::is_empty(out / "tree/vendor/lib"));
  REQUIRE(tree.notes.size() == 1);
  CHECK(tree.notes[0].starts_with("The submodule vendor/lib is left empty"));
}

TEST_CASE_FIXTURE(Fixture, "names that leave the tree or are git's own are refused") {
  for (const char* name : {"..", ".", ".git", ".GIT", "a/b"})
    CHECK(refused(literal_commit(blob_entry("100644", name)))
              .find("the commit holds an entry named") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "limits on a file, all files and their number are refused by name") {
  limits = {.file_bytes = 1000, .total_bytes = 1500, .files = 3};
  CHECK(refused(*repository.commit({{"static/big.bin", std::string(1001, 'x')}}))
            .starts_with("static/big.bin has 1.0 kB; a file of a push may have 1.0 kB. Remove it"));
  CHECK(refused(*repository.commit({{"a", std::string(900, 'x')}, {"b", std::string(900, 'x')}}))
            .find("together") != std::string::npos);
  CHECK(refused(*repository.commit({{"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}}))
            .find("more than 3 files") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "an empty commit, an unknown commit and a wrong id are errors") {
  CHECK(refused(*repository.commit({})) == "the commit is empty: there are no files to build");
  CHECK(refused(std::string(40, '0')).find("is not in the repository") != std::string::npos);
  CHECK(refused("main").find("is not a commit id") != std::string::npos);
}
