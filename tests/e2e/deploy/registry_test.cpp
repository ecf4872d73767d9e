// SPDX-License-Identifier: Apache-2.0
//
// Images of a registry that the operator allows: a real registry on this machine, and one that
// never answers.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Debian's docker-registry, on a port of its own.
class Registry final {
 public:
  static std::optional<std::string> cannot_run() {
    for (const fs::path directory : {"/usr/bin", "/usr/local/bin"})
      if (fs::exists(directory / "docker-registry")) return std::nullopt;
    return "docker-registry is not installed";
  }

  Registry() {
    const fs::path config = directory_.path() / "config.yml";
    REQUIRE(write_file(config, fmt::format("version: 0.1\n"
                                           "log: {{accesslog: {{disabled: false}}}}\n"
                                           "storage: {{filesystem: {{rootdirectory: {}}}}}\n"
                                           "http: {{addr: \"127.0.0.1:{}\"}}\n",
                                           (directory_.path() / "data").string(), port_))
                .has_value());
    log_ = *open_file(directory_.path() / "log", O_WRONLY | O_CREAT);
    process_ = *ChildProcess::spawn({.argv = {"docker-registry", "serve", config.string()},
                                     .stdout_fd = log_.get(),
                                     .stderr_fd = log_.get()});
    REQUIRE(eventually([&] {
      const auto response = http_request({.url = *Url::parse("http://" + host() + "/v2/")});
      return response.has_value() && response->status == 200;
    }));
  }

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  /// How many blobs it was asked for.
  [[nodiscard]] int fetches() const {
    const std::string log = *read_file(directory_.path() / "log", 64 << 20);
    int count = 0;
    for (std::size_t at = 0; (at = log.find("\"GET /v2/", at)) != std::string::npos; ++at)
      count += holds(log.substr(at, log.find('\n', at) - at), "/blobs/sha256:") ? 1 : 0;
    return count;
  }

 private:
  TempDir directory_ = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  int port_ = free_port();
  Fd log_;
  std::optional<ChildProcess> process_;  ///< killed with its owner
};

/// Accepts connections and never says a word.
class SilentServer final {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(socket_.get(), generic, size) == 0);
    REQUIRE(::listen(socket_.get(), 16) == 0);
    REQUIRE(::getsockname(socket_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  Fd socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
};

/// How many processes have this among their arguments.
int processes_with(const std::string& argument) {
  int count = 0;
  std::error_code failure;
  for (fs::directory_iterator at("/proc", failure), end; !failure && at != end;
       at.increment(failure))
    if (const auto line = read_file(at->path() / "cmdline"); line.has_value())
      count += holds(*line, argument) ? 1 : 0;
  return count;
}

/// The shared platform with these registries, and a build that may take 5 s.
Platform& with_registries(const std::string& list) {
  Platform& berth = platform();
  berth.stop_server();
  berth.set_config("images:\n  registries: " + list + "\nbuild:\n  timeout: 5s\n");
  berth.start_server();
  return berth;
}

TEST_CASE("an image of a registry is deployed by its name, and again when its tag has moved") {
  NEEDS_PLATFORM();
  if (const auto why = Registry::cannot_run()) {
    MESSAGE("SKIP: " << *why);
    return;
  }
  const Registry registry;
  Platform& berth = with_registries("[\"http://" + registry.host() + "\"]");
  const fs::path path = berth.deploy("static-site", "origin");
  const std::string image = registry.host() + "/team/site:1";
  const auto publish = [&](int version) {
    const auto copied = run_program(
        {.argv = {"skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false",
                  fmt::format("oci:{}:origin:v{}", (berth.data() / "images").string(), version),
                  "docker://" + image}},
        {}, 5min);
    REQUIRE_MESSAGE(copied->status.success(), copied->err);
  };
  publish(1);
  berth.must({"create", "mirror", "--no-remote"});
  const Output first = berth.cli({"deploy", "--image", image, "-a", "mirror"});
  REQUIRE_MESSAGE(first.status.success(), (first.out + first.err));
  CHECK(holds(first.out, "-----> Importing the image " + image));
  CHECK(berth.get("mirror").body == berth.get("origin").body);
  CHECK(berth.json_of({"releases", "-a", "mirror"}).as_array()[0].at("description").as_string() ==
        "Deploy " + image);

  // A name without a host is asked for at the first registry.
  REQUIRE(write_file(path / "index.html", "<h1>moved</h1>").has_value());
  berth.commit(path, "moved");
  REQUIRE(berth.push(path).status.success());
  publish(2);
  const Output second = berth.cli({"deploy", "--image", "team/site:1", "-a", "mirror"});
  REQUIRE_MESSAGE(second.status.success(), (second.out + second.err));
  CHECK(berth.get("mirror").body == "<h1>moved</h1>");

  // What is here already is not fetched again.
  const int fetches = registry.fetches();
  CHECK(fetches > 0);
  REQUIRE(berth.cli({"deploy", "--image", image, "-a", "mirror"}).status.success());
  CHECK(registry.fetches() == fetches);
  CHECK(berth.get("mirror").body == "<h1>moved</h1>");

  const Output missing =
      berth.cli({"deploy", "--image", registry.host() + "/team/none:1", "-a", "mirror"});
  CHECK(missing.status.code == 1);
  CHECK_MESSAGE(holds(missing.err, "the registry did not give " + registry.host() + "/team/none:1"),
                missing.err);
  const Output foreign =
      berth.cli({"deploy", "--image", "elsewhere.example/team/site:1", "-a", "mirror"});
  CHECK_MESSAGE(holds(foreign.err, "elsewhere.example is not among those configured"), foreign.err);
  CHECK(berth.get("mirror").body == "<h1>moved</h1>");
  for (const char* app : {"origin", "mirror"}) berth.destroy(app);
}

TEST_CASE("a registry that never answers: the fetch ends when it is cancelled, or with the time") {
  NEEDS_PLATFORM();
  const SilentServer silent;
  Platform& berth = with_registries("[\"http://" + silent.host() + "\"]");
  berth.must({"create", "stuck", "--no-remote"});
  const std::string image = silent.host() + "/team/site:1";
  Output deployed;
  std::thread deploying(
      [&] { deployed = berth.cli({"deploy", "--image", image, "-a", "stuck"}); });
  const bool begun = eventually([&] { return processes_with("docker://" + image) == 1; });
  const Output cancelled = berth.cli({"builds:cancel", "-a", "stuck"});
  deploying.join();
  REQUIRE(begun);
  CHECK_MESSAGE(cancelled.status.success(), cancelled.err);
  CHECK(deployed.status.code == 1);
  CHECK_MESSAGE(holds(deployed.err, "The deploy failed: cancelled by admin."), deployed.err);
  CHECK(processes_with("docker://" + image) == 0);

  const Output late = berth.cli({"deploy", "--image", image, "-a", "stuck"});
  CHECK(late.status.code == 1);
  CHECK_MESSAGE(
      holds(late.err, "the registry did not give " + image + " within 5 seconds (build.timeout)"),
      late.err);
  CHECK(processes_with("docker://" + image) == 0);
  CHECK(fs::is_empty(berth.data() / "work"));
  berth.destroy("stuck");
}

}  // namespace
}  // namespace berth::test
