// SPDX-License-Identifier: Apache-2.0
#include "builder/procfile.hpp"

#include <doctest/doctest.h>

using namespace berth::builder;

namespace {

using Entries = std::vector<ProcfileEntry>;

Entries good(std::string_view text) {
  auto result = parse_procfile(text);
  REQUIRE_MESSAGE(result.has_value(), (result.has_error() ? result.error().message : ""));
  return *result;
}

std::string bad(std::string_view text) {
  const auto result = parse_procfile(text);
  REQUIRE(result.has_error());
  return result.error().message;
}

}  // namespace

TEST_CASE("a Procfile is types and commands in the order of the file") {
  CHECK(good("web: node server.js\nworker-2:  python -m w  \n") ==
        Entries{{"web", "node server.js"}, {"worker-2", "python -m w"}});
}

TEST_CASE("comments, blank lines, CRLF and a byte order mark are fine") {
  CHECK(good("\xEF\xBB\xBF# c\r\n\r\n   // c\n  # c\nweb: a\r\n") == Entries{{"web", "a"}});
  CHECK(good("").empty());
}

TEST_CASE("a comment after a command needs white space before it and no quote around it") {
  CHECK(good("web: node web.js # inline") == Entries{{"web", "node web.js"}});
  CHECK(good("web: curl x#y") == Entries{{"web", "curl x#y"}});
  CHECK(good("web: echo ' # no' \" # no\" \\# no") == Entries{{"web", "echo ' # no' \" # no\" \\# no"}});
}

TEST_CASE("a later line of the same type replaces the earlier") {
  CHECK(good("web: a\nx: b\nweb: c") == Entries{{"x", "b"}, {"web", "c"}});
}

TEST_CASE("a command may hold colons") {
  CHECK(good("web: a:b http://x") == Entries{{"web", "a:b http://x"}});
}

TEST_CASE("a broken line is an error with its number and its text") {
  const std::string message = bad("web: node\n\nworker node w.js\n");
  CHECK(message.starts_with("Procfile, line 3: there is no ':' after a process type\n  worker node w.js\n"));
  CHECK(bad("we b: x").find("letters, digits") != std::string::npos);
  CHECK(bad(": x").starts_with("Procfile, line 1:"));
  CHECK(bad("web:").find("no command") != std::string::npos);
  CHECK(bad("web: # only a comment").find("no command") != std::string::npos);
  CHECK(bad(std::string(64, 'a') + ": x").find("63") != std::string::npos);
  CHECK(bad(std::string(500, 'x')).size() < 300);
}
