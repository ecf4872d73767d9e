// SPDX-License-Identifier: Apache-2.0
//
// The dashboard in Chromium on a real platform: starts the one, then runs dashboard.spec.ts against
// it, and kills and starts the server when the spec asks for it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const fs::path spec_dir = fs::path(BERTH_SOURCE_DIR) / "tests" / "e2e" / "dashboard";
const fs::path results_dir = fs::path(BERTH_BINARY_DIR) / "e2e" / "dashboard-results";
constexpr auto deadline = 10min;

std::optional<fs::path> program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, colon)) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  return std::nullopt;
}

fs::path chromium() {
  if (const char* given = std::getenv("BERTH_CHROMIUM")) return given;
  return program("chromium").value_or("");
}

/// Why the pages cannot be looked at here, or nothing.
std::optional<std::string> cannot_run_dashboard() {
  if (!program("npm")) return "there is no npm, so there is no dashboard (Debian: apt install npm)";
  if (!program("node")) return "there is no node";
  if (::access(chromium().c_str(), X_OK) != 0)
    return "there is no chromium (Debian: apt install chromium; BERTH_CHROMIUM names another)";
  if (!fs::exists(fs::path(BERTH_BINARY_DIR) / "dashboard" / "index.html"))
    return "the dashboard is not built: build the target berth-dashboard";
  if (!fs::exists(spec_dir / "node_modules" / "@playwright" / "test" / "cli.js"))
    return "Playwright is not installed: build the target berth-dashboard-tests";
  return std::nullopt;
}

Command playwright(const Platform& berth, const fs::path& control, int output) {
  const auto url = [](std::string_view host, int port) {
    return "http://" + std::string(host) + ":" + std::to_string(port);
  };
  return {.argv = {program("node")->string(), "node_modules/@playwright/test/cli.js", "test",
                   "--project=platform"},
          .env = {{"BERTH_DASHBOARD_URL", url("dashboard.localhost", berth.router_port())},
                  {"BERTH_API_URL", url("127.0.0.1", berth.api_port())},
                  {"BERTH_TOKEN", berth.token()},
                  {"BERTH_SAMPLE", fs::path(BERTH_SOURCE_DIR) / "tests" / "apps" / "static-site"},
                  {"BERTH_CHROMIUM", chromium()},
                  {"BERTH_SERVER_CONTROL", control},
                  {"BERTH_TEST_OUTPUT", results_dir},
                  {"HOME", berth.home()},
                  {"FORCE_COLOR", "0"}},
          .working_directory = spec_dir,
          .stdout_fd = output,
          .stderr_fd = output};
}

/// The spec writes "kill" or "start" into the file, and reads there that it is done.
void obey(Platform& berth, const fs::path& control) {
  const std::string word = *read_file(control);
  const auto answer = [&](std::string_view text) {
    REQUIRE_FALSE(write_file_atomic(control, text).has_error());
  };
  if (word == "kill") {
    berth.kill_server();
    answer("killed");
  } else if (word == "start") {
    berth.start_server();
    answer("started");
  }
}

TEST_CASE("the dashboard follows a push, scaling, requests, config and a killed server by itself") {
  NEEDS_PLATFORM();
  if (const auto why = cannot_run_dashboard()) {
    MESSAGE("SKIP: " << *why);
    return;
  }
  Platform& berth = platform();
  const fs::path control = berth.home() / "server-control";
  const fs::path output = berth.home() / "playwright.log";
  REQUIRE_FALSE(write_file(control, "").has_error());
  const auto log = open_file(output, O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(log.has_value());
  auto child = ChildProcess::spawn(playwright(berth, control, log->get()));
  REQUIRE_MESSAGE(child.has_value(), child.error().message);

  std::optional<ExitStatus> ended;
  const auto run = [&] {
    obey(berth, control);
    ended = child->wait_for(0ms).value();
    return ended.has_value();
  };
  if (!eventually(run, deadline)) {
    // Playwright ends its browser on SIGTERM.
    REQUIRE_FALSE(child->signal(SIGTERM).has_error());
    (void)child->wait_for(20s);
    FAIL("Playwright did not end in time:\n" << *read_file(output));
  }
  CHECK_MESSAGE(ended->success(), "Playwright: " << ended->describe() << "; screenshots are in "
                                                 << results_dir << "\n" << *read_file(output));
}

}  // namespace
}  // namespace berth::test
