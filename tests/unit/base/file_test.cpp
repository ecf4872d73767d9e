// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

namespace berth {
namespace {

namespace fs = std::filesystem;

struct Directory {
  TempDir directory = TempDir::create(fs::temp_directory_path()).value();
  [[nodiscard]] fs::path operator/(const char* name) const { return directory.path() / name; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory.path()), {}));
  }
};

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE("what is written atomically is read back, byte for byte, and nothing else is left") {
  Directory directory;
  const std::string content("a\0b\n\xff", 5);
  REQUIRE_FALSE(write_file_atomic(directory / "file", content, 0640).has_error());
  CHECK(*read_file(directory / "file") == content);
  CHECK(mode_of(directory / "file") == 0640);
  REQUIRE_FALSE(write_file_atomic(directory / "file", "new").has_error());
  CHECK(*read_file(directory / "file") == "new");
  CHECK(mode_of(directory / "file") == 0644);
  CHECK(directory.entries() == 1);
}

TEST_CASE("an atomic write that fails leaves the old file and no other, and names the path") {
  Directory directory;
  REQUIRE_FALSE(make_directories(directory / "target/child").has_error());
  const auto written = write_file_atomic(directory / "target", "new");
  REQUIRE(written.has_error());
  CHECK(written.error().message.find((directory / "target").string()) != std::string::npos);
  CHECK(fs::is_directory(directory / "target/child"));
  CHECK(directory.entries() == 1);
  CHECK(write_file_atomic(directory / "missing/file", "x").error().kind == ErrorKind::not_found);
}

TEST_CASE("an atomic write replaces a symbolic link, not what it points at") {
  Directory directory;
  REQUIRE_FALSE(write_file(directory / "victim", "old").has_error());
  fs::create_symlink("victim", directory / "link");
  REQUIRE_FALSE(write_file_atomic(directory / "link", "new").has_error());
  CHECK(*read_file(directory / "victim") == "old");
  CHECK_FALSE(fs::is_symlink(directory / "link"));
}

TEST_CASE("a relative path without a folder is written in the current one") {
  Directory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.directory.path());
  const auto written = write_file_atomic("file", "x");
  fs::current_path(before);
  CHECK_FALSE(written.has_error());
  CHECK(*read_file(directory / "file") == "x");
}

TEST_CASE("reading has a limit, and says what is missing") {
  Directory directory;
  REQUIRE_FALSE(write_file(directory / "file", std::string(100'000, 'x')).has_error());
  CHECK(read_file(directory / "file", 100'000)->size() == 100'000);
  const auto large = read_file(directory / "file", 99'999);
  REQUIRE(large.has_error());
  CHECK(large.error().kind == ErrorKind::limit);
  const auto missing = read_file(directory / "nothing");
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().message ==
        "open " + (directory / "nothing").string() + ": No such file or directory");
  CHECK(read_file(directory.directory.path()).has_error());
}

TEST_CASE("write_file truncates what was there") {
  Directory directory;
  REQUIRE_FALSE(write_file(directory / "file", "long content").has_error());
  REQUIRE_FALSE(write_file(directory / "file", "short").has_error());
  CHECK(*read_file(directory / "file") == "short");
}

TEST_CASE("a tree is removed without following its links; what is not there is removed too") {
  Directory directory;
  REQUIRE_FALSE(make_directories(directory / "tree/a/b").has_error());
  REQUIRE_FALSE(write_file(directory / "kept", "x").has_error());
  fs::create_symlink("../../kept", directory / "tree/a/link");
  fs::create_directory_symlink("../..", directory / "tree/a/up");
  CHECK_FALSE(remove_tree(directory / "tree").has_error());
  CHECK_FALSE(fs::exists(directory / "tree"));
  CHECK(*read_file(directory / "kept") == "x");
  CHECK_FALSE(remove_tree(directory / "tree").has_error());
}

TEST_CASE("directories are made with their parents; a file in the way is an error") {
  Directory directory;
  CHECK_FALSE(make_directories(directory / "a/b/c").has_error());
  CHECK_FALSE(make_directories(directory / "a/b/c").has_error());
  REQUIRE_FALSE(write_file(directory / "file", "x").has_error());
  CHECK(make_directories(directory / "file/child").has_error());
}

TEST_CASE("a temporary directory goes with its owner, and only then") {
  fs::path path;
  {
    auto first = TempDir::create(fs::temp_directory_path(), "berth-test-");
    REQUIRE(first.has_value());
    path = first->path();
    CHECK(path.filename().string().starts_with("berth-test-"));
    CHECK(mode_of(path) == 0700);
    REQUIRE_FALSE(write_file(path / "file", "x").has_error());
    const TempDir moved = std::move(*first);
    CHECK(fs::exists(moved.path()));
  }
  CHECK_FALSE(fs::exists(path));
  CHECK(TempDir::create("/nonexistent").has_error());
}

TEST_CASE("descriptors are not inherited") {
  auto fd = open_file("/dev/null", O_RDONLY);
  REQUIRE(fd.has_value());
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

}  // namespace
}  // namespace berth
