// SPDX-License-Identifier: Apache-2.0
//
// A real platform for end-to-end tests: server, router and CLI from the build directory with a data
// directory, ports, bridge and cgroup of their own. Everything is removed with the object, unless a
// test failed and BERTH_TEST_KEEP is set.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.hpp"
#include "base/file.hpp"
#include "base/http_client.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "tests/support/eventually.hpp"

namespace berth::test {

/// A port that nobody listens on now.
[[nodiscard]] int free_port();

/// Why end-to-end tests cannot run here, or nothing.
[[nodiscard]] std::optional<std::string> cannot_run_platform();

class Platform final {
 public:
  /// 127.0.0.3 is a trusted proxy to its router, 127.0.0.4 speaks the PROXY protocol.
  /// `extra_config` is appended to berth.yaml, `runtime_config` to its section `runtime`. `data` is
  /// the data directory, if not one of its own.
  explicit Platform(std::string_view extra_config = "", std::string_view runtime_config = "",
                    const std::filesystem::path& data = {});
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// Adds to what berth.yaml was at first, for the next start.
  void set_config(std::string_view more);
  /// The same with another text in place of one.
  void change_config(std::string_view from, std::string_view to);
  /// Other base images, for the next start.
  void set_stack(std::filesystem::path directory) { stack_ = std::move(directory); }
  void start_server();
  void kill_server();  ///< SIGKILL, and waits until it is gone
  void stop_server();  ///< SIGTERM
  void kill_router();  ///< SIGKILL; the server starts another
  [[nodiscard]] pid_t router_pid();

  /// `berth ARGS…` in `directory`; stdout and stderr are kept apart.
  [[nodiscard]] Output cli(const std::vector<std::string>& arguments, std::string input = {},
                           std::filesystem::path directory = "/");
  /// The same, which must succeed; its output.
  std::string must(const std::vector<std::string>& arguments,
                   std::filesystem::path directory = "/");
  /// `berth ARGS… --json`, parsed.
  [[nodiscard]] json::value json_of(std::vector<std::string> arguments);

  /// A git repository with the files of tests/apps/<sample> as its first commit on main.
  [[nodiscard]] std::filesystem::path repository(std::string_view sample);
  /// Commits everything in the working copy.
  void commit(const std::filesystem::path& repository, std::string_view message);
  /// `git ARGS…` in the repository.
  [[nodiscard]] Output git(const std::filesystem::path& repository,
                           std::vector<std::string> arguments);
  /// `git push berth HEAD:main`; what git printed is in err.
  [[nodiscard]] Output push(const std::filesystem::path& repository);
  /// create + push of a sample, which must succeed; the repository.
  std::filesystem::path deploy(std::string_view sample, std::string_view app);

  void destroy(std::string_view app);

  /// GET http://<app>.localhost:<router port><path>
  [[nodiscard]] HttpResponse get(std::string_view app, std::string_view path = "/",
                                 std::chrono::milliseconds deadline = std::chrono::seconds(40));
  [[nodiscard]] HttpResponse api(std::string_view method, std::string_view path,
                                 std::string body = {});

  [[nodiscard]] int router_port() const { return router_port_; }
  [[nodiscard]] int https_port() const { return https_port_; }
  [[nodiscard]] int api_port() const { return api_port_; }
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] std::string token() const;
  [[nodiscard]] std::filesystem::path home() const { return root_ / "home"; }
  [[nodiscard]] const std::string& bridge() const { return bridge_; }
  [[nodiscard]] const std::string& cgroup() const { return cgroup_; }

 private:
  std::filesystem::path root_;
  std::filesystem::path data_;
  std::filesystem::path config_;
  std::string config_text_;
  std::filesystem::path stack_;
  std::string bridge_;
  std::string cgroup_;
  int api_port_ = 0;
  int router_port_ = 0;
  int https_port_ = 0;
  int repositories_ = 0;
  Fd subnet_;  ///< a lock
  std::optional<ChildProcess> server_;
};

}  // namespace berth::test
