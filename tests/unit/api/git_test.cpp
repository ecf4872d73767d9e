// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <signal.h>

#include "api/inflate.hpp"
#include "base/crypto.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// The real git, with a home of its own and no question asked.
class Git final {
 public:
  explicit Git(ApiFixture& api)
      : api_(api),
        home_(TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value()) {}

  Output run(std::vector<std::string> arguments, std::string directory = "work") {
    std::vector<std::string> argv = {"git", "-c", "user.name=Ada", "-c",
                                     "user.email=ada@example.com"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto output = run_program({.argv = argv,
                               .env = {{"HOME", home_.path().string()},
                                       {"GIT_CONFIG_NOSYSTEM", "1"},
                                       {"GIT_TERMINAL_PROMPT", "0"},
                                       {"LC_ALL", "C"},
                                       {"PATH", std::getenv("PATH")}},
                               .clear_env = true,
                               .working_directory = (home_.path() / directory).string()});
    REQUIRE_MESSAGE(!output.has_error(), (output.has_error() ? output.error().message : ""));
    return std::move(*output);
  }

  void repository() {
    std::filesystem::create_directory(home_.path() / "work");
    REQUIRE(run({"init", "-q", "-b", "main"}).status.success());
  }
  void commit(const std::string& file, const std::string& content) {
    REQUIRE(!write_file(home_.path() / "work" / file, content).has_error());
    REQUIRE(run({"add", "-A"}).status.success());
    REQUIRE(run({"commit", "-q", "-m", "change " + file}).status.success());
  }
  [[nodiscard]] std::string url(std::string_view app) const { return url(app, api_.token); }
  [[nodiscard]] std::string url(std::string_view app, std::string_view password) const {
    return "http://x:" + std::string(password) + "@127.0.0.1:" + std::to_string(api_.port()) + "/" +
           std::string(app) + ".git";
  }
  [[nodiscard]] std::filesystem::path home() const { return home_.path(); }

 private:
  ApiFixture& api_;
  TempDir home_;
};

void hook(ApiFixture& api, const platform::App& app, const std::string& script) {
  const auto path = api.on_strand([&] { return api.control.repository(app).value(); });
  REQUIRE(!write_file(path / "hooks" / "pre-receive", "#!/bin/sh\n" + script, 0755).has_error());
}

/// Random, so that git cannot make it smaller.
std::string incompressible(std::size_t bytes) { return random_hex(bytes / 2); }

std::string gzip(const std::string& text) {
  const auto packed = run_program({.argv = {"gzip", "-c"}}, text);
  REQUIRE(!packed.has_error());
  return packed->out;
}

}  // namespace

TEST_CASE(
    "the real git pushes, with the ticket's environment in the hook, and clones what it pushed") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  api.on_strand([&] { api.control.push_env = {{"BERTH_PUSH", "ticket-7"}}; });
  hook(api, app, "read old new ref; echo \"push $BERTH_PUSH of $ref home=${HOME-none}\"\n");
  Git git(api);
  git.repository();
  git.commit("a.txt", "hello\n");
  const auto pushed = git.run({"push", git.url("hello"), "main"});
  CHECK_MESSAGE(pushed.status.success(), pushed.err);
  CHECK(pushed.err.find("remote: push ticket-7 of refs/heads/main home=none") != std::string::npos);
  CHECK(api.eventually([&] { return api.control.tickets == 0; }));
  const auto cloned = git.run({"clone", "-q", git.url("hello"), "copy"}, ".");
  CHECK_MESSAGE(cloned.status.success(), cloned.err);
  CHECK(read_file(git.home() / "copy" / "a.txt").value() == "hello\n");
  for (const char* version : {"0", "1", "2"})
    CHECK(git.run({"-c", std::string("protocol.version=") + version, "ls-remote", git.url("hello")})
              .out.find("refs/heads/main") != std::string::npos);
}

TEST_CASE("the hook's lines reach the pusher while it still runs") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  Git git(api);
  git.repository();
  git.commit("a.txt", "x");
  const auto gate = git.home() / "gate";
  hook(api, app,
       "echo building; while [ ! -e " + gate.string() + " ]; do sleep 0.05; done; echo done\n");
  Pipe err = make_pipe().value();
  auto child =
      ChildProcess::spawn({.argv = {"git", "push", git.url("hello"), "main"},
                           .env = {{"HOME", git.home().string()}, {"GIT_TERMINAL_PROMPT", "0"}},
                           .working_directory = (git.home() / "work").string(),
                           .stderr_fd = err.write.get()});
  REQUIRE(!child.has_error());
  err.write.reset();
  std::string seen;
  char buffer[4096];
  while (seen.find("remote: building") == std::string::npos) {
    const ssize_t count = ::read(err.read.get(), buffer, sizeof buffer);
    REQUIRE(count > 0);
    seen.append(buffer, static_cast<std::size_t>(count));
  }
  CHECK(seen.find("done") == std::string::npos);
  REQUIRE(!write_file(gate, "").has_error());
  for (ssize_t count = 1; count > 0;) {
    count = ::read(err.read.get(), buffer, sizeof buffer);
    if (count > 0) seen.append(buffer, static_cast<std::size_t>(count));
  }
  CHECK(seen.find("remote: done") != std::string::npos);
  CHECK(child->wait().value().success());
}

TEST_CASE("a push that the hook refuses fails and changes no ref") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  hook(api, app, "echo ' !     the build failed'; exit 1\n");
  Git git(api);
  git.repository();
  git.commit("a.txt", "x");
  const auto pushed = git.run({"push", git.url("hello"), "main"});
  CHECK_FALSE(pushed.status.success());
  CHECK(pushed.err.find("remote:  !     the build failed") != std::string::npos);
  CHECK(pushed.err.find("pre-receive hook declined") != std::string::npos);
  CHECK(git.run({"ls-remote", git.url("hello")}).out.empty());
}

TEST_CASE("a push that may not begin says why, also when it is a large one") {
  ApiFixture api;
  api.deployed_app("hello");
  api.on_strand([&] {
    api.control.push_failure = Error{
        ErrorKind::conflict, "another push to hello is being built; try again when it has ended"};
  });
  Git git(api);
  git.repository();
  git.commit("a.txt", "x");
  for (int i = 0; i < 2; ++i) {
    const auto pushed = git.run({"push", git.url("hello"), "main"});
    CHECK_FALSE(pushed.status.success());
    CHECK_MESSAGE(
        pushed.err.find("another push to hello is being built; try again when it has ended") !=
            std::string::npos,
        pushed.err);
    git.commit("b.bin", incompressible(3 << 20));
  }
}

TEST_CASE("a push of several MiB comes chunked, through git's probe, and arrives whole") {
  ApiFixture api;
  api.deployed_app("hello");
  Git git(api);
  git.repository();
  const std::string content = incompressible(8 << 20);
  git.commit("big.bin", content);
  const auto pushed = git.run({"push", git.url("hello"), "main"});
  CHECK_MESSAGE(pushed.status.success(), pushed.err);
  CHECK(git.run({"clone", "-q", git.url("hello"), "copy"}, ".").status.success());
  CHECK(read_file(git.home() / "copy" / "big.bin").value() == content);
}

TEST_CASE("a push over the limit is refused by its size, and the server goes on") {
  ApiFixture api([](api::Settings& settings) { settings.max_push_bytes = 1 << 20; });
  api.deployed_app("hello");
  Git git(api);
  git.repository();
  git.commit("big.bin", incompressible(12 << 20));
  const auto pushed = git.run({"push", git.url("hello"), "main"});
  CHECK_FALSE(pushed.status.success());
  CHECK_MESSAGE(pushed.err.find("pack exceeds maximum allowed size") != std::string::npos,
                pushed.err);
  CHECK(api.eventually([&] { return api.control.tickets == 0; }));
  CHECK(api.call("GET", "/apps").status == 200);
}

TEST_CASE("git is told of a wrong password, an unknown app and an empty push in words") {
  ApiFixture api;
  api.deployed_app("hello");
  Git git(api);
  git.repository();
  CHECK(
      git.run({"push", git.url("hello"), "main"}).err.find("src refspec main does not match any") !=
      std::string::npos);
  git.commit("a.txt", "x");
  CHECK(git.run({"push", git.url("hello", "wrong"), "main"}).err.find("Authentication failed") !=
        std::string::npos);
  const auto unknown = git.run({"push", git.url("nope"), "main"});
  CHECK_FALSE(unknown.status.success());
  CHECK_MESSAGE(unknown.err.find("remote: no app is named 'nope'. `berth apps` lists the apps") !=
                    std::string::npos,
                unknown.err);
  const auto empty = git.run({"clone", git.url("hello"), "copy"}, ".");
  CHECK(empty.status.success());
  CHECK(empty.err.find("empty repository") != std::string::npos);
}

TEST_CASE("without a token git's paths ask for Basic, and the dumb protocol is refused in text") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto asked = api.request("GET", "/hello.git/info/refs?service=git-receive-pack");
  CHECK(asked.status == 401);
  CHECK(asked.header("www-authenticate") == "Basic realm=\"Berth\"");
  CHECK(asked.header("content-type") == "text/plain; charset=utf-8");
  CHECK(api.call("GET", "/hello.git/info/refs").status == 403);
  CHECK(api.call("GET", "/hello.git/info/refs?service=git-daemon").status == 403);
  CHECK(api.call("POST", "/hello.git/git-upload-pack", "0000", {{"Content-Type", "text/plain"}})
            .status == 415);
  const auto on_git_host = api.call("GET", "/hello.git/info/refs?service=git-upload-pack", "",
                                    {{"Host", "git.localhost:8080"}});
  CHECK(on_git_host.status == 200);
  CHECK(on_git_host.header("content-type") == "application/x-git-upload-pack-advertisement");
}

TEST_CASE("a compressed request body is unpacked, a broken one is refused") {
  ApiFixture api;
  api.deployed_app("hello");
  Git git(api);
  git.repository();
  git.commit("a.txt", "x");
  REQUIRE(git.run({"push", git.url("hello"), "main"}).status.success());
  const Fields fields{{"Content-Type", "application/x-git-upload-pack-request"},
                      {"Content-Encoding", "gzip"},
                      {"Git-Protocol", "version=2"}};
  const std::string listing = "0014command=ls-refs\n0016object-format=sha100010000";
  const auto good = api.call("POST", "/hello.git/git-upload-pack", gzip(listing), fields);
  CHECK(good.status == 200);
  CHECK(good.body.find("refs/heads/main") != std::string::npos);
  CHECK(api.call("POST", "/hello.git/git-upload-pack", "this is not gzip", fields).status == 400);
  Fields other = fields;
  other["Content-Encoding"] = "br";
  CHECK(api.call("POST", "/hello.git/git-upload-pack", listing, other).status == 415);
}

TEST_CASE("a small gzip body cannot become a large one") {
  api::Inflater inflater(1 << 20);
  const auto result = inflater.add(gzip(std::string(8 << 20, 'a')));
  REQUIRE(result.has_error());
  CHECK(result.error().kind == ErrorKind::limit);
  api::Inflater cut(1 << 20);
  const std::string packed = gzip("hello");
  CHECK(cut.add(std::string_view(packed).substr(0, packed.size() - 4)).value() == "hello");
  CHECK(cut.finish().has_error());
  api::Inflater whole(1 << 20);
  std::string text;
  for (const char c : packed) text += whole.add(std::string_view(&c, 1)).value();
  CHECK(text == "hello");
  CHECK_FALSE(whole.finish().has_error());
}

TEST_CASE("when the pusher goes away, the hook is ended and the ticket is void") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  Git git(api);
  const auto trace = git.home() / "trace";
  hook(
      api, app,
      "echo building; trap 'echo ended > " + trace.string() + "; exit 1' TERM; sleep 300 & wait\n");
  git.repository();
  git.commit("a.txt", "x");
  auto child =
      ChildProcess::spawn({.argv = {"git", "push", git.url("hello"), "main"},
                           .env = {{"HOME", git.home().string()}, {"GIT_TERMINAL_PROMPT", "0"}},
                           .working_directory = (git.home() / "work").string(),
                           .stdout_fd = -1,
                           .stderr_fd = -1,
                           .new_session = true});
  REQUIRE(!child.has_error());
  CHECK(api.eventually([&] { return api.control.tickets == 1; }));
  ::kill(-child->pid(), SIGKILL);
  (void)child->wait();
  CHECK(api.eventually([&] { return api.control.tickets == 0; }));
}
