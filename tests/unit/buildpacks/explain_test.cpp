// SPDX-License-Identifier: Apache-2.0
//
// How a tool's output becomes a message: the table that `explain` of lib/berth.bash reads.
#include <doctest/doctest.h>

#include <filesystem>

#include "base/child_process.hpp"
#include "base/file.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;

/// The message for a log by a table; empty if no row fits.
std::string explained(const std::string& log, const std::string& table) {
  const TempDir directory = *TempDir::create(fs::temp_directory_path(), "berth-test-");
  const fs::path file = directory.path() / "log";
  REQUIRE_FALSE(write_file(file, log).has_error());
  const auto output = run_program(
      {.argv = {"bash", "-c", R"(source "$1" && explain "$2")", "explain",
                BERTH_SOURCE_DIR "/buildpacks/lib/berth.bash", file.string()},
       .env = {{"HOME", directory.path().string()}}},
      table);
  REQUIRE(output.has_value());
  CHECK_MESSAGE(output->err.empty(), output->err);
  CHECK(output->status.success() == output->out.empty());
  return output->out;
}

const std::string names = "/no such (crate|gem)\n?crate `([^`]+)`\n?gem ([^ ]+) ([^ ]+)\n"
                          "There is no {thing of that name}.\nWhy{: *}.\nFix\n";

TEST_CASE("the first row that fits the log explains it, in letters of any size") {
  const std::string table =
      "/first\nOne.\nWhy.\nFix.\n\n/second\n/third\nTwo.\nWhy.\nFix.\n\nOther.\nWhy.\nFix.\n";
  CHECK(explained("SECOND\nfirst\n", table).find("!     One.\n !     Why.\n !     Fix.\n") !=
        std::string::npos);
  CHECK(explained("a third one\n", table).find("Two.") != std::string::npos);
  CHECK(explained("nothing\n", table).find("Other.") != std::string::npos);
  CHECK(explained("nothing\n", "/first\nOne.\nWhy.\nFix.\n").empty());
}

TEST_CASE("a row may want several patterns, and others not to be there") {
  const std::string table = "/git\n&fatal\n!shallow\nGit.\nWhy.\nFix.\n";
  CHECK(explained("git: fatal\n", table).find("Git.") != std::string::npos);
  CHECK(explained("git: all well\n", table).empty());
  CHECK(explained("git: fatal: shallow\n", table).empty());
}

TEST_CASE("a message names what failed, or does without") {
  CHECK(explained("no such crate `serde`\n", names).find("no serde.\n !     Why: serde.") !=
        std::string::npos);
  CHECK(explained("no such gem rails 9\n", names).find("no rails@9.") != std::string::npos);
  CHECK(explained("no such crate\n", names).find("no thing of that name.\n !     Why.") !=
        std::string::npos);
}

TEST_CASE("a limit of the build comes before every row") {
  const std::string table = "/.\nOne.\nWhy.\nFix.\n";
  CHECK(explained("x: No space left on device\n", table).find("disk is full") !=
        std::string::npos);
  CHECK(explained("line 3: 77 Killed  cc1plus\n", table).find("out of memory") !=
        std::string::npos);
  CHECK(explained("skilled workers\n", table).find("One.") != std::string::npos);
}

}  // namespace
}  // namespace berth
