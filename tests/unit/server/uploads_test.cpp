// SPDX-License-Identifier: Apache-2.0
#include "server/uploads.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <limits>

#include "base/crypto.hpp"
#include "base/file.hpp"

namespace berth::server {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  Uploads uploads{directory.path(), 0};

  std::string upload(std::string_view content) {
    const std::string id = uploads.begin().value();
    REQUIRE(uploads.write(id, 0, content).has_value());
    REQUIRE(uploads.finish(id).has_value());
    return id;
  }
  [[nodiscard]] long files() const {
    return std::distance(fs::directory_iterator(directory.path()), {});
  }
  void age(std::chrono::minutes age) {
    for (const auto& entry : fs::directory_iterator(directory.path()))
      fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - age);
  }
};

TEST_CASE_FIXTURE(Fixture, "what is sent in pieces is found when all has come, and not before") {
  const std::string id = uploads.begin().value();
  CHECK(uploads.begin().value() != id);
  CHECK(uploads.write(id, 0, "hello ").has_value());
  CHECK(uploads.write(id, 6, "world").has_value());
  CHECK(uploads.find(id).error().kind == ErrorKind::not_found);
  CHECK(uploads.finish(id).has_value());
  const fs::path file = uploads.find(id).value();
  CHECK(*read_file(file) == "hello world");
  CHECK(uploads.checksum(id).value() == sha256_hex("hello world"));
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  uploads.remove(id);
  CHECK_FALSE(fs::exists(file));
  CHECK(uploads.find(id).has_error());
}

TEST_CASE_FIXTURE(Fixture, "a client that begins anew leaves nothing of its first attempt") {
  const std::string id = uploads.begin().value();
  CHECK(uploads.write(id, 0, "a longer first attempt").has_value());
  CHECK(uploads.write(id, 0, "second").has_value());
  CHECK(uploads.finish(id).has_value());
  CHECK(*read_file(uploads.find(id).value()) == "second");
}

TEST_CASE_FIXTURE(Fixture, "nothing is written to a place that was not given, or that is full") {
  const std::string outside = "../" + std::string(45, 'a');
  for (const std::string& id :
       {std::string(), std::string("x"), std::string(48, 'f'), std::string(48, 'F'), outside,
        std::string(47, 'a') + "/"}) {
    CHECK(uploads.write(id, 0, "x").error().kind == ErrorKind::not_found);
    CHECK(uploads.finish(id).error().kind == ErrorKind::not_found);
    CHECK(uploads.find(id).error().kind == ErrorKind::not_found);
    CHECK(uploads.checksum(id).error().kind == ErrorKind::not_found);
    uploads.remove(id);
  }
  CHECK(files() == 0);
  const std::string id = upload("all");
  CHECK(uploads.write(id, 3, " and more").has_error());  // it is whole: nobody adds to it
  CHECK(uploads.finish(id).has_error());
  CHECK(*read_file(uploads.find(id).value()) == "all");
}

TEST_CASE_FIXTURE(Fixture, "an upload is never written through a link") {
  const std::string id = uploads.begin().value();
  const fs::path victim = directory.path() / "victim";
  REQUIRE(write_file(victim, "mine").has_value());
  fs::remove(directory.path() / (id + ".part"));
  fs::create_symlink(victim, directory.path() / (id + ".part"));
  CHECK(uploads.write(id, 0, "theirs").has_error());
  CHECK(*read_file(victim) == "mine");
}

TEST_CASE_FIXTURE(Fixture, "an hour after they were last touched uploads go, whole or not") {
  const std::string whole = upload("whole");
  const std::string half = uploads.begin().value();
  age(std::chrono::minutes(59));
  (void)uploads.begin().value();
  CHECK(uploads.find(whole).has_value());
  CHECK(uploads.write(half, 0, "x").has_value());
  age(std::chrono::minutes(61));
  (void)uploads.begin().value();
  CHECK(uploads.find(whole).has_error());
  CHECK(uploads.write(half, 0, "x").has_error());
  CHECK(files() == 1);
}

TEST_CASE_FIXTURE(Fixture, "so many may wait to be used, and no more until some are old") {
  for (int i = 0; i < 64; ++i) REQUIRE(uploads.begin().has_value());
  const auto refused = uploads.begin();
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK(refused.error().message == "too many uploads wait to be used; try again in an hour");
  age(std::chrono::minutes(61));
  CHECK(uploads.begin().has_value());
}

TEST_CASE_FIXTURE(Fixture, "on a disk that is nearly full nothing is begun and nothing goes on") {
  const std::string id = uploads.begin().value();
  const Uploads full(directory.path(), std::numeric_limits<std::uint64_t>::max());
  CHECK(full.begin().error().message.find("the disk is nearly full") != std::string::npos);
  CHECK(full.write(id, 0, "x").error().message.find("the disk is nearly full") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a server's next life knows no uploads") {
  const std::string id = upload("x");
  uploads.clear();
  CHECK(files() == 0);
  CHECK(uploads.find(id).has_error());
}

}  // namespace
}  // namespace berth::server
