// SPDX-License-Identifier: Apache-2.0
//
// The command line and a real git: remotes, and the credential helper as git itself calls it.
#include "cli/git.hpp"

#include "base/child_process.hpp"
#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

constexpr const char* hello_app =
    R"({"name":"hello","web_url":"http://hello.localhost:8080",)"
    R"("git_url":"http://git.localhost:8080/hello.git"})";

struct GitFixture : Fixture {
  std::map<std::string, std::string> git_environment;

  GitFixture() {
    // Nothing of the machine's own git configuration may answer in our place.
    git_environment = {{"HOME", directory.path() / "home"},
                       {"XDG_CONFIG_HOME", directory.path() / "home" / ".config"},
                       {"GIT_CONFIG_NOSYSTEM", "1"},
                       {"GIT_TERMINAL_PROMPT", "0"},
                       {"BERTH_URL", ""},
                       {"BERTH_TOKEN", ""},
                       {"BERTH_APP", ""}};
    environment.directory = directory.path() / "repository";
    REQUIRE(make_directories(environment.directory).has_value());
    git({"init", "--quiet", "--initial-branch=main"});
    server.on("POST /apps", Answer{.status = 201, .body = hello_app});
    server.json("GET /apps/hello", hello_app);
    server.json("GET /account", R"({"email":"me@example.com"})");
  }

  std::string git(std::vector<std::string> words, std::string input = {}) {
    words.insert(words.begin(), {"git", "-C", environment.directory.string()});
    const auto output =
        run_program({.argv = std::move(words), .env = git_environment}, std::move(input));
    REQUIRE(output.has_value());
    return output->out;
  }

  void log_in() {
    environment.variables.erase("BERTH_URL");
    environment.variables.erase("BERTH_TOKEN");
    REQUIRE(run({"login", "--token", "good", "--url", server.url()}) == 0);
  }
};

}  // namespace

TEST_CASE_FIXTURE(GitFixture, "create adds the remote, the helper and the next step") {
  log_in();
  CHECK(run({"create", "hello"}) == 0);
  CHECK(printed() == "Created hello\n  http://hello.localhost:8080\n");
  CHECK_CONTAINS(noted(), "git remote \"berth\" is http://git.localhost:8080/hello.git");
  CHECK_CONTAINS(noted(), "→ Next: git push berth main");
  CHECK(server.last("POST /apps").body == R"({"name":"hello"})");
  CHECK(git({"remote", "get-url", "berth"}) == "http://git.localhost:8080/hello.git\n");
  CHECK(git({"config", "--get-all", "credential.http://git.localhost:8080.helper"}) ==
        "\n!'/opt/berth'\\''s own/berth' git:credentials\n");
  CHECK(run({"info"}) == 0);
  CHECK_CONTAINS(printed(), "hello\n");
}

TEST_CASE_FIXTURE(GitFixture, "create leaves a remote that is there, git:remote moves it") {
  git({"remote", "add", "berth", "http://git.localhost:8080/other.git"});
  CHECK(run({"create"}) == 0);
  CHECK(server.last("POST /apps").body == "{}");
  CHECK_CONTAINS(noted(), "was left so.\n→ Next: berth git:remote -a hello, to point it here");
  CHECK(git({"remote", "get-url", "berth"}) == "http://git.localhost:8080/other.git\n");
  CHECK(run({"git:remote", "-a", "hello"}) == 0);
  CHECK(git({"remote", "get-url", "berth"}) == "http://git.localhost:8080/hello.git\n");
  CHECK(run({"git:remote", "-a", "hello"}) == 0);
  CHECK(git({"config", "--get-all", "credential.http://git.localhost:8080.helper"}) ==
        "\n!'/opt/berth'\\''s own/berth' git:credentials\n");
}

TEST_CASE_FIXTURE(GitFixture, "create outside a repository or with --no-remote touches no git") {
  CHECK(run({"create", "hello", "--no-remote"}) == 0);
  CHECK(git({"remote"}) == "");
  environment.directory = directory.path();
  CHECK(run({"create", "hello"}) == 0);
  CHECK_CONTAINS(noted(), "→ Next: berth git:remote -a hello, in your repository");
  CHECK(run({"git:remote", "-a", "hello"}) == 1);
  CHECK_CONTAINS(noted(), "not in a git repository");
}

TEST_CASE_FIXTURE(GitFixture, "another branch than main is pushed as main") {
  git({"checkout", "--quiet", "-b", "feature"});
  CHECK(run({"create", "hello"}) == 0);
  CHECK_CONTAINS(noted(), "→ Next: git push berth HEAD:main");
}

TEST_CASE_FIXTURE(GitFixture, "git gets the token from the helper, wherever the program lies") {
  log_in();
  const auto odd = directory.path() / "it's a $(touch pwned) place";
  REQUIRE(make_directories(odd).has_value());
  environment.executable = odd / "berth";
  std::filesystem::copy_file(std::string(BERTH_BINARY_DIR) + "/berth_cli_program",
                             environment.executable);
  CHECK(run({"create", "hello"}) == 0);
  CHECK(git({"credential", "fill"}, "protocol=http\nhost=git.localhost:8080\n\n") ==
        "protocol=http\nhost=git.localhost:8080\nusername=berth\npassword=good\n");
  CHECK(!std::filesystem::exists(environment.directory / "pwned"));
  // What git does after a success and after a refusal.
  git({"credential", "approve"},
      "protocol=http\nhost=git.localhost:8080\nusername=berth\npassword=good\n\n");
  git({"credential", "reject"},
      "protocol=http\nhost=git.localhost:8080\nusername=berth\npassword=good\n\n");
  CHECK(run({"whoami"}) == 0);
}

TEST_CASE_FIXTURE(GitFixture,
                  "the helper gives the token to the platform's hosts and to no other") {
  log_in();
  REQUIRE(run({"create", "hello"}) == 0);
  const auto answer = [&](const std::string& protocol, const std::string& host,
                          const std::string& operation) {
    console.typed = {"protocol=" + protocol, "host=" + host, ""};
    CHECK(run({"git:credentials", operation}) == 0);
    return printed();
  };
  CHECK(answer("http", "git.localhost:8080", "get") == "username=berth\npassword=good\n");
  CHECK(answer("http", server.url().substr(7), "get") == "username=berth\npassword=good\n");
  CHECK(answer("http", "git.localhost:8081", "get") == "");
  CHECK(answer("https", "git.localhost:8080", "get") == "");
  CHECK(answer("http", "evil.example.com", "get") == "");
  CHECK(answer("http", "git.localhost:8080", "store") == "");
  console.typed = {"protocol=http", "host=git.localhost:8080", "password=good", ""};
  CHECK(run({"git:credentials", "erase"}) == 0);
  CHECK_CONTAINS(noted(), "did not accept your token.\n→ Try: berth login");
  // Where there is no context, as in CI, the environment's token is meant.
  REQUIRE(run({"logout"}) == 0);
  CHECK(answer("http", "git.localhost:8080", "get") == "");
  environment.variables["BERTH_TOKEN"] = "ci";
  CHECK(answer("http", "git.localhost:8080", "get") == "username=berth\npassword=ci\n");
}

TEST_CASE_FIXTURE(GitFixture, "the remote's address says which of two platforms is meant") {
  log_in();
  REQUIRE(run({"create", "hello"}) == 0);
  FakeServer other;
  other.json("GET /account", R"({"email":"other@example.com"})");
  REQUIRE(run({"login", "--token", "other", "--url", other.url(), "--context", "other"}) == 0);
  CHECK(run({"info"}) == 0);
  CHECK(server.last("GET /apps/hello").headers.at("authorization") == "Bearer good");
  // Named by hand, it is the app of the context in use.
  CHECK(run({"info", "-a", "hello"}) == 1);
  CHECK(other.last("GET /apps/hello").headers.at("authorization") == "Bearer other");
}

TEST_CASE_FIXTURE(GitFixture, "renaming an app moves the remote that pointed at it") {
  log_in();
  REQUIRE(run({"create", "hello"}) == 0);
  server.json(
      "PATCH /apps/hello",
      R"({"name":"hallo","web_url":"http://hallo.localhost:8080",)"
      R"("git_url":"http://git.localhost:8080/hallo.git"})");
  CHECK(run({"rename", "hallo"}) == 0);
  CHECK(git({"remote", "get-url", "berth"}) == "http://git.localhost:8080/hallo.git\n");
}
