// SPDX-License-Identifier: Apache-2.0
//
// Deploys that are no pushes in the queue of builds: they wait their turn, and say so; they are
// cancelled, superseded and given up while they wait.
#include <filesystem>
#include <optional>
#include <thread>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The newest build of an app; null while it has none.
json::value newest_build(Platform& berth, const std::string& app) {
  const json::value builds = berth.json_of({"builds", "-a", app});
  return builds.as_array().empty() ? json::value() : builds.as_array()[0];
}

std::string log_of(Platform& berth, const std::string& app) {
  const json::value build = newest_build(berth, app);
  if (build.is_null()) return "";
  const std::string id(build.at("id").as_string());
  const auto text = read_file(berth.data() / "logs/builds" / (id + ".log"));
  return text.has_value() ? *text : "";
}

bool failed_with(Platform& berth, const std::string& app, const std::string& reason) {
  const json::value build = newest_build(berth, app);
  return !build.is_null() && build.at("status") == "failed" &&
         holds(std::string(build.at("message").as_string()), reason);
}

/// `berth deploy --source`, going on beside the test.
class Deploying final {
 public:
  Deploying(Platform& berth, const fs::path& source, const std::string& app)
      : thread_([this, &berth, source, app] {
          output_ = berth.cli({"deploy", "--source", source.string(), "-a", app});
        }) {}
  ~Deploying() {
    if (thread_.joinable()) thread_.join();
  }
  Output end() {
    thread_.join();
    return output_;
  }

 private:
  Output output_;
  std::thread thread_;
};

/// A static site whose page is `text`.
fs::path site(const TempDir& directory, const std::string& text) {
  const fs::path path = directory.path() / text;
  fs::create_directories(path);
  REQUIRE(write_file(path / "index.html", text).has_value());
  return path;
}

/// One whose build begins and does not end.
fs::path endless(const TempDir& directory) {
  const fs::path path = site(directory, "endless");
  REQUIRE(write_file(path / "project.toml",
                     "[_]\nschema-version = \"0.2\"\n[[io.buildpacks.pre.group]]\n"
                     "id = \"test/endless\"\n[io.buildpacks.pre.group.script]\napi = \"0.10\"\n"
                     "inline = \"echo it has begun; while true; do sleep 0.1; done\"\n")
              .has_value());
  return path;
}

/// Two apps, and a build of the first that keeps the second from its turn until free() is called.
struct BusyQueue {
  Platform& berth = platform();
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  std::optional<Deploying> first;

  BusyQueue() {
    for (const char* app : {"busy", "patient"}) berth.must({"create", app, "--no-remote"});
    first.emplace(berth, endless(directory), "busy");
    REQUIRE(eventually([&] { return holds(log_of(berth, "busy"), "it has begun"); }));
  }
  ~BusyQueue() {
    if (first) (void)berth.cli({"builds:cancel", "-a", "busy"});
    first.reset();
    for (const char* app : {"busy", "patient"}) berth.destroy(app);
  }
  void free() {
    berth.must({"builds:cancel", "-a", "busy"});
    const Output cancelled = first->end();
    first.reset();
    CHECK(cancelled.status.code == 1);
    CHECK_MESSAGE(holds(cancelled.err, "The deploy failed: cancelled by admin."), cancelled.err);
  }
  bool waits() {
    return eventually([&] {
      return newest_build(berth, "patient").is_object() &&
             newest_build(berth, "patient").at("status") == "pending" &&
             holds(log_of(berth, "patient"), "-----> Waiting for another app's build to end");
    });
  }
};

TEST_CASE("a deploy waits until another app's build has ended, says so, and is built") {
  NEEDS_PLATFORM();
  BusyQueue queue;
  Deploying second(queue.berth, site(queue.directory, "second"), "patient");
  REQUIRE(queue.waits());
  queue.free();
  const Output built = second.end();
  CHECK_MESSAGE(built.status.success(), built.err);
  CHECK(holds(built.out, "-----> Waiting for another app's build to end\n"));
  CHECK(holds(built.out, "-----> Image sha256:"));
  CHECK(queue.berth.get("patient").body == "second");
}

TEST_CASE("a deploy is cancelled while it waits, and what builds goes on") {
  NEEDS_PLATFORM();
  BusyQueue queue;
  Deploying second(queue.berth, site(queue.directory, "second"), "patient");
  REQUIRE(queue.waits());
  queue.berth.must({"builds:cancel", "-a", "patient"});
  const Output cancelled = second.end();
  CHECK(cancelled.status.code == 1);
  CHECK_MESSAGE(holds(cancelled.err, "The deploy failed: cancelled by admin."), cancelled.err);
  CHECK(failed_with(queue.berth, "patient", "cancelled by admin"));
  CHECK(queue.berth.json_of({"releases", "-a", "patient"}).as_array().empty());
  CHECK(newest_build(queue.berth, "busy").at("status") == "pending");
  queue.free();
}

TEST_CASE("a newer deploy takes the place of one that waits; the same source again is refused") {
  NEEDS_PLATFORM();
  BusyQueue queue;
  const fs::path older = site(queue.directory, "older");
  Deploying second(queue.berth, older, "patient");
  REQUIRE(queue.waits());
  const Output same = queue.berth.cli({"deploy", "--source", older.string(), "-a", "patient"});
  CHECK(same.status.code == 1);
  CHECK_MESSAGE(holds(same.err, "another push is deploying the same commit"), same.err);

  Deploying third(queue.berth, site(queue.directory, "newer"), "patient");
  const Output superseded = second.end();
  CHECK(superseded.status.code == 1);
  CHECK_MESSAGE(holds(superseded.err, "superseded by a newer push ("), superseded.err);
  REQUIRE(queue.waits());
  queue.free();
  const Output built = third.end();
  CHECK_MESSAGE(built.status.success(), built.err);
  CHECK(queue.berth.get("patient").body == "newer");
}

TEST_CASE("a newer deploy ends an older one of its app that builds, and is built after it") {
  NEEDS_PLATFORM();
  BusyQueue queue;
  Deploying second(queue.berth, site(queue.directory, "newer"), "busy");
  const Output superseded = queue.first->end();
  queue.first.reset();
  CHECK(superseded.status.code == 1);
  CHECK_MESSAGE(holds(superseded.err, "superseded by a newer push ("), superseded.err);
  const Output built = second.end();
  CHECK_MESSAGE(built.status.success(), built.err);
  CHECK(queue.berth.get("busy").body == "newer");
}

TEST_CASE("a push supersedes a deploy that waits, and waits itself") {
  NEEDS_PLATFORM();
  BusyQueue queue;
  Deploying second(queue.berth, site(queue.directory, "second"), "patient");
  REQUIRE(queue.waits());
  const fs::path path = queue.berth.repository("static-site");
  queue.berth.must({"git:remote", "-a", "patient"}, path);
  Output pushed;
  std::thread pusher([&] { pushed = queue.berth.push(path); });
  const Output superseded = second.end();
  CHECK_MESSAGE(holds(superseded.err, "superseded by a newer push ("), superseded.err);
  CHECK(eventually([&] {
    return queue.berth.json_of({"builds", "-a", "patient"}).as_array().size() == 2;
  }));
  queue.free();
  pusher.join();
  CHECK_MESSAGE(pushed.status.success(), pushed.err);
  CHECK_MESSAGE(holds(pushed.err, "Waiting for another app's build to end"), pushed.err);
  CHECK(queue.berth.get("patient").status == 200);
}

TEST_CASE("a deploy that waited for the whole queue timeout is given up with the reason") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.stop_server();
  berth.set_config("build:\n  queue_timeout: 2s\n");
  berth.start_server();
  BusyQueue queue;
  Deploying second(berth, site(queue.directory, "second"), "patient");
  const Output given_up = second.end();
  CHECK(given_up.status.code == 1);
  CHECK_MESSAGE(holds(given_up.err, "the push waited 2 seconds for other builds "
                                    "(build.queue_timeout). Push again later"),
                given_up.err);
  CHECK(failed_with(berth, "patient", "build.queue_timeout"));
  CHECK(newest_build(berth, "busy").at("status") == "pending");
  queue.free();
  const Output again =
      berth.cli({"deploy", "--source", site(queue.directory, "again").string(), "-a", "patient"});
  CHECK_MESSAGE(again.status.success(), again.err);
}

}  // namespace
}  // namespace berth::test
