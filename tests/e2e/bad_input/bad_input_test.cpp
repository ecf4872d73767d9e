// SPDX-License-Identifier: Apache-2.0
//
// What users get wrong: each is told what happened, why and what to do, and loses nothing.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <regex>
#include <thread>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

using namespace std::chrono_literals;

/// Small limits, so that each is reached in seconds.
Platform& strict_platform() {
  static Platform berth(
      "build:\n  timeout: 60s\n  memory: 512MiB\n  pids: 400\n  disk: 1GiB\n"
      "git:\n  max_push: 64MiB\n");
  return berth;
}

/// Pushes the sample to a new app; the push must fail, name one of the
/// reasons, and leave no release.
void check_refused(std::string_view sample, const std::vector<std::string>& reasons) {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const std::string app = std::string(sample).substr(0, 30);
  const auto repository = berth.repository(sample);
  berth.must({"create", app}, repository);
  const Output pushed = berth.push(repository);
  CHECK_FALSE(pushed.status.success());
  for (const std::string& reason : reasons)
    CHECK_MESSAGE(std::regex_search(pushed.err, std::regex(reason)), "no /" << reason << "/ in:\n"
                                                                            << pushed.err);
  CHECK_MESSAGE(pushed.err.find("pre-receive hook declined") != std::string::npos, pushed.err);
  CHECK(berth.get("hello-good").status == 200);
  berth.destroy(app);
}

TEST_CASE("an app that serves goes on while others fail") {
  NEEDS_PLATFORM();
  strict_platform().deploy("static-site", "hello-good");
  CHECK(strict_platform().get("hello-good").status == 200);
}

TEST_CASE("an app that detects as nothing is told what was looked for") {
  check_refused("nothing-detected", {"package\\.json", "requirements\\.txt", "index\\.html"});
}
TEST_CASE("a lockfile out of step with its manifest is told how to mend it") {
  check_refused("lockfile-out-of-step", {"package-lock\\.json", "npm install"});
}
TEST_CASE("a dependency that does not exist is named") {
  check_refused("missing-dependency", {"berth-test-no-such-package"});
}
TEST_CASE("a build that runs out of memory is told the limit") {
  check_refused("memory-hog-build", {"out of memory|memory limit", "512 ?MiB"});
}
TEST_CASE("a build that fills its disk is told the limit") {
  check_refused("disk-filler-build", {"disk", "1024 ?MiB|1 ?GiB|1\\.0 ?GiB"});
}
TEST_CASE("a build that forks without end is stopped at the limit") {
  check_refused("fork-bomb-build", {"400", "process"});
}
TEST_CASE("a build that takes too long is stopped at the limit") {
  check_refused("slow-build", {"60 ?s|1 ?min"});
}
TEST_CASE("a process that exits at once fails the release with its exit status") {
  check_refused("exits-at-once",
                {"Release v1 failed: web\\.1 exited with status 3", "Nothing is serving yet"});
}
TEST_CASE("a process that listens on 127.0.0.1 only is told so") {
  check_refused("loopback-only", {"127\\.0\\.0\\.1", "0\\.0\\.0\\.0"});
}
TEST_CASE("a Procfile with a broken line is refused before anything is built, with the line") {
  check_refused("broken-procfile", {"Procfile", "line \\d+"});
}

TEST_CASE("a process that never opens its port fails the release in the boot time") {
  NEEDS_PLATFORM();
  Platform berth("", "  boot_timeout: 4s\n");
  const auto path = berth.repository("never-listens");
  berth.must({"create", "silent"}, path);
  const Output pushed = berth.push(path);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(std::regex_search(pushed.err, std::regex("\\$?PORT.*4 s|4 s.*\\$?PORT")),
                pushed.err);
}

TEST_CASE("an app name with ../, spaces or 200 characters is refused with the rule") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  for (const std::string& name :
       {std::string("../etc"), std::string("a b"), std::string(200, 'a'), std::string("UPPER")}) {
    const Output output = berth.cli({"create", "--no-remote", "--", name});
    CHECK_FALSE(output.status.success());
    CHECK_MESSAGE(
        output.err.find("lower-case letters, digits and single dashes") != std::string::npos,
        output.err);
  }
}

TEST_CASE("a push of an empty repository says that there is nothing to push") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto path = berth.repository("static-site");
  berth.must({"create", "void"}, path);
  std::filesystem::remove_all(path / ".git" / "refs" / "heads");
  std::filesystem::create_directories(path / ".git" / "refs" / "heads");
  const Output pushed = berth.push(path);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("HEAD") != std::string::npos, pushed.err);
  berth.destroy("void");
}

TEST_CASE("a branch that is not deployed is kept, and the pusher is told how to deploy it") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto path = berth.repository("static-site");
  berth.must({"create", "branchy"}, path);
  const Output pushed = berth.git(path, {"push", "berth", "HEAD:feature"});
  CHECK(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("git push berth feature:main") != std::string::npos, pushed.err);
  CHECK(berth.json_of({"releases", "-a", "branchy"}).as_array().empty());
  berth.destroy("branchy");
}

TEST_CASE("a push over the size limit is refused with the limit") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto path = berth.repository("static-site");
  berth.must({"create", "heavy"}, path);
  {
    // Random bytes: git cannot pack them smaller.
    const auto random = open_file("/dev/urandom", O_RDONLY);
    const auto blob = open_file(path / "blob", O_WRONLY | O_CREAT);
    std::string chunk(1 << 20, '\0');
    for (int i = 0; i < 300; ++i) {
      REQUIRE(::read(random->get(), chunk.data(), chunk.size()) ==
              static_cast<ssize_t>(chunk.size()));
      REQUIRE_FALSE(write_all(blob->get(), chunk).has_error());
    }
  }
  berth.commit(path, "300 MB");
  const Output pushed = berth.push(path);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(std::regex_search(pushed.err, std::regex("64(\\.00)? MiB")), pushed.err);
  berth.destroy("heavy");
}

TEST_CASE("a newer push ends the one that is building; the same commit again is refused") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto path = berth.repository("slow-build");
  berth.must({"create", "twice"}, path);
  Output first;
  std::thread pusher([&] { first = berth.push(path); });
  CHECK(
      eventually([&] { return berth.json_of({"builds", "-a", "twice"}).as_array().size() == 1; }));
  const Output same = berth.push(path);
  CHECK_FALSE(same.status.success());
  CHECK_MESSAGE(same.err.find("another push is deploying the same commit") != std::string::npos,
                same.err);
  // A build that ends, of a newer commit.
  CHECK_FALSE(write_file(path / "build.js", "console.log('quick');\n").has_error());
  CHECK_FALSE(write_file(path / "server.js", "require('http').createServer((q, r) => "
                                             "r.end('the newer')).listen(process.env.PORT);\n")
                  .has_error());
  berth.commit(path, "newer");
  const Output second = berth.push(path);
  pusher.join();
  CHECK_MESSAGE(second.status.success(), second.err);
  CHECK_FALSE(first.status.success());
  CHECK_MESSAGE(first.err.find("superseded by a newer push") != std::string::npos, first.err);
  CHECK(berth.get("twice").body == "the newer");
  const json::value builds = berth.json_of({"builds", "-a", "twice"});
  CHECK(builds.as_array()[1].at("status") == "failed");
  berth.destroy("twice");
}

TEST_CASE("a build is cancelled by its id, and its pusher is told by whom") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto path = berth.repository("slow-build");
  berth.must({"create", "unwanted"}, path);
  Output pushed;
  std::thread pusher([&] { pushed = berth.push(path); });
  CHECK(eventually(
      [&] { return berth.json_of({"builds", "-a", "unwanted"}).as_array().size() == 1; }));
  const Output cancelled = berth.cli({"builds:cancel", "-a", "unwanted"});
  pusher.join();
  CHECK_MESSAGE(cancelled.status.success(), cancelled.err);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("cancelled by admin") != std::string::npos, pushed.err);
  const Output again = berth.cli({"builds:cancel", "-a", "unwanted"});
  CHECK_FALSE(again.status.success());
  CHECK_MESSAGE(again.err.find("has ended") != std::string::npos, again.err);
  berth.destroy("unwanted");
}

TEST_CASE("a second server on the same data directory is refused and names the first") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  const auto second = run_program({.argv = {BERTH_BINARY_DIR "/berth", "server", "--data-dir",
                                            berth.data().string(), "--api-listen", "127.0.0.1:1"}});
  REQUIRE(second.has_value());
  CHECK_FALSE(second->status.success());
  CHECK_MESSAGE(second->err.find("another berth server (process ") != std::string::npos,
                second->err);
  CHECK(berth.get("hello-good").status == 200);
}

TEST_CASE("a port that is taken is named, with what to do") {
  NEEDS_PLATFORM();
  Platform& berth = strict_platform();
  auto directory = TempDir::create(BERTH_BINARY_DIR);
  const auto taken = "127.0.0.1:" + std::to_string(berth.api_port());
  const auto second = run_program({.argv = {BERTH_BINARY_DIR "/berth", "server", "--data-dir",
                                            directory->path().string(), "--api-listen", taken}});
  REQUIRE(second.has_value());
  CHECK_FALSE(second->status.success());
  CHECK_MESSAGE(second->err.find(std::to_string(berth.api_port())) != std::string::npos,
                second->err);
  CHECK_MESSAGE(second->err.find("is taken") != std::string::npos, second->err);
}

TEST_CASE("a user who is not root is told why root is needed") {
  NEEDS_PLATFORM();
  const auto output =
      run_program({.argv = {"setpriv", "--reuid=65534", "--clear-groups", BERTH_BINARY_DIR "/berth",
                            "server", "--data-dir", "/tmp/berth-test-unprivileged"}});
  REQUIRE(output.has_value());
  CHECK_FALSE(output->status.success());
  CHECK_MESSAGE(output->err.find("must run as root") != std::string::npos, output->err);
}

TEST_CASE("on a disk that is nearly full a push is refused before it builds, and apps go on") {
  NEEDS_PLATFORM();
  // A floor above what any disk has: the same as a disk with too little free.
  Platform berth("min_free_disk: 4096TiB\n");
  const auto path = berth.repository("static-site");
  berth.must({"create", "full"}, path);
  const Output pushed = berth.push(path);
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("the disk is nearly full") != std::string::npos, pushed.err);
  CHECK(berth.json_of({"builds", "-a", "full"}).as_array().empty());
}

}  // namespace
}  // namespace berth::test
