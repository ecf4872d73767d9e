// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "runtime/engine/local/shim/line_framer.hpp"

using berth::runtime::shim::LineFramer;
using berth::runtime::shim::RateLimit;

namespace {

std::vector<std::string> frame(const std::vector<std::string>& pieces) {
  LineFramer framer;
  std::vector<std::string> lines;
  const auto sink = [&](std::string_view line) { lines.emplace_back(line); };
  for (const auto& piece : pieces) framer.feed(piece, sink);
  framer.finish(sink);
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines are found however the output is cut into pieces") {
  const std::string text = "one\n\nthree\r\nfour";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(frame({text.substr(0, cut), text.substr(cut)}) == Lines{"one", "", "three", "four"});
}

TEST_CASE("output without any line feed at its end is a line; no output is none") {
  CHECK(frame({"a"}) == Lines{"a"});
  CHECK(frame({}).empty());
  CHECK(frame({"a\n"}) == Lines{"a"});
}

TEST_CASE("a line over the limit becomes several and its line feed adds none") {
  const std::string full(LineFramer::line_limit, 'x');
  CHECK(frame({full + "\nb\n"}) == Lines{full, "b"});
  CHECK(frame({full + "y\nb\n"}) == Lines{full, "y", "b"});
  CHECK(frame({full, "\n", "b\n"}) == Lines{full, "b"});
  CHECK(frame({full + full + "\n"}) == Lines{full, full});
}

TEST_CASE("two seconds' worth of lines pass at once, then the rate; what is dropped is counted") {
  RateLimit limit(100);
  std::int64_t now = 1'000'000'000;
  int kept = 0;
  for (int i = 0; i < 1000; ++i) kept += limit.allow(now) ? 1 : 0;
  CHECK(kept == 200);
  CHECK(limit.has_dropped());
  CHECK(limit.take_dropped(now) == 0);  // not within the first second
  now += 1'000'000;
  CHECK(limit.take_dropped(now) == 800);
  CHECK(!limit.has_dropped());
  kept = 0;
  for (int i = 0; i < 1000; ++i) kept += limit.allow(now) ? 1 : 0;
  CHECK(kept == 100);
  CHECK(limit.take_dropped(now, true) == 900);
}

TEST_CASE("a clock that goes backwards neither drops nor floods") {
  RateLimit limit(10);
  CHECK(limit.allow(5'000'000));
  CHECK(limit.allow(1'000'000));
  CHECK(limit.allow(1'500'000));
}

TEST_CASE("a long line counts as several, so that no flood of them fills a disk") {
  RateLimit limit(100);
  int kept = 0;
  for (int i = 0; i < 1000; ++i) kept += limit.allow(1'000'000, 2559) ? 1 : 0;
  CHECK(kept == 20);
  CHECK(!limit.allow(1'000'000));
}
