// SPDX-License-Identifier: Apache-2.0
#include "cli/sse.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "cli/log_lines.hpp"

using namespace berth::cli;

namespace {

std::vector<SseEvent> events_of(SseParser& parser, std::string_view bytes, std::size_t piece) {
  std::vector<SseEvent> events;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    parser.feed(bytes.substr(0, piece), [&](const SseEvent& event) { events.push_back(event); });
  return events;
}

}  // namespace

TEST_CASE("events are the same however the bytes are cut, and whatever ends a line") {
  const std::vector<SseEvent> expected = {
      {"message", "one"}, {"release", "two\nlines"}, {"message", ""}};
  for (const std::string_view stream :
       {"\xef\xbb\xbf: hello\nid: 1\ndata: one\n\nevent: release\ndata:two\ndata: lines\nid: "
        "2\n\ndata\n\n",
        ":\r\nid: 1\r\ndata: one\r\n\r\nevent: release\r\ndata: two\r\ndata: lines\r\nid: "
        "2\r\n\r\ndata\r\n\r\n",
        "id: 1\rdata: one\r\revent: release\rdata: two\rdata: lines\rid: 2\r\rdata\r\r"})
    for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
      SseParser parser;
      CHECK(events_of(parser, stream, piece) == expected);
      CHECK(parser.last_event_id() == "2");
    }
}

TEST_CASE("an event without data is none, and an unknown field is skipped") {
  SseParser parser;
  CHECK(events_of(parser, "event: x\n\nretry: 5\nfoo: bar\nid\n\n", 100).empty());
  CHECK(parser.last_event_id() == "");
}

TEST_CASE("a connection that ends in the middle leaves no half event and no half id") {
  SseParser parser;
  CHECK(events_of(parser, "id: 1\ndata: a\n\nid: 2\ndata: hal", 100).size() == 1);
  parser.reset_connection();
  CHECK(parser.last_event_id() == "1");
  CHECK(events_of(parser, "data: b\n\n", 100) == std::vector<SseEvent>{{"message", "b"}});
  CHECK(parser.last_event_id() == "1");
}

TEST_CASE("a stream without line ends does not fill the memory") {
  SseParser parser;
  const std::string block(1 << 16, 'x');
  parser.feed("data: ", [](const SseEvent&) {});
  for (int i = 0; i < 64; ++i) parser.feed(block, [](const SseEvent&) {});
  std::vector<SseEvent> events;
  parser.feed("\n\n", [&](const SseEvent& event) { events.push_back(event); });
  REQUIRE(events.size() == 1);
  CHECK(events[0].data.size() <= SseParser::most_bytes);
}

TEST_CASE("a log line has a stamp, a source, a process and a text") {
  const auto line = parse_log_line("2026-11-23T05:15:38.916000+00:00 app[web.1]: GET [x]: 1");
  CHECK(line.stamp == "2026-11-23T05:15:38.916000+00:00");
  CHECK(line.source == "app");
  CHECK(line.process == "web.1");
  CHECK(line.text == "GET [x]: 1");
  for (const char* odd : {"", "no shape", "a b c[d]: e", "x]: y [", "[a]: b"}) {
    CHECK(parse_log_line(odd).text == odd);
    CHECK(parse_log_line(odd).stamp == "");
  }
}

TEST_CASE("each process has one colour, the platform is dim, and none is painted off a terminal") {
  LogPainter painter(Style{.on = true});
  CHECK(painter.paint("T app[web.1]: a") == "\x1b[36mT app[web.1]: \x1b[0ma");
  CHECK(painter.paint("T app[worker.1]: a") == "\x1b[33mT app[worker.1]: \x1b[0ma");
  CHECK(painter.paint("T app[web.1]: b\x1b[31mred\x1b[2J") ==
        "\x1b[36mT app[web.1]: \x1b[0mb\x1b[31mred\x1b[0m");
  CHECK(painter.paint("T berth[router]: GET") == "\x1b[2mT berth[router]: \x1b[0mGET");
  CHECK(LogPainter(Style{}).paint("T app[web.1]: \x1b[2J") == "T app[web.1]: \x1b[2J");
}

TEST_CASE("lines that were shown, and older ones than are remembered, are not shown again") {
  SeenLines seen;
  CHECK(!seen.covers("2026-01-01T00:00:02Z app[web.1]: b"));
  seen.add("2026-01-01T00:00:02Z app[web.1]: b");
  CHECK(seen.covers("2026-01-01T00:00:02Z app[web.1]: b"));
  CHECK(seen.covers("2026-01-01T00:00:01Z app[web.1]: a"));
  CHECK(!seen.covers("2026-01-01T00:00:02Z app[web.2]: b"));
  CHECK(!seen.covers("2026-01-01T00:00:03Z app[web.1]: c"));
}
