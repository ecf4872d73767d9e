// SPDX-License-Identifier: Apache-2.0
#include "server/app_log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <functional>

#include "base/file.hpp"

namespace berth::server {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  fs::path log = directory.path() / "app";

  /// What our own log says meanwhile.
  std::string said(const std::function<void()>& work) const {
    const fs::path file = directory.path() / "stderr";
    const Fd before(::dup(STDERR_FILENO));
    const Fd captured = *open_file(file, O_WRONLY | O_CREAT | O_TRUNC);
    ::dup2(captured.get(), STDERR_FILENO);
    work();
    ::dup2(before.get(), STDERR_FILENO);
    return *read_file(file);
  }
};

TEST_CASE_FIXTURE(Fixture, "a message is one line of the app's log, whatever it quotes") {
  fs::create_directories(log);
  CHECK(said([&] { append_app_log(log, "api", "one\ntwo\rthree"); }) == "");
  CHECK(read_file(log / "current.log")->ends_with(" berth[api]: one two three\n"));
}

TEST_CASE_FIXTURE(Fixture, "what is said of an app that is gone is lost without a word") {
  CHECK(said([&] { append_app_log(log, "web.1", "Stopped"); }) == "");
  CHECK_FALSE(fs::exists(log));
}

TEST_CASE_FIXTURE(Fixture, "a line that cannot be written is a warning of ours") {
  fs::create_directories(log / "current.log");
  CHECK(said([&] { append_app_log(log, "web.1", "Stopped"); })
            .find("app log lost a line: ") != std::string::npos);
}

}  // namespace
}  // namespace berth::server
