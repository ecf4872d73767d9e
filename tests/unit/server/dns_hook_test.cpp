// SPDX-License-Identifier: Apache-2.0
#include "server/dns_hook.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"

namespace berth::server::test {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Bed {
  TempDir directory = TempDir::create("/tmp", "berth-test-hook-").value();
  [[nodiscard]] fs::path program(std::string_view script, mode_t mode = 0755) const {
    const fs::path path = directory.path() / "hook";
    REQUIRE(write_file_atomic(path, script, mode).has_value());
    return path;
  }
  [[nodiscard]] std::string failure(std::string_view script,
                                    std::chrono::milliseconds deadline = 10s) const {
    const auto ended = run_dns_hook(program(script), "present",
                                    {"example.com", "_acme-challenge.example.com", "a b;c"},
                                    deadline);
    return ended.has_error() ? ended.error().message : "";
  }
  [[nodiscard]] std::string refusal(const fs::path& path) const {
    const auto checked = check_dns_hook(path);
    return checked.has_error() ? checked.error().message : "";
  }
};

}  // namespace

TEST_CASE("the program is given the record's parts as they are, by no shell") {
  const Bed bed;
  const fs::path said = bed.directory.path() / "said";
  CHECK(bed.failure("#!/bin/sh\nprintf '%s|' \"$@\" > " + said.string() + "\n") == "");
  CHECK(read_file(said).value() == "present|example.com|_acme-challenge.example.com|a b;c|");
}

TEST_CASE("what a program that fails printed last is in the error") {
  const Bed bed;
  const std::string call = (bed.directory.path() / "hook").string() + " present example.com";
  CHECK(bed.failure("#!/bin/sh\necho fine; printf 'no\\nsuch\\033zone\\n' >&2; exit 3\n") ==
        call + ": exit status 3: no such?zone");
  CHECK(bed.failure("#!/bin/sh\necho 'the key is old'; exit 1\n") ==
        call + ": exit status 1: the key is old");
  CHECK(bed.failure("#!/bin/sh\nexit 1\n") == call + ": exit status 1: it printed nothing");
  const std::string much = bed.failure("#!/bin/sh\nyes | head -c 1000000 >&2; exit 1\n");
  CHECK(much.size() < call.size() + 600);
}

TEST_CASE("a program that does not end is stopped") {
  const Bed bed;
  CHECK(bed.failure("#!/bin/sh\nexec sleep 60\n", 100ms) != "");
  const std::atomic<bool> cancel{true};
  const auto cancelled = run_dns_hook(bed.directory.path() / "hook", "present", {}, 60s, &cancel);
  REQUIRE(cancelled.has_error());
  CHECK(cancelled.error().kind == ErrorKind::cancelled);
}

TEST_CASE("a program that others could have written is not run") {
  const Bed bed;
  const fs::path path = bed.program("#!/bin/sh\n");
  CHECK(bed.refusal(path) == "");
  ::chmod(path.c_str(), 0775);
  CHECK(bed.refusal(path) == path.string() + " can be written by others. Take that away: chmod "
                                             "go-w " + path.string());
  ::chmod(path.c_str(), 0644);
  CHECK(bed.refusal(path) == path.string() + " is no program that may be run. Try: chmod 755 " +
                                 path.string());
  ::chmod(path.c_str(), 0755);
  ::chmod(bed.directory.path().c_str(), 0777);
  CHECK(bed.refusal(path).starts_with(bed.directory.path().string() + " can be written by others"));
  ::chmod(bed.directory.path().c_str(), 0700);
  CHECK(bed.refusal(bed.directory.path()).find(" is no program that may be run") !=
        std::string::npos);
  CHECK(bed.refusal(bed.directory.path() / "none").find(" cannot be read: ") != std::string::npos);
  CHECK(bed.refusal("") == "is empty. Set it to a program's path");
  if (::geteuid() != 0) return;
  REQUIRE(::chown(path.c_str(), 12345, 12345) == 0);
  CHECK(bed.refusal(path).starts_with(path.string() + " belongs to user 12345"));
}

}  // namespace berth::server::test
