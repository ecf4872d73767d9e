// SPDX-License-Identifier: Apache-2.0
#include "builder/failure.hpp"

#include <doctest/doctest.h>

#include "builder/log_format.hpp"

using namespace berth;
using namespace berth::builder;

namespace {
const SandboxLimits limits{};
Error explained(const SandboxExit& exit) {
  return explain_exit(exit, limits, std::chrono::minutes(15), "berth/nodejs");
}
}  // namespace

TEST_CASE("every limit has its sentence: what, how much, what to do") {
  const Error time = explained({.status = {.signal = 9}, .timed_out = true});
  CHECK(time.kind == ErrorKind::timeout);
  CHECK(time.message.find("15 minutes") != std::string::npos);
  const Error memory = explained({.status = {.signal = 9}, .out_of_memory = true});
  CHECK(memory.message.find("ran out of memory: a build may use 2 GiB") != std::string::npos);
  const Error disk = explained({.status = {.code = 1}, .out_of_disk = true});
  CHECK(disk.message.find("ran out of disk: a build may write 8 GiB") != std::string::npos);
  const Error pids = explained({.status = {.code = 1}, .out_of_pids = true});
  CHECK(pids.message.find("a build may have 4096 at once") != std::string::npos);
  CHECK(memory.kind == ErrorKind::limit);
  CHECK(explained({.status = {}, .cancelled = true}).kind == ErrorKind::cancelled);
}

TEST_CASE("a plain failure names the exit status or the signal") {
  CHECK(explained({.status = {.code = 3}}).message.find("exit status 3") != std::string::npos);
  CHECK(explained({.status = {.signal = 11}}).message.find("SIGSEGV") != std::string::npos);
}

TEST_CASE("sizes, lists and lines are written for people") {
  CHECK(people_bytes(999) == "999 bytes");
  CHECK(people_bytes(41234) == "41 kB");
  CHECK(people_bytes(1290000) == "1.3 MB");
  CHECK(people_bytes(999999) == "1.0 MB");
  CHECK(people_bytes(300ULL << 20) == "315 MB");
  CHECK(people_list({"a", "b", "c"}) == "a, b and c");
  CHECK(people_count(1, "layer") == "1 layer");
  CHECK(log_title("x") == "-----> x\n");
  CHECK(log_lines("a\n\nb") == "       a\n\n       b\n");
}
