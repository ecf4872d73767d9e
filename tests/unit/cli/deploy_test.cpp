// SPDX-License-Identifier: Apache-2.0
//
// Deploys without git, and the swap of a base, as a user runs them, against a server that answers
// as docs/api.md says.
#include "base/child_process.hpp"
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* succeeded =
    R"({"id":"b1","status":"succeeded","message":null,"release":{"id":"r1"}})";

struct DeployFixture : Fixture {
  DeployFixture() {
    server.on("POST /sources",
              Answer{.status = 201,
                     .body = R"({"source_blob":{"put_url":")" + server.url() +
                             R"(/uploads/abc","get_url":")" + server.url() + R"(/uploads/abc"}})"});
    server.json("PUT /uploads/abc", "{}");
    server.on("POST /apps/hello/builds",
              Answer{.status = 201, .body = R"({"id":"b1","status":"pending"})"});
    server.json("GET /apps/hello/builds/b1/output", "-----> Building\n-----> Image sha256:1\n");
    server.json("GET /apps/hello/builds/b1", succeeded);
    server.json("GET /apps/hello/releases/r1", R"({"id":"r1","version":4,"status":"succeeded"})");
    server.json("GET /apps/hello", R"({"name":"hello","web_url":"http://hello.localhost:8080/"})");
  }
  fs::path add(const std::string& name, const std::string& text) const {
    const fs::path path = directory.path() / name;
    fs::create_directories(path.parent_path());
    REQUIRE(write_file(path, text).has_value());
    return path;
  }
  /// What was uploaded, unpacked by somebody else's tar: names, one a line, sorted.
  std::string uploaded_names() const {
    const fs::path file = add("uploaded.tar.gz", server.last("PUT /uploads/abc").body);
    const auto listed = run_program({.argv = {"tar", "tzf", file.string()}});
    REQUIRE_MESSAGE(listed->status.success(), listed->err);
    std::vector<std::string> names;
    std::string name;
    for (const char c : listed->out)
      if (c == '\n') names.push_back(std::exchange(name, {}));
      else name += c;
    std::ranges::sort(names);
    std::string all;
    for (const auto& one : names) all += one + "\n";
    return all;
  }
  [[nodiscard]] json::value asked_for() const {
    return *parse_json(server.last("POST /apps/hello/builds").body);
  }
};

}  // namespace

TEST_CASE_FIXTURE(DeployFixture,
                  "a directory is packed without git and what it ignores, and built") {
  add("app/index.html", "<h1>hello</h1>");
  add("app/sub/page.html", "page");
  add("app/.git/config", "secret");
  add("app/.gitignore", "*.log\nnode_modules/\n");
  add("app/debug.log", "noise");
  add("app/node_modules/dep/index.js", "x");
  CHECK(run({"deploy", "--source", "app", "-a", "hello"}) == 0);
  CHECK_CONTAINS(noted(), "Packed 3 files, ");
  CHECK_CONTAINS(noted(), "; .gitignore left out 2 files or directories.\n");
  CHECK_CONTAINS(noted(), "Uploading ");
  CHECK_CONTAINS(noted(), "Release v4 of hello is live.\n");
  CHECK(printed() == "-----> Building\n-----> Image sha256:1\nhttp://hello.localhost:8080/\n");
  const std::string names = uploaded_names();
  CHECK_CONTAINS(names, "index.html\n");
  CHECK_CONTAINS(names, "sub/page.html\n");
  CHECK_CONTAINS(names, ".gitignore\n");
  for (const char* other : {".git/", "debug.log", "node_modules"})
    CHECK(names.find(other) == std::string::npos);
  CHECK(asked_for() ==
        json::value{{"source_blob", {{"url", server.url() + "/uploads/abc"}}}});
  // The place is a secret of its own: our token goes nowhere that a server names.
  CHECK_FALSE(server.last("PUT /uploads/abc").headers.contains("authorization"));
}

TEST_CASE_FIXTURE(DeployFixture, "without --source it is the directory that one is in") {
  add("app/index.html", "x");
  environment.directory = directory.path() / "app";
  CHECK(run({"deploy", "-a", "hello"}) == 0);
  CHECK_CONTAINS(uploaded_names(), "index.html\n");
}

TEST_CASE_FIXTURE(DeployFixture,
                  "an archive goes as it is, of source or of an image; a name alone") {
  add("app.tar.zst", "any bytes \x01");
  CHECK(run({"deploy", "--source", "app.tar.zst", "-a", "hello"}) == 0);
  CHECK(server.last("PUT /uploads/abc").body == "any bytes \x01");
  CHECK(asked_for().at("source_blob").is_object());
  CHECK(run({"deploy", "--archive", "app.tar.zst", "-a", "hello"}) == 0);
  CHECK(asked_for() == json::value{{"image", {{"archive", server.url() + "/uploads/abc"}}}});
  CHECK(server.count("PUT /uploads/abc") == 2);
  CHECK(run({"deploy", "--image", "nginx:1", "-a", "hello"}) == 0);
  CHECK(asked_for() == json::value{{"image", {{"reference", "nginx:1"}}}});
  CHECK(server.count("PUT /uploads/abc") == 2);
}

TEST_CASE_FIXTURE(DeployFixture, "what cannot be deployed is said before anything is sent") {
  fs::create_directories(directory.path() / "empty/.git");
  CHECK(run({"deploy", "--source", "empty", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "There is nothing to deploy in ");
  CHECK(run({"deploy", "--source", "none", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "There is no directory or archive ");
  CHECK(run({"deploy", "--archive", "empty", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "There is no file ");
  CHECK(run({"deploy", "--archive", "a", "--image", "b", "-a", "hello"}) == 2);
  CHECK_CONTAINS(noted(), "Give one of --source, --archive and --image.");
  CHECK(server.asked().empty());
}

TEST_CASE_FIXTURE(DeployFixture, "a refused upload or deploy shows the platform's reason") {
  add("app/index.html", "x");
  server.on("PUT /uploads/abc",
            Answer{.status = 413, .body = R"({"id":"request_too_large","message":"too large"})"});
  CHECK(run({"deploy", "--source", "app", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "too large");
  CHECK(server.count("POST /apps/hello/builds") == 0);
  server.json("PUT /uploads/abc", "{}");
  server.on("POST /apps/hello/builds",
            Answer{.status = 409, .body = R"({"id":"conflict","message":"the same commit"})"});
  CHECK(run({"deploy", "--source", "app", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "the same commit");
}

TEST_CASE_FIXTURE(DeployFixture, "a build or a release that fails is exit code 1 with the reason") {
  add("app/index.html", "x");
  const std::vector<std::string> deploy = {"deploy", "--source", "app", "-a", "hello"};
  server.json("GET /apps/hello/builds/b1",
              R"j({"id":"b1","status":"failed","message":"superseded by a push (1234567)"})j");
  CHECK(run(deploy) == 1);
  CHECK_CONTAINS(noted(), "Error: The deploy failed: superseded by a push (1234567).");
  CHECK_CONTAINS(printed(), "-----> Building\n");

  server.json("GET /apps/hello/builds/b1", succeeded);
  server.json("GET /apps/hello/releases/r1",
              R"({"id":"r1","version":4,"status":"failed","message":"web.1 exited"})");
  CHECK(run(deploy) == 1);
  CHECK_CONTAINS(noted(), "Release v4 failed: web.1 exited. The release before goes on.");

  server.json("GET /apps/hello/builds/b1", R"({"id":"b1","status":"pending"})");
  CHECK(run(deploy) == 1);
  CHECK_CONTAINS(noted(), "The build's log ended before the build did");
}

TEST_CASE_FIXTURE(DeployFixture, "it waits for the release, and for programs prints JSON alone") {
  add("app/index.html", "x");
  int asked = 0;
  server.on("GET /apps/hello/releases/r1", [&](const Asked&) {
    const char* status = ++asked < 4 ? "pending" : "succeeded";
    return Answer{.body = R"({"id":"r1","version":4,"status":")" + std::string(status) + "\"}"};
  });
  CHECK(run({"deploy", "--source", "app", "-a", "hello", "--json"}) == 0);
  CHECK(asked == 4);
  CHECK(printed() == R"({"line":"-----> Building"})"
                     "\n"
                     R"({"line":"-----> Image sha256:1"})"
                     "\n" +
                         std::string(succeeded) + "\n");
}

TEST_CASE_FIXTURE(DeployFixture,
                  "a base is swapped and the release awaited, or there is none newer") {
  server.json("GET /apps/hello", R"({"name":"hello","release":3})");
  server.on("POST /apps/hello/actions/upgrade-stack",
            Answer{.status = 201, .body = R"({"id":"r1","version":4,"status":"pending"})"});
  CHECK(run({"stack:upgrade", "-a", "hello"}) == 0);
  CHECK(noted() == "Release v4 of hello is live.\n");
  server.json("POST /apps/hello/actions/upgrade-stack", R"({"id":"r0","version":3})");
  CHECK(run({"stack:upgrade", "-a", "hello"}) == 0);
  CHECK(noted() == "hello is on the newest base already.\n");
  server.on("POST /apps/hello/actions/upgrade-stack",
            Answer{.status = 409, .body = R"({"id":"conflict","message":"not by buildpacks"})"});
  CHECK(run({"stack:upgrade", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "not by buildpacks");
}
