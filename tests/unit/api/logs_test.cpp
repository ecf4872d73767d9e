// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>

#include <fstream>

#include "api/log_reader.hpp"
#include "api/log_sessions.hpp"
#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

std::string line(int number, std::string_view from = "app[web.1]") {
  return "2026-11-23T05:15:38." + std::to_string(100000 + number) + "+00:00 " + std::string(from) +
         ": line " + std::to_string(number);
}

class LogDirectory final {
 public:
  explicit LogDirectory(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  void append(const std::string& text) const {
    std::ofstream(path_ / "current.log", std::ios::app) << text;
  }
  void add(int from, int to) const {
    std::string text;
    for (int i = from; i <= to; ++i) text += line(i) + "\n";
    append(text);
  }
  void rotate() const { std::filesystem::rename(path_ / "current.log", path_ / "current.log.1"); }

 private:
  std::filesystem::path path_;
};

std::vector<std::string> texts(const std::vector<api::LogLine>& lines) {
  std::vector<std::string> result;
  for (const auto& entry : lines) result.push_back(entry.text);
  return result;
}

std::vector<api::LogLine> read_all(api::LogReader& reader) {
  std::vector<api::LogLine> result;
  for (;;) {
    auto batch = reader.next();
    REQUIRE(!batch.has_error());
    result.insert(result.end(), batch->lines.begin(), batch->lines.end());
    if (batch->at_end) return result;
  }
}

std::vector<api::LogLine> last(const std::filesystem::path& directory, std::size_t lines,
                               api::LogFilter filter = {}) {
  api::LogReader reader(directory, filter);
  for (;;) {
    const auto done = reader.step_back(lines);
    REQUIRE(!done.has_error());
    if (*done) return read_all(reader);
  }
}

struct Fixture {
  TempDir directory =
      TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value();
  LogDirectory log{directory.path()};
};

/// The part of a session's URL that is the target.
std::string session(ApiFixture& api, const std::string& body) {
  const auto made = api.call("POST", "/apps/hello/log-sessions", body);
  REQUIRE(made.status == 201);
  const std::string url = text_at(body_of(made), "/logplex_url");
  const std::string base = "http://127.0.0.1:" + std::to_string(api.port());
  REQUIRE(url.starts_with(base + "/logs/"));
  return url.substr(base.size());
}

std::string get(const std::string& target, const std::string& more = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

}  // namespace

TEST_CASE("the last lines are found, also over a rotation, and an unfinished line is none yet") {
  Fixture f;
  CHECK(last(f.directory.path(), 10).empty());
  f.log.add(1, 3);
  f.log.rotate();
  f.log.add(4, 5);
  f.log.append("2026-11-23T05:15:39 app[web.1]: half");
  CHECK(texts(last(f.directory.path(), 1)) == std::vector<std::string>{line(5)});
  CHECK(texts(last(f.directory.path(), 3)) == std::vector<std::string>{line(3), line(4), line(5)});
  CHECK(last(f.directory.path(), 100).size() == 5);
  CHECK(last(f.directory.path(), 0).empty());
}

TEST_CASE("going back works at every size of file around the size of a piece") {
  for (const int total : {1, 2, 900, 935, 940, 2000, 5000}) {
    Fixture f;
    f.log.add(1, total);
    for (const int wanted : {1, 2, 936, 1500, 4999})
      CHECK(last(f.directory.path(), static_cast<std::size_t>(wanted)).size() ==
            static_cast<std::size_t>(std::min(wanted, total)));
    CHECK(last(f.directory.path(), 1)[0].text == line(total));
  }
}

TEST_CASE("a filter chooses by process, type and source") {
  Fixture f;
  for (const auto* from : {"app[web.1]", "app[web.2]", "app[worker.1]", "berth[web.1]",
                           "berth[router]", "app[webby.1]"})
    f.log.append(line(1, from) + "\n");
  const auto count = [&](std::string process, std::string source) {
    return last(f.directory.path(), 100,
                {.process = std::move(process), .source = std::move(source)})
        .size();
  };
  CHECK(count("", "") == 6);
  CHECK(count("web.1", "") == 2);
  CHECK(count("web", "") == 3);
  CHECK(count("web", "app") == 2);
  CHECK(count("", "app") == 4);
  CHECK(count("", "heroku") == 2);
  CHECK(count("", "berth") == 2);
  CHECK(count("router", "") == 1);
  CHECK(count("we", "") == 0);
}

TEST_CASE(
    "reading resumes after any line, before and after the file was rotated, without repeats") {
  Fixture f;
  f.log.add(1, 10);
  const auto all = last(f.directory.path(), 100);
  REQUIRE(all.size() == 10);
  for (const bool rotated : {false, true}) {
    if (rotated) {
      f.log.rotate();
      f.log.add(11, 12);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      api::LogReader reader(f.directory.path(), {});
      CHECK(reader.resume(all[i].id));
      CHECK(read_all(reader).size() == (rotated ? 12 : 10) - i - 1);
    }
  }
  // Rotated away: everything that is left came later.
  f.log.rotate();
  f.log.add(13, 13);
  api::LogReader reader(f.directory.path(), {});
  CHECK(reader.resume(all[3].id));
  CHECK(texts(read_all(reader)) == std::vector<std::string>{line(11), line(12), line(13)});
  api::LogReader other(f.directory.path(), {});
  CHECK_FALSE(other.resume("garbage"));
  CHECK_FALSE(other.resume("aaaa-x"));
}

TEST_CASE("a reader follows the file through rotations and loses no line") {
  Fixture f;
  api::LogReader reader(f.directory.path(), {});
  CHECK(read_all(reader).empty());
  f.log.add(1, 2);
  CHECK(read_all(reader).size() == 2);
  f.log.append("2026 app[web.1]: ha");
  CHECK(read_all(reader).empty());
  f.log.append("lf\n");
  CHECK(texts(read_all(reader)) == std::vector<std::string>{"2026 app[web.1]: half"});
  f.log.add(3, 3);
  f.log.rotate();
  CHECK(texts(read_all(reader)) == std::vector<std::string>{line(3)});
  f.log.add(4, 5);
  CHECK(texts(read_all(reader)) == std::vector<std::string>{line(4), line(5)});
  f.log.rotate();
  f.log.add(6, 6);
  f.log.rotate();
  f.log.add(7, 7);
  CHECK(texts(read_all(reader)) == std::vector<std::string>{line(6), line(7)});
}

TEST_CASE("a line without an end does not grow in memory for ever") {
  Fixture f;
  f.log.append("2026 app[web.1]: " + std::string(300 << 10, 'x') + "\n" + line(1) + "\n");
  const auto lines = last(f.directory.path(), 100);
  CHECK(lines.size() == 6);
  for (const auto& entry : lines) CHECK(entry.text.size() <= 64 << 10);
  CHECK(lines.back().text == line(1));
}

TEST_CASE("a log session is forgotten half an hour after its last use") {
  api::LogSessions sessions;
  const auto start = api::LogSessions::Clock::now();
  const std::string secret = sessions.add({.id = "1", .app = {}, .filter = {}}, start);
  CHECK(secret.size() == 48);
  CHECK(sessions.find(secret, start + std::chrono::minutes(29)));
  CHECK(sessions.find(secret, start + std::chrono::minutes(58)));
  CHECK_FALSE(sessions.find(secret, start + std::chrono::minutes(89)));
  CHECK_FALSE(sessions.find("x", start));
}

TEST_CASE("without tail a log session sends the last lines as events and ends") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  LogDirectory log(api.control.log_directory(app));
  log.add(1, 20);
  const auto answer = api.request("GET", session(api, R"({"lines":3})"));
  CHECK(answer.status == 200);
  CHECK(answer.header("content-type") == "text/event-stream");
  CHECK(answer.header("cache-control") == "no-store");
  CHECK(answer.body.starts_with("id: "));
  CHECK(answer.body.find("\ndata: " + line(18) + "\n\n") != std::string::npos);
  CHECK(answer.body.find(line(17)) == std::string::npos);
  CHECK(answer.body.ends_with("data: " + line(20) + "\n\n"));
  CHECK(api.request("GET", "/logs/" + std::string(48, '0')).status == 404);
  CHECK(api.call("POST", "/apps/hello/log-sessions", R"({"lines":-1})").status == 422);
}

TEST_CASE("with tail new lines come at once, over a rotation, and a client resumes where it was") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  LogDirectory log(api.control.log_directory(app));
  log.add(1, 2);
  const std::string target = session(api, R"({"lines":1,"tail":true,"dyno":"web"})");
  RawClient client = api.raw();
  client.send(get(target));
  REQUIRE(client.read_until(line(2)));
  CHECK(client.received.find(line(1)) == std::string::npos);
  log.append(line(3, "app[worker.1]") + "\n");
  log.add(4, 4);
  REQUIRE(client.read_until(line(4)));
  CHECK(client.received.find("worker") == std::string::npos);
  log.rotate();
  log.add(5, 6);
  REQUIRE(client.read_until(line(6)));
  const std::string seen = client.take();
  const auto before = seen.rfind("id: ", seen.find(line(5)));
  const std::string id = seen.substr(before + 4, seen.find('\n', before) - before - 4);
  client.close();
  log.add(7, 7);
  RawClient again = api.raw();
  again.send(get(target, "Last-Event-ID: " + id + "\r\n"));
  REQUIRE(again.read_until(line(7)));
  CHECK(again.received.find(line(6)) != std::string::npos);
  CHECK(again.received.find(line(5)) == std::string::npos);
}

TEST_CASE(
    "an idle log stream shows a sign of life, waits for a log that is not there yet, and ends with "
    "its app") {
  ApiFixture api(
      [](api::Settings& settings) { settings.heartbeat = std::chrono::milliseconds(30); });
  const auto app = api.deployed_app("hello");
  RawClient client = api.raw();
  client.send(get(session(api, R"({"tail":true})")));
  REQUIRE(client.read_until(":\n\n"));
  LogDirectory log(api.control.log_directory(app));
  log.add(1, 1);
  REQUIRE(client.read_until(line(1)));
  CHECK(api.call("DELETE", "/apps/hello").status == 200);
  CHECK(client.read_until("\r\n0\r\n\r\n"));
}

TEST_CASE("build output is streamed while the build runs, and ends with it") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  std::filesystem::create_directories(api.directory.path() / "builds");
  const auto build = api.on_strand(
      [&] { return api.store.create_build(app.id, std::string(40, 'c'), {"ada"}).value(); });
  const auto shown = body_of(api.call("GET", "/apps/hello/builds/" + build.id.value));
  CHECK(text_at(shown, "/status") == "pending");
  const std::string url = text_at(shown, "/output_stream_url");
  const std::string target = url.substr(url.find("/apps/"));
  RawClient client = api.raw();
  client.send(get(target));
  REQUIRE(client.read_until("text/plain"));
  std::ofstream log(api.directory.path() / "builds" / (build.id.value + ".log"));
  log << "-----> detected\n" << std::flush;
  REQUIRE(client.read_until("-----> detected\n"));
  log << "-----> done\n" << std::flush;
  api.on_strand([&] {
    (void)api.store.finish_build(build.id, "sha256:1");
    api.control.notify({{"type", "build"}, {"app", "hello"}});
  });
  REQUIRE(client.read_until("\r\n0\r\n\r\n"));
  CHECK(client.received.find("-----> done\n") != std::string::npos);
  const std::string bare = target.substr(0, target.find('?'));
  CHECK(api.call("GET", bare).body == "-----> detected\n-----> done\n");
  CHECK(api.request("GET", bare).status == 401);
  CHECK(api.request("GET", bare + "?key=wrong").status == 403);
}

TEST_CASE("in place of a build's log that is not there stands why, or how the build failed") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  const auto output_of = [&](const std::string& failure) {
    const auto id = api.on_strand([&] {
      const auto build = api.store.create_build(app.id, std::string(40, 'c'), {"ada"}).value();
      if (failure.empty()) CHECK(api.store.finish_build(build.id, "sha256:1").has_value());
      else CHECK(api.store.fail_build(build.id, failure).has_value());
      return build.id.value;
    });
    return api.call("GET", "/apps/hello/builds/" + id + "/output").body;
  };
  CHECK(output_of("").find("no longer kept") != std::string::npos);
  CHECK(output_of("cancelled by ada") == " !     cancelled by ada\n");
}

TEST_CASE("live notices reach their stream, filtered by app, after a hello") {
  ApiFixture api;
  api.deployed_app("hello");
  RawClient all = api.raw();
  all.send(get("/stream", api.bearer()));
  RawClient one = api.raw();
  one.send(get("/stream?app=hello", api.bearer()));
  REQUIRE(all.read_until("event: hello\n"));
  REQUIRE(one.read_until("event: hello\n"));
  api.on_strand([&] {
    api.control.notify({{"type", "build"}, {"app", "other"}, {"value", 1}});
    api.control.notify({{"type", "release"}, {"app", "hello"}, {"value", 2}});
  });
  REQUIRE(all.read_until(
      "event: release\ndata: {\"type\":\"release\",\"app\":\"hello\",\"value\":2}\n\n"));
  REQUIRE(one.read_until("event: release\n"));
  CHECK(all.received.find("event: build\n") != std::string::npos);
  CHECK(one.received.find("event: build\n") == std::string::npos);
  CHECK(api.call("GET", "/stream?app=nope").status == 404);
  CHECK(api.request("GET", "/stream").status == 401);
  one.close();
  all.close();
  CHECK(api.eventually([&] { return api.control.subscribers() == 0; }));
}

TEST_CASE("a reader that does not read loses notices, is told so, and costs a bounded amount") {
  ApiFixture api;
  RawClient client = api.raw();
  client.send(get("/stream", api.bearer()));
  REQUIRE(client.read_until("event: hello\n"));
  const std::string filler(8192, 'x');  // 16 MB in all, more than the kernel keeps for a connection
  for (int round = 0; round < 40; ++round)
    api.on_strand([&] {
      for (int i = 0; i < 50; ++i)
        api.control.notify({{"type", "traffic"}, {"app", "hello"}, {"value", filler}});
    });
  api.on_strand([&] { api.control.notify({{"type", "release"}, {"app", "hello"}}); });
  REQUIRE(client.read_until("event: release\n"));
  CHECK(client.received.find("event: gap\n") != std::string::npos);
  CHECK(client.received.size() < 40u * 50u * 8192u);
}

TEST_CASE("a stream ends when its token is revoked") {
  ApiFixture api(
      [](api::Settings& settings) { settings.heartbeat = std::chrono::milliseconds(30); });
  const auto issued =
      api.on_strand([&] { return api.store.create_token("ada", "x", std::nullopt, {"ada"}); });
  RawClient client = api.raw();
  client.send(get("/stream", "Authorization: Bearer " + issued.secret + "\r\n"));
  REQUIRE(client.read_until(":\n\n"));
  CHECK(api.call("DELETE", "/oauth/authorizations/" + issued.token.id.value).status == 200);
  CHECK(client.read_until("\r\n0\r\n\r\n"));
}

TEST_CASE(
    "the server stops with open streams and idle connections, and answers what it has begun") {
  ApiFixture api;
  const auto app = api.deployed_app("hello");
  LogDirectory log(api.control.log_directory(app));
  RawClient logs = api.raw();
  logs.send(get(session(api, R"({"tail":true})")));
  REQUIRE(logs.read_until("text/event-stream"));
  RawClient notices = api.raw();
  notices.send(get("/stream", api.bearer()));
  REQUIRE(notices.read_until("hello"));
  RawClient idle = api.raw();
  idle.send(get("/health"));
  REQUIRE(idle.read_until("ok"));
  RawClient waiting = api.raw();
  api.stop();
  CHECK(logs.read_to_end());
  CHECK(notices.read_to_end());
  CHECK(idle.read_to_end());
  CHECK(waiting.read_to_end());
  CHECK(api.control.subscribers() == 0);
}
