// SPDX-License-Identifier: Apache-2.0
//
// Rules of the house that a machine can check, each with the reason in its title.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "tests/tidiness/sources.hpp"

namespace berth::tidiness {
namespace {

std::string place(const Source& source, std::size_t line) {
  return source.path + ":" + std::to_string(line + 1);
}

/// Columns as an editor counts them: code points, not bytes.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Fails for each line of the chosen files that matches.
template <class Chosen>
void nowhere(const std::string& pattern, Chosen chosen) {
  const std::regex expression(pattern);
  for (const Source& source : sources()) {
    if (!chosen(source)) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      if (std::regex_search(source.lines[i], expression))
        FAIL_CHECK(place(source, i) << ": " << source.lines[i]);
  }
}

/// What stands between the parenthesis that ends before the column and its partner, which may stand
/// lines below.
std::string condition(const Source& source, std::size_t line, std::ptrdiff_t column) {
  std::string text;
  int depth = 1;
  for (auto at = static_cast<std::size_t>(column); line < source.lines.size(); ++line, at = 0)
    for (; at < source.lines[line].size(); ++at) {
      const char byte = source.lines[line][at];
      depth += byte == '(' ? 1 : byte == ')' ? -1 : 0;
      if (depth == 0) return text;
      text += byte;
    }
  return text;
}

bool is_cpp(const Source& source) { return source.is_cpp(); }
bool is_test(const Source& source) { return source.is_cpp() && source.folder() == "tests"; }
bool is_any(const Source&) { return true; }

TEST_CASE("no include leads upwards (docs/decisions/0001)") {
  const std::map<std::string, std::set<std::string>> may_include = {
      {"base", {"base"}},
      {"platform", {"platform", "base"}},
      {"builder", {"builder", "platform", "base"}},
      {"runtime", {"runtime", "platform", "base"}},
      {"router", {"router", "base"}},
      {"cli", {"cli", "base"}},
      {"buildpacks", {"buildpacks", "base"}},
      {"api", {"api", "builder", "runtime", "platform", "base"}},
      {"server", {"server", "api", "router", "cli", "builder", "runtime", "platform", "base"}},
  };
  const std::regex include("^#include \"([a-z_]+)/");
  for (const Source& source : sources()) {
    const auto allowed = may_include.find(source.folder());
    if (!source.is_cpp() || allowed == may_include.end()) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      if (std::smatch match; std::regex_search(source.lines[i], match, include))
        CHECK_MESSAGE(allowed->second.contains(match[1]), place(source, i), ": ", source.lines[i]);
  }
}

TEST_CASE("the pure cores include no clock, socket, thread or file") {
  const std::regex forbidden(
      "#include <(boost/asio|boost/beast|thread|mutex|future|fstream|sys/|unistd)");
  for (const Source& source : sources())
    if (source.path.starts_with("runtime/scheduler/") ||
        source.path.starts_with("runtime/autoscaler/") ||
        source.path.starts_with("runtime/cron/"))
      for (std::size_t i = 0; i < source.lines.size(); ++i)
        CHECK_MESSAGE(!std::regex_search(source.lines[i], forbidden), place(source, i), ": ",
                      source.lines[i]);
}

TEST_CASE("every source opens with its licence") {
  const auto has_licence = [](const Source& source) {
    for (std::size_t i = 0; i < std::min<std::size_t>(2, source.lines.size()); ++i)
      if (source.lines[i].find("SPDX-License-Identifier: Apache-2.0") != std::string::npos)
        return true;
    return false;
  };
  for (const Source& source : sources()) {
    if (source.path.starts_with("tests/apps/")) continue;  // what users' apps look like
    const bool script = !source.lines.empty() && source.lines.front().starts_with("#!");
    if (source.is_cpp() || script || source.path.ends_with(".py") ||
        source.path.ends_with(".cmake") || source.path.ends_with("CMakeLists.txt"))
      CHECK_MESSAGE(has_licence(source), source.path);
  }
}

TEST_CASE("a C++ file has at most 600 lines of at most 100 columns") {
  for (const Source& source : sources()) {
    if (!source.is_cpp()) continue;
    CHECK_MESSAGE(source.lines.size() <= 600, source.path, " has ", source.lines.size(), " lines");
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      CHECK_MESSAGE(width(source.lines[i]) <= 100, place(source, i), " has ",
                    width(source.lines[i]), " columns");
  }
}

TEST_CASE("every folder at the top says what it is for") {
  std::set<std::string> folders;
  std::set<std::string> described;
  for (const Source& source : sources()) {
    if (source.path.find('/') == std::string::npos || source.path.starts_with(".")) continue;
    folders.insert(source.folder());
    if (source.path == source.folder() + "/README.md") described.insert(source.folder());
  }
  for (const std::string& folder : folders)
    CHECK_MESSAGE((described.contains(folder) || folder == "docs" || folder == "scripts"), folder);
}

TEST_CASE("headers are included once, by pragma") {
  for (const Source& source : sources())
    if (source.path.ends_with(".hpp"))
      CHECK_MESSAGE(std::ranges::find(source.lines, "#pragma once") != source.lines.end(),
                    source.path);
}

TEST_CASE("no shell is ever given a string, and no thread is started by accident") {
  nowhere("[^_a-zA-Z.>](std::)?(system|popen|wordexp)\\(", is_cpp);
  nowhere(std::string("std::as") + "ync\\b", is_cpp);
}

TEST_CASE("awaits stand alone: g++ miscompiles one under a condition") {
  const std::regex keyword("(^|[^a-z_])(if|while|switch|for) \\(");
  for (const Source& source : sources()) {
    if (!source.is_cpp()) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      if (std::smatch match; std::regex_search(source.lines[i], match, keyword))
        CHECK_MESSAGE(condition(source, i, match.prefix().length() + match.length())
                              .find(std::string("co_a") + "wait") == std::string::npos,
                      place(source, i), ": ", source.lines[i]);
  }
}

TEST_CASE("tests wait for conditions, not for time to pass") {
  // `eventually` is the one place that waits between two looks.
  nowhere("\\b(sleep_for|sleep_until|usleep|nanosleep)\\b", [](const Source& source) {
    return is_test(source) && !source.path.starts_with("tests/support/") &&
           source.path != "tests/tidiness/tidiness_test.cpp";
  });
}

TEST_CASE("nothing is left for later") {
  // Written apart, so that this line is none of them.
  const std::string pattern = std::string("\\b(TO") + "DO|FIX" + "ME|X" + "XX)\\b";
  nowhere(pattern, [](const Source& source) {
    return source.path.find("package-lock") == std::string::npos;
  });
}

TEST_CASE(
    "no path of a developer's machine, and no host name of a package registry, stands anywhere") {
  nowhere(std::string("(^|[^a-z0-9_])(/wo") + "rk/|/ho" + "me/[a-z]+/)", is_any);
  // A lock file of cargo names its index by form; it is no address that is fetched.
  const std::string hosts = std::string("npm") + "js\\.(org|com)|py" + "pi\\.org|python" +
                            "hosted\\.org|proxy\\.go" + "lang\\.org|deb\\.de" +
                            "bian\\.org|repo[0-9]*\\.mav" + "en\\.|static\\.cra" + "tes\\.io";
  nowhere(hosts, is_any);
}

}  // namespace
}  // namespace berth::tidiness
