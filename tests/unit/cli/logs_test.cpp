// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <latch>
#include <memory>

#include "tests/unit/cli/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

std::string event(int id, const std::string& text) {
  return "id: " + std::to_string(id) + "\ndata: 2026-11-23T05:15:" + std::to_string(10 + id) +
         ".000000+00:00 app[web.1]: " + text + "\n\n";
}

std::string shown(int id, const std::string& text) {
  return "2026-11-23T05:15:" + std::to_string(10 + id) + ".000000+00:00 app[web.1]: " + text + "\n";
}

void session_at(FakeServer& server, const std::string& secret) {
  server.on("POST /apps/hello/log-sessions",
            Answer{.status = 201,
                   .body = R"({"logplex_url":")" + server.url() + "/logs/" + secret + "\"}"});
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "logs shows the backlog and ends") {
  session_at(server, "s1");
  server.stream("GET /logs/s1", [](const Asked&, FakeServer::Stream stream) {
    stream.begin("text/event-stream");
    stream.piece(event(1, "hello").substr(0, 20));
    stream.piece(event(1, "hello").substr(20) + ":\n\n" + event(2, "again"));
    stream.end();
  });
  CHECK(run({"logs", "-n", "7", "-p", "web", "-s", "app", "-a", "hello"}) == 0);
  CHECK(printed() == shown(1, "hello") + shown(2, "again"));
  CHECK(*parse_json(server.last("POST /apps/hello/log-sessions").body) ==
        *parse_json(R"({"lines":7,"tail":false,"dyno":"web","source":"app"})"));
  CHECK(server.last("GET /logs/s1").headers.at("accept") == "text/event-stream");
  CHECK(!server.last("GET /logs/s1").headers.contains("authorization"));
  CHECK(run({"logs", "--json", "-a", "hello"}) == 0);
  CHECK_CONTAINS(
      printed(),
      R"({"at":"2026-11-23T05:15:11.000000+00:00","source":"app","process":"web.1",)"
      R"("message":"hello"})"
      "\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "the router is one source of the platform's lines, and others are refused") {
  session_at(server, "s1");
  server.stream("GET /logs/s1", [](const Asked&, FakeServer::Stream stream) {
    stream.begin("text/event-stream");
    stream.end();
  });
  CHECK(run({"logs", "-s", "router", "-a", "hello"}) == 0);
  CHECK(*parse_json(server.last("POST /apps/hello/log-sessions").body) ==
        *parse_json(R"({"lines":100,"tail":false,"source":"berth","dyno":"router"})"));
  CHECK(run({"logs", "-s", "nobody", "-a", "hello"}) == 2);
  CHECK_CONTAINS(noted(), "There is no log source 'nobody'.");
}

TEST_CASE_FIXTURE(Fixture, "logs that break off without --tail are an error") {
  session_at(server, "s1");
  server.stream("GET /logs/s1", [](const Asked&, FakeServer::Stream stream) {
    stream.begin("text/event-stream");
    stream.piece(event(1, "hello"));
  });
  CHECK(run({"logs", "-a", "hello"}) == 4);
  CHECK(printed() == shown(1, "hello"));
}

TEST_CASE_FIXTURE(Fixture, "a tail that ends resumes after the last line it has") {
  session_at(server, "s1");
  server.stream("GET /logs/s1", [this](const Asked& asked, FakeServer::Stream stream) {
    const auto last = asked.headers.find("last-event-id");
    stream.begin("text/event-stream");
    if (last == asked.headers.end()) {
      stream.piece(event(1, "one") + event(2, "two"));
    } else {
      CHECK(last->second == "2");
      // This server sends what was shown once more; it must not be printed twice.
      stream.piece(event(1, "one") + event(2, "two") + event(3, "three"));
      // Then it forgets the session and opens no other, which ends the command.
      server.stream("GET /logs/s1", nullptr);
      server.on("POST /apps/hello/log-sessions",
                Answer{.status = 403, .body = R"({"id":"forbidden","message":"No more"})"});
    }
    stream.end();
  });
  CHECK(run({"logs", "--tail", "-a", "hello"}) == 1);
  CHECK(printed() == shown(1, "one") + shown(2, "two") + shown(3, "three"));
  CHECK_CONTAINS(noted(), "Error: No more.\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a tail outlives a restart of the platform, says so, and repeats no line") {
  auto first = std::make_unique<FakeServer>();
  const int port = first->port();
  environment.variables["BERTH_URL"] = first->url();
  session_at(*first, "before");
  first->stream("GET /logs/before", [](const Asked&, FakeServer::Stream stream) {
    stream.begin("text/event-stream");
    stream.piece(event(1, "one") + event(2, "two"));
    // The connection is cut in the middle of an event, as by kill -9.
    stream.piece("id: 3\ndata: 2026-11-23T05:15:13");
  });
  std::unique_ptr<FakeServer> second;
  int pauses = 0;
  environment.sleep = [&](std::chrono::milliseconds) {
    ++pauses;
    if (pauses == 1) first.reset();
    if (pauses < 4) return;
    if (second) return;
    second = std::make_unique<FakeServer>(port);
    session_at(*second, "after");
    second->stream("GET /logs/after", [&](const Asked& asked, FakeServer::Stream stream) {
      CHECK(asked.headers.at("last-event-id") == "2");
      stream.begin("text/event-stream");
      stream.piece(event(1, "one") + event(2, "two") + event(3, "three"));
      // Nothing follows, which ends the command.
      second->stream("GET /logs/after", nullptr);
      second->on("POST /apps/hello/log-sessions",
                 Answer{.status = 403, .body = R"({"id":"forbidden","message":"Enough"})"});
      stream.end();
    });
  };
  CHECK(run({"logs", "-t", "-a", "hello"}) == 1);
  CHECK(printed() == shown(1, "one") + shown(2, "two") + shown(3, "three"));
  CHECK_CONTAINS(noted(),
                 "The connection was lost; trying again until Ctrl-C.\nConnected again.\n");
  CHECK(second->count("GET /logs/before") == 1);
  CHECK(parse_json(second->last("POST /apps/hello/log-sessions").body)->at("lines") == 1000);
}
