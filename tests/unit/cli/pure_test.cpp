// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "cli/api_client.hpp"
#include "cli/format.hpp"
#include "cli/git.hpp"
#include "cli/scale.hpp"
#include "cli/session.hpp"
#include "cli/shell_quote.hpp"
#include "cli/table.hpp"

using namespace berth;
using namespace berth::cli;

TEST_CASE("a scale word says a type, a quantity as the API reads it, and a size") {
  CHECK(*parse_scale("web=3") == ScaleChange{.type = "web", .quantity = "3"});
  CHECK(*parse_scale("web+1") == ScaleChange{.type = "web", .quantity = "+1"});
  CHECK(*parse_scale("my-worker-2") == ScaleChange{.type = "my-worker", .quantity = "-2"});
  CHECK(*parse_scale("my-worker=2:large") ==
        ScaleChange{.type = "my-worker", .quantity = "2", .size = "large"});
  CHECK(*parse_scale("web=large") == ScaleChange{.type = "web", .quantity = "", .size = "large"});
}

TEST_CASE("a word that is no scale is a usage error with an example") {
  for (const char* word : {"", "web", "=3", "+1", "web=", "web=-1", "web+x", "web=3x", "my-worker",
                           "web=2:", "web=99999999999999999999", "-"}) {
    CAPTURE(word);
    const auto change = parse_scale(word);
    REQUIRE(change.has_error());
    CHECK(change.error().code == ExitCode::usage);
    CHECK(change.error().next == "berth ps:scale web=3 worker+1");
  }
}

TEST_CASE("the width of text counts cells, not bytes") {
  CHECK(display_width("hello") == 5);
  CHECK(display_width("größe") == 5);
  CHECK(display_width("e\u0301") == 1);  // a combining accent
  CHECK(display_width("日本") == 4);
  CHECK(display_width("🚀") == 2);
  CHECK(display_width("\xff\xfe") == 2);  // not UTF-8
  CHECK(display_width("\xe6\x97") == 2);  // cut off in the middle
}

TEST_CASE("text is cut on a character and never wider than asked") {
  CHECK(cut_to_width("hello", 5) == "hello");
  CHECK(cut_to_width("hello!", 5) == "hell…");
  CHECK(cut_to_width("日本語", 4) == "日…");
  CHECK(cut_to_width("hello", 1) == "…");
  CHECK(cut_to_width("hello", 0) == "");
}

TEST_CASE("what is printed cannot drive the terminal") {
  CHECK(printable("a\x1b[2Jb\r\nc\td") == "a [2Jb  c d");
  CHECK(printable("bell\x07 c1\xc2\x9b"
                  "5n") == "bell  c1 5n");
  CHECK(printable("\xe2\x80\xae"
                  "evil") == " evil");  // right-to-left override
  CHECK(printable("bad \xff") == "bad \xef\xbf\xbd");
}

TEST_CASE("log lines keep tabs and colours and lose every other escape sequence") {
  CHECK(printable_log("\x1b[1;31mred\x1b[0m\tx") == "\x1b[1;31mred\x1b[0m\tx");
  CHECK(printable_log("\x1b[2J\x1b[Hhome") == "home");
  CHECK(printable_log("\x1b]0;title\x07text") == "text");
  CHECK(printable_log("\x1b]52;c;xx\x1b\\text") == "text");
  CHECK(printable_log("\x1b"
                      "c after reset") == " after reset");
  CHECK(printable_log("ends in \x1b[") == "ends in ");
  CHECK(printable_log("ends in \x1b") == "ends in ");
  CHECK(printable_log("over\rwritten") == "over written");
}

TEST_CASE("times are relative to now, in the largest unit that says enough") {
  const Time now = *parse_rfc3339("2026-11-23T12:00:00Z");
  CHECK(relative_time(now - 1s, now) == "just now");
  CHECK(relative_time(now - 40s, now) == "40 s ago");
  CHECK(relative_time(now - 200s, now) == "3 min ago");
  CHECK(relative_time(now - 119min, now) == "1 h ago");
  CHECK(relative_time(now - 47h, now) == "47 h ago");
  CHECK(relative_time(now - 49h, now) == "2 days ago");
  CHECK(relative_time(now - 24h * 40, now) == "2026-10-14");
  CHECK(relative_time(now + 90s, now) == "in 1 min");
  CHECK(relative_time("2026-11-23T11:59:00Z", now) == "1 min ago");
  CHECK(relative_time("not a time", now) == "not a time");
}

TEST_CASE("sizes have three digits and a unit") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(41'300) == "41.3 kB");
  CHECK(human_bytes(999'960) == "1.0 MB");
  CHECK(human_bytes(2'000'000'000) == "2.0 GB");
}

TEST_CASE("JSON is printed with one field a line and empty containers closed") {
  CHECK(pretty_json(*parse_json(R"({"a":1,"b":[],"c":{"d":"ü\n"},"e":[true,null]})")) ==
        "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": {\n    \"d\": \"ü\\n\"\n  },\n"
        "  \"e\": [\n    true,\n    null\n  ]\n}\n");
  CHECK(pretty_json(json::array{}) == "[]\n");
}

TEST_CASE("a table aligns by cells, leaves out empty columns and ends lines without blanks") {
  Table table({"NAME", "NOTHING", "STATE"});
  table.add({"größe", "", "up"});
  table.add({"a", "", "crashed"});
  CHECK(table.render(Style{}) == "NAME   STATE\ngröße  up\na      crashed\n");
  Table ragged;
  ragged.add({"first", ""});
  ragged.add({"x", "y"});
  CHECK(ragged.render(Style{}, 0, 2) == "  first\n  x      y\n");
}

TEST_CASE("a table cuts its last column to the terminal and paints only the text") {
  Table table({"ID", "MESSAGE"});
  table.add({Cell("1", Colour::cyan), "a long message\nin two lines"});
  CHECK(table.render(Style{}, 16) == "ID  MESSAGE\n1   a long mess…\n");
  CHECK(table.render(Style{.on = true}, 16) ==
        "\x1b[2mID\x1b[0m  \x1b[2mMESSAGE\x1b[0m\n\x1b[36m1\x1b[0m   a long mess…\n");
}

TEST_CASE("shell words come back as they were") {
  CHECK(shell_quote("/usr/bin/berth") == "/usr/bin/berth");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("it's $HOME") == "'it'\\''s $HOME'");
  CHECK(shell_quote("A=b") == "'A=b'");
  CHECK(shell_quote("~root") == "'~root'");
}

TEST_CASE("one word is a shell line, several are a program and its arguments") {
  CHECK(shell_command(std::vector<std::string>{"echo $A | wc"}) == "echo $A | wc");
  CHECK(shell_command(std::vector<std::string>{"echo", "$A", "b c"}) == "echo '$A' 'b c'");
}

TEST_CASE("names in paths cannot leave their place") {
  CHECK(api_path({"apps", "../x", "a b", "?q#f", "ü"}) == "/apps/..%2Fx/a%20b/%3Fq%23f/%C3%BC");
  CHECK(api_path({"apps", ".."}) == "/apps/..%2F");
  CHECK(api_path({"apps", "my-app_1.x~"}) == "/apps/my-app_1.x~");
}

TEST_CASE("an app's name is the last part of its git address") {
  CHECK(app_of_git_url("http://git.localhost:8080/hello.git") == "hello");
  CHECK(app_of_git_url("http://git.localhost/hello") == "hello");
  CHECK(app_of_git_url("nonsense") == "");
  CHECK(app_of_git_url("") == "");
}

TEST_CASE("the credential protocol is read as git writes it") {
  const auto attributes =
      parse_credential("protocol=http\nhost=git.localhost:8080\npassword=a=b\nbroken\n\n");
  CHECK(attributes.size() == 3);
  CHECK(attributes.at("host") == "git.localhost:8080");
  CHECK(attributes.at("password") == "a=b");
  CHECK(parse_credential("").empty());
}

TEST_CASE("the credential helper is quoted for the shell that git passes it to") {
  CHECK(credential_helper("/usr/bin/berth") == "!/usr/bin/berth git:credentials");
  CHECK(credential_helper("/a b/it's;rm") == "!'/a b/it'\\''s;rm' git:credentials");
}

TEST_CASE("a refusal is the API's sentence, its code and the next step") {
  const auto missing = refusal(
      404, R"({"id":"not_found","resource":"app","message":"Couldn't find that app"})", "http://x");
  CHECK(missing.message == "Couldn't find that app.");
  CHECK(missing.next == "berth apps");
  CHECK(missing.code == ExitCode::failed);
  const auto denied =
      refusal(401, R"({"id":"unauthorized","message":"Invalid credentials."})", "http://x");
  CHECK(denied.code == ExitCode::not_logged_in);
  CHECK(denied.next == "berth login --url http://x");
  const auto broken = refusal(502, "<html>", "http://x");
  CHECK(broken.message == "http://x answered with HTTP status 502 and no reason.");
}
