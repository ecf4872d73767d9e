// SPDX-License-Identifier: Apache-2.0
// berth-git-hook under a real git push, against a server made of a few lines.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/unix_socket.hpp"
#include "tests/support/git_repository.hpp"

using namespace berth;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

std::string frame(char type, const std::string& data) {
  std::string result(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) result += static_cast<char>(data.size() >> shift);
  return result + data;
}

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  GitRepository server = *GitRepository::create(directory.path() / "app.git");
  GitRepository client = *GitRepository::create(directory.path() / "client.git");
  fs::path socket = directory.path() / "hook.sock";
  std::string commit = *client.commit({{"a", "x"}});
  json::object request;

  Fixture() {
    fs::create_symlink(fs::path(BERTH_BINARY_DIR) / "berth-git-hook", server.path() / "hooks/pre-receive");
  }
  /// Pushes while `answer` is what the server says to the request.
  Output push(const std::string& answer) {
    auto listening = listen_unix(socket);
    REQUIRE(listening.has_value());
    std::string line;
    std::thread served([&] {
      const Fd peer(::accept4(listening->get(), nullptr, nullptr, SOCK_CLOEXEC));
      char c = 0;
      while (::read(peer.get(), &c, 1) == 1 && c != '\n') line += c;
      static_cast<void>(write_all(peer.get(), answer));
    });
    const Output output = push_only();
    served.join();
    const auto parsed = parse_json_object(line);
    REQUIRE_MESSAGE(parsed.has_value(), line);
    request = *parsed;
    return output;
  }
  Output push_only() {
    auto output = run_program({.argv = {"git", "push", server.path().string(), "main"},
                               .env = {{"BERTH_HOOK_SOCKET", socket.string()}, {"BERTH_PUSH_ID", "p \"1\""}},
                               .working_directory = client.path().string()});
    REQUIRE(output.has_value());
    return *output;
  }
  bool arrived() { return server.git({"rev-parse", "--verify", "refs/heads/main"}).has_value(); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an accepted push shows the build's output and moves the branch") {
  const Output output = push(frame('o', "-----> Building\n") + frame('o', "       done\n") + frame('x', std::string(1, '\0')));
  CHECK_MESSAGE(output.status.success(), output.err);
  CHECK(output.err.find("remote: -----> Building") != std::string::npos);
  CHECK(output.err.find("remote:        done") != std::string::npos);
  CHECK(arrived());
  CHECK(request.at("push") == "p \"1\"");
  CHECK(request.at("repository") == server.path().c_str());
  CHECK(fs::path(request.at("quarantine").as_string().c_str()).is_absolute());
  REQUIRE(request.at("updates").as_array().size() == 1);
  CHECK(request.at("updates").at(0).at("old") == std::string(40, '0').c_str());
  CHECK(request.at("updates").at(0).at("new") == commit.c_str());
  CHECK(request.at("updates").at(0).at("ref") == "refs/heads/main");
}

TEST_CASE_FIXTURE(Fixture, "a refused push leaves the branch as it was") {
  const Output output = push(frame('o', "no package.json\n") + frame('x', "\1"));
  CHECK_FALSE(output.status.success());
  CHECK(output.err.find("remote: no package.json") != std::string::npos);
  CHECK(output.err.find("pre-receive hook declined") != std::string::npos);
  CHECK_FALSE(arrived());
}

TEST_CASE_FIXTURE(Fixture, "a server that goes away during the build refuses the push and says so") {
  for (const std::string& answer : {std::string(), frame('o', "half"), frame('o', "half").substr(0, 7), frame('x', "")}) {
    const Output output = push(answer);
    CHECK_FALSE(output.status.success());
    CHECK(output.err.find("the platform restarted during the build; push again") != std::string::npos);
    CHECK_FALSE(arrived());
  }
}

TEST_CASE_FIXTURE(Fixture, "without a server the push is refused and says so") {
  const Output output = push_only();
  CHECK_FALSE(output.status.success());
  CHECK(output.err.find("the platform is not running; push again when it is") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "large output passes whole, frames of unknown types are skipped") {
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "line " + std::to_string(i) + "\n";
  const Output output = push(frame('?', "later version") + frame('o', lines) + frame('x', std::string(1, '\0')));
  CHECK(output.status.success());
  CHECK(output.err.find("line 19999") != std::string::npos);
  CHECK(output.err.find("later version") == std::string::npos);
}
