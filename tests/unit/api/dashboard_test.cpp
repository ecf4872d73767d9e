// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/api/fixture.hpp"

using namespace berth;
using namespace berth::test;

namespace {

struct Site {
  TempDir directory =
      TempDir::create(std::filesystem::temp_directory_path(), "berth-test-").value();
  Site() {
    std::filesystem::create_directories(directory.path() / "dist" / "assets");
    write("dist/index.html", "<!doctype html><title>Berth</title>");
    write("dist/assets/index-BxYz12Ab.js", "console.log(1)");
    write("dist/assets/plain.css", "body{}");
    write("secret.txt", "outside");
  }
  void write(const std::string& name, const std::string& text) const {
    REQUIRE(!write_file(directory.path() / name, text).has_error());
  }
};

const Fields host{{"Host", "dashboard.localhost:8080"}};

}  // namespace

TEST_CASE(
    "the dashboard's files are served with their types, a strict policy and the right caching") {
  Site site;
  ApiFixture api([&](api::Settings& settings) {
    settings.dashboard_directory = site.directory.path() / "dist";
  });
  const auto index = api.request("GET", "/", "", host);
  CHECK(index.status == 200);
  CHECK(index.header("content-type") == "text/html; charset=utf-8");
  CHECK(index.header("cache-control") == "no-cache");
  CHECK(index.header("x-content-type-options") == "nosniff");
  CHECK(index.header("content-security-policy") ==
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
        "'self'; connect-src "
        "'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  const auto script = api.request("GET", "/assets/index-BxYz12Ab.js", "", host);
  CHECK(script.header("content-type") == "text/javascript; charset=utf-8");
  CHECK(script.header("cache-control") == "public, max-age=31536000, immutable");
  CHECK(api.request("GET", "/assets/plain.css", "", host).header("cache-control") == "no-cache");
  Fields again = host;
  again["If-None-Match"] = script.header("etag");
  CHECK(api.request("GET", "/assets/index-BxYz12Ab.js", "", again).status == 304);
}

TEST_CASE(
    "a path of the page is answered with the page, a missing file is 404, and nothing outside is "
    "reached") {
  Site site;
  ApiFixture api([&](api::Settings& settings) {
    settings.dashboard_directory = site.directory.path() / "dist";
  });
  for (const char* path : {"/apps/hello", "/apps/hello/replicas/web.1", "/login?next=/apps"})
    CHECK(api.request("GET", path, "", host).body.find("<title>Berth") != std::string::npos);
  for (const char* path :
       {"/missing.js", "/assets/gone-12345678.css", "/assets/x", "/../secret.txt",
        "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/..%00/secret.txt"}) {
    const auto answer = api.request("GET", path, "", host);
    CHECK_MESSAGE(answer.status == 404, path);
    CHECK(answer.body.find("outside") == std::string::npos);
  }
  const auto posted = api.request("POST", "/", "{}", host);
  CHECK(posted.status == 405);
  CHECK(posted.header("allow") == "GET, HEAD");
}

TEST_CASE("without the dashboard's files the answer says what to do") {
  ApiFixture api(
      [](api::Settings& settings) { settings.dashboard_directory = "/nonexistent/dashboard"; });
  const auto answer = api.request("GET", "/", "", host);
  CHECK(answer.status == 503);
  CHECK(answer.body.find("no directory '/nonexistent/dashboard'") != std::string::npos);
}

TEST_CASE("URLs in answers are at the host by which the client came") {
  ApiFixture api;
  api.deployed_app("hello");
  const auto made = api.call("POST", "/api/apps/hello/log-sessions", "{}", host);
  CHECK(text_at(body_of(made), "/logplex_url")
            .starts_with("http://dashboard.localhost:8080/api/logs/"));
  Fields secure{{"Host", "api.example.com"}, {"X-Forwarded-Proto", "https"}};
  CHECK(text_at(body_of(api.call("POST", "/apps/hello/log-sessions", "{}", secure)), "/logplex_url")
            .starts_with("https://api.example.com/logs/"));
  CHECK(text_at(body_of(api.call("POST", "/apps/hello/log-sessions", "{}", {{"Host", "a\"b"}})),
                "/logplex_url")
            .starts_with("http://api.localhost:8080/logs/"));
}
