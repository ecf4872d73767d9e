// SPDX-License-Identifier: Apache-2.0
//
// Runs commands in this process, against a FakeServer, with a home directory and a clock of their
// own, and keeps what they print.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "cli/cli.hpp"
#include "tests/unit/cli/fake_server.hpp"

namespace berth::test {

struct FakeConsole final : cli::Console {
  std::string printed;
  std::string noted;
  std::deque<std::string> typed;
  bool terminal = false;
  int width = 0;

  void out(std::string_view text) override { printed += text; }
  void err(std::string_view text) override { noted += text; }
  std::optional<std::string> read_line(bool) override {
    if (typed.empty()) return std::nullopt;
    std::string line = typed.front();
    typed.pop_front();
    return line;
  }
  bool in_is_terminal() const override { return terminal; }
  bool out_is_terminal() const override { return terminal; }
  bool err_is_terminal() const override { return terminal; }
  int columns() const override { return width; }
};

struct Fixture {
  FakeServer server;
  TempDir directory = *TempDir::create(std::filesystem::temp_directory_path(), "berth-test-cli-");
  FakeConsole console;
  cli::Environment environment;

  /// Logged in to the server, in no repository, at noon.
  Fixture() {
    environment.variables = {{"HOME", directory.path() / "home"},
                             {"BERTH_URL", server.url()},
                             {"BERTH_TOKEN", "secret"},
                             {"TERM", "xterm"}};
    environment.directory = directory.path();
    environment.executable = "/opt/berth's own/berth";
    environment.now = [] { return *parse_rfc3339("2026-11-23T12:00:00Z"); };
    environment.sleep = [](std::chrono::milliseconds) {};
  }

  /// The exit code; `printed` and `noted` are of this run alone.
  int run(const std::vector<std::string>& words) {
    console.printed.clear();
    console.noted.clear();
    return cli::run(environment, console, words);
  }
  [[nodiscard]] const std::string& printed() const { return console.printed; }
  [[nodiscard]] const std::string& noted() const { return console.noted; }
};

/// Whether `text` holds `part`; doctest prints both when it does not.
#define CHECK_CONTAINS(text, part)                            \
  do {                                                        \
    INFO("in: ", std::string(text));                          \
    CHECK(std::string(text).find(part) != std::string::npos); \
  } while (false)

}  // namespace berth::test
