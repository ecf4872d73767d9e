// SPDX-License-Identifier: Apache-2.0
#include "tests/support/platform.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/crypto.hpp"

namespace berth::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

const fs::path source_dir = BERTH_SOURCE_DIR;
const fs::path binary_dir = BERTH_BINARY_DIR;

std::map<std::string, std::string> environment(const fs::path& home) {
  return {{"HOME", home.string()},
          {"PATH", std::getenv("PATH") ? std::getenv("PATH") : "/usr/bin:/bin:/usr/sbin:/sbin"},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"GIT_AUTHOR_NAME", "Ada"},
          {"GIT_AUTHOR_EMAIL", "ada@example.com"},
          {"GIT_COMMITTER_NAME", "Ada"},
          {"GIT_COMMITTER_EMAIL", "ada@example.com"},
          {"NO_COLOR", "1"}};
}

Output run_checked(Command command, std::string input, std::chrono::milliseconds deadline) {
  const std::string name =
      command.argv.front() + " " + (command.argv.size() > 1 ? command.argv[1] : "");
  auto output = run_program(std::move(command), std::move(input), deadline);
  REQUIRE_MESSAGE(output.has_value(),
                  name << ": " << (output.has_error() ? output.error().message : ""));
  return std::move(*output);
}

/// The third byte of a subnet that no other platform has, of this test run or of another: replicas
/// of two would get each other's packets. tests/bench/platform_under_test.py takes the same locks.
int claim_subnet(Fd& lock) {
  constexpr int most = 128;  // the rest of the range is the engine's tests'
  const int first = std::stoi(random_hex(1), nullptr, 16);
  const auto taken = run_program({.argv = {"ip", "-4", "-oneline", "address"}});
  REQUIRE(taken.has_value());
  for (int i = 0; i < most; ++i) {
    const int subnet = (first + i) % most;
    auto file =
        open_file(fmt::format("/run/lock/berth-test-subnet-{}", subnet), O_RDWR | O_CREAT, 0600);
    REQUIRE(file.has_value());
    // Without the second condition a run that was killed would be in the way.
    if (::flock(file->get(), LOCK_EX | LOCK_NB) == 0 &&
        taken->out.find(fmt::format(" 198.19.{}.", subnet)) == std::string::npos) {
      lock = std::move(*file);
      return subnet;
    }
  }
  FAIL("no subnet is free");
  return -1;
}

}  // namespace

int free_port() {
  // Below those that the kernel gives to others' connections.
  for (;;) {
    const int port = 20'000 + std::stoi(random_hex(2), nullptr, 16) % 12'000;
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
      return port;
  }
}

std::optional<std::string> cannot_run_platform() {
  if (::geteuid() != 0) return "end-to-end tests need root";
  const char* stack = std::getenv("BERTH_STACK");
  if (!stack || !fs::exists(fs::path(stack) / "stack.json"))
    return "end-to-end tests need the stack image: BERTH_STACK names no directory made by "
           "buildpacks/stack/make-stack";
  return std::nullopt;
}

Platform::Platform(std::string_view extra_config, std::string_view runtime_config,
                   const fs::path& data) {
  const std::string id = random_hex(3);
  const int subnet = claim_subnet(subnet_);
  root_ = binary_dir / "e2e" / id;
  data_ = data.empty() ? root_ / "data" : data;
  config_ = root_ / "berth.yaml";
  stack_ = std::getenv("BERTH_STACK");
  bridge_ = "bt" + id;
  cgroup_ = "berth-test-" + id;
  api_port_ = free_port();
  router_port_ = free_port();
  https_port_ = free_port();
  REQUIRE_FALSE(make_directories(data_).has_error());
  REQUIRE_FALSE(make_directories(home()).has_error());
  config_text_ = fmt::format(
      "data_dir: {}\napi:\n  listen: 127.0.0.1:{}\nrouter:\n  listen: 127.0.0.1:{}\n"
      "  https: 127.0.0.1:{}\n  admin: \"\"\n"
      "  trusted_proxies: 127.0.0.3\n  proxy_protocol: 127.0.0.4\n"
      "network:\n  bridge: {}\n  subnet: 198.19.{}.0/24\nruntime:\n  cgroup: {}\n{}{}",
      data_.string(), api_port_, router_port_, https_port_, bridge_, subnet, cgroup_,
      runtime_config, extra_config);
  REQUIRE_FALSE(write_file(config_, config_text_).has_error());
  start_server();
  must({"login", "--token", token(), "--url", fmt::format("http://127.0.0.1:{}", api_port_)});
}

Platform::~Platform() {
  // No assertions here: no test case runs any more.
  if (server_) {
    (void)server_->signal(SIGTERM);
    (void)server_->wait_for(20s);
    server_.reset();
  }
  (void)run_program(
      {.argv = {(binary_dir / "berth").string(), "teardown", "--config", config_.string()}}, {},
      2min);
  if (!std::getenv("BERTH_TEST_KEEP")) (void)remove_tree(root_);
}

void Platform::set_config(std::string_view more) {
  REQUIRE_FALSE(write_file(config_, config_text_ + std::string(more)).has_error());
}

void Platform::change_config(std::string_view from, std::string_view to) {
  std::string text = config_text_;
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  REQUIRE_FALSE(write_file(config_, text.replace(at, from.size(), to)).has_error());
}

void Platform::start_server() {
  auto log = open_file(root_ / "server.log", O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(log.has_value());
  // As a service manager may have it.
  const mode_t before = ::umask(0077);
  auto server =
      ChildProcess::spawn({.argv = {(binary_dir / "berth").string(), "server", "--config",
                                    config_.string(), "--stack", stack_.string()},
                           .stdout_fd = log->get(),
                           .stderr_fd = log->get()});
  ::umask(before);
  REQUIRE(server.has_value());
  server_ = std::move(*server);
  const auto ended = [&] {
    const auto status = server_->wait_for(0ms);
    return status.has_error() || status->has_value();
  };
  bool gone = false;
  const bool up =
      eventually([&] { return (gone = ended()) || api("GET", "/health").status == 200; }, 180s) &&
      !gone;
  if (gone) server_.reset();
  REQUIRE_MESSAGE(up, "server did not start: " << *read_file(root_ / "server.log"));
}

void Platform::kill_server() {
  REQUIRE_FALSE(server_->signal(SIGKILL).has_error());
  REQUIRE(server_->wait().has_value());
  server_.reset();
}

void Platform::stop_server() {
  REQUIRE_FALSE(server_->signal(SIGTERM).has_error());
  const auto ended = server_->wait_for(20s);
  REQUIRE_MESSAGE((ended.has_value() && ended->has_value()), "the server did not stop within 20 s");
  CHECK((*ended)->describe() == "exit status 0");
  server_.reset();
}

pid_t Platform::router_pid() {
  const auto status = api("GET", "/status");
  if (status.status != 200) return -1;
  const auto parsed = parse_json_object(status.body);
  return static_cast<pid_t>(parsed->at("router").at("pid").to_number<int>());
}

void Platform::kill_router() {
  const pid_t router = router_pid();
  REQUIRE(router > 1);
  REQUIRE(::kill(router, SIGKILL) == 0);
}

Output Platform::cli(const std::vector<std::string>& arguments, std::string input,
                     fs::path directory) {
  std::vector<std::string> argv = {(binary_dir / "berth").string()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_checked({.argv = std::move(argv),
                      .env = environment(home()),
                      .clear_env = true,
                      .working_directory = directory.string()},
                     std::move(input), 5min);
}

std::string Platform::must(const std::vector<std::string>& arguments, fs::path directory) {
  const Output output = cli(arguments, {}, std::move(directory));
  REQUIRE_MESSAGE(output.status.success(),
                  "berth " << arguments.front() << ": " << output.status.describe() << "\n"
                           << output.out << output.err);
  return output.out;
}

json::value Platform::json_of(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  auto value = parse_json(must(arguments));
  REQUIRE_MESSAGE(value.has_value(), arguments.front() << " --json printed no JSON");
  return std::move(*value);
}

fs::path Platform::repository(std::string_view sample) {
  const fs::path path = root_ / "repositories" / std::to_string(repositories_++);
  REQUIRE_FALSE(make_directories(path.parent_path()).has_error());
  fs::copy(source_dir / "tests" / "apps" / sample, path,
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const Output made = git(path, {"init", "--quiet", "--initial-branch=main"});
  REQUIRE(made.status.success());
  commit(path, "first");
  return path;
}

Output Platform::git(const fs::path& repository, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  return run_checked({.argv = std::move(arguments),
                      .env = environment(home()),
                      .clear_env = true,
                      .working_directory = repository.string()}, {}, 15min);
}

void Platform::commit(const fs::path& repository, std::string_view message) {
  REQUIRE(git(repository, {"add", "--all", "--force"}).status.success());
  const Output done =
      git(repository, {"commit", "--quiet", "--allow-empty", "-m", std::string(message)});
  REQUIRE_MESSAGE(done.status.success(), done.err);
}

Output Platform::push(const fs::path& repository) {
  const std::vector<std::string> argv = {"push", "berth", "HEAD:main"};
  Output pushed = git(repository, argv);
  // Of a hundred builds that download, one meets a network that is away for a while.
  if (pushed.status.success() || pushed.err.find("could not be reached") == std::string::npos)
    return pushed;
  std::cerr << "pushed again, for the network was away:\n" << pushed.err << '\n';
  return git(repository, argv);
}

fs::path Platform::deploy(std::string_view sample, std::string_view app) {
  const fs::path path = repository(sample);
  must({"create", std::string(app)}, path);
  const Output pushed = push(path);
  REQUIRE_MESSAGE(pushed.status.success(), "push of " << sample << ":\n" << pushed.err);
  return path;
}

void Platform::destroy(std::string_view app) {
  must({"destroy", "-a", std::string(app), "--confirm", std::string(app)});
}

HttpResponse Platform::get(std::string_view app, std::string_view path,
                           std::chrono::milliseconds deadline) {
  auto response = http_request({.url = {.scheme = "http",
                                        .host = std::string(app) + ".localhost",
                                        .port = router_port_,
                                        .target = std::string(path)},
                                .deadline = deadline});
  if (response.has_error()) return {.status = 0, .headers = {}, .body = response.error().message};
  return std::move(*response);
}

HttpResponse Platform::api(std::string_view method, std::string_view path, std::string body) {
  auto response = http_request({.method = std::string(method),
                                .url = {.scheme = "http",
                                        .host = "127.0.0.1",
                                        .port = api_port_,
                                        .target = std::string(path)},
                                .headers = {{"Authorization", "Bearer " + token()}},
                                .body = std::move(body)});
  if (response.has_error()) return {.status = 0, .headers = {}, .body = response.error().message};
  return std::move(*response);
}

std::string Platform::token() const {
  const auto content = read_file(data_ / "keys" / "admin-token");
  if (content.has_error()) return "none yet";
  return content->substr(0, content->find('\n'));
}

}  // namespace berth::test
