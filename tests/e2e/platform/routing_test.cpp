// SPDX-License-Identifier: Apache-2.0
//
// What an app may say of its requests on their way: where they come from, which it takes.
#include <fmt/format.h>

#include "tests/e2e/e2e.hpp"

namespace berth::test {
namespace {

/// One request as curl makes it: "200 BODY", with the status first.
std::string ask(Platform& berth, std::string_view host, std::string_view path,
                std::vector<std::string> more = {}) {
  std::vector<std::string> argv = {
      "curl", "--silent", "--show-error", "--max-time", "20", "--connect-to",
      fmt::format("::127.0.0.1:{}", berth.router_port()), "--write-out", "\n%{http_code}",
      fmt::format("http://{}:{}{}", host, berth.router_port(), path)};
  argv.insert(argv.end(), more.begin(), more.end());
  const auto ran = run_program({.argv = argv});
  REQUIRE(ran.has_value());
  if (ran->status.code != 0) return ran->err;
  const std::size_t line = ran->out.rfind('\n');
  return ran->out.substr(line + 1) + " " + ran->out.substr(0, line);
}

TEST_CASE("a path of a domain is another app's, and a wildcard takes the names that are left") {
  NEEDS_PLATFORM();
  Platform& berth = platform();
  berth.deploy("static-site", "front");
  berth.deploy("two-process", "back");
  berth.must({"domains:add", "shop.test", "--app", "front"});
  berth.must({"domains:add", "*.shop.test", "--app", "front"});
  const std::string added = berth.must({"domains:add", "Shop.test/back/", "--app", "back"});
  CHECK(added.find("Added shop.test/back to back") != std::string::npos);

  const std::string front = ask(berth, "shop.test", "/");
  CHECK(front.starts_with("200 "));
  CHECK(ask(berth, "a.b.shop.test", "/") == front);
  const std::string back = "200 Hello from the web process\n";
  CHECK(eventually([&] { return ask(berth, "shop.test", "/back/x") == back; }));
  CHECK(ask(berth, "shop.test", "/backs") == ask(berth, "front.localhost", "/backs"));

  const Output taken = berth.cli({"domains:add", "shop.test/back", "--app", "front"});
  CHECK(taken.err.find("belongs to the app back") != std::string::npos);
  berth.must({"domains:remove", "shop.test/back", "--app", "back"});
  CHECK(eventually([&] {
    return ask(berth, "shop.test", "/back/x") == ask(berth, "front.localhost", "/back/x");
  }));
  berth.destroy("front");
  berth.destroy("back");
}

/// An app that answers everything, as it is deployed once for what follows.
struct Site {
  Platform& berth = platform();

  [[nodiscard]] static Site& get() {
    static Site site;
    return site;
  }
  [[nodiscard]] std::string ask(std::vector<std::string> more = {}) const {
    return test::ask(berth, "routed.localhost", "/", std::move(more));
  }
  [[nodiscard]] std::string status(std::vector<std::string> more = {}) const {
    const std::string said = ask(std::move(more));
    return said.substr(0, said.find(' ') == 3 ? 3 : said.size());
  }
  void set(std::vector<std::string> words) const {
    words.insert(words.begin(), "routing:set");
    words.insert(words.end(), {"--app", "routed"});
    berth.must(words);
  }
  void unset(std::vector<std::string> words) const {
    words.insert(words.begin(), "routing:unset");
    words.insert(words.end(), {"--app", "routed"});
    berth.must(words);
  }

 private:
  Site() { berth.deploy("two-process", "routed"); }
};

TEST_CASE("limits of an app hold at once, survive router and server, and are lifted") {
  NEEDS_PLATFORM();
  Site& site = Site::get();
  site.set({"rate_limit=2/h", "max_body=1KiB"});
  const std::vector<std::string> large{"--data-binary", std::string(2000, 'x')};
  REQUIRE(eventually([&] { return site.status(large) != "200"; }));
  REQUIRE(eventually([&] { return site.status() == "429"; }));
  CHECK(site.berth.json_of({"routing", "--app", "routed"}).at("rate_limit") == "2/h");
  CHECK(eventually([&] {
    return site.berth.must({"logs", "--app", "routed"}).find("code=rate-limited") !=
           std::string::npos;
  }));
  site.unset({"rate_limit"});
  CHECK(eventually([&] { return site.status() == "200"; }));
  CHECK(site.status(large) == "413");

  site.set({"allow_from=192.0.2.0/24"});
  CHECK(eventually([&] { return site.status() == "403"; }));
  site.berth.kill_server();
  CHECK(site.status() == "403");
  site.berth.start_server();
  CHECK(site.status() == "403");
  site.berth.kill_router();
  CHECK(eventually([&] { return site.status() == "403"; }));
  site.unset({"allow_from", "max_body"});
  CHECK(eventually([&] { return site.status(large) == "200"; }));
  const Output refused = site.berth.cli({"routing:set", "rate_limit=fast", "--app", "routed"});
  CHECK(refused.status.code != 0);
  CHECK(refused.err.find("100/s, 600/m or 1000/h") != std::string::npos);
}

TEST_CASE("a trusted proxy says who the client is, by header or PROXY protocol, and nobody else") {
  NEEDS_PLATFORM();
  Site& site = Site::get();
  const std::vector<std::string> claim{"--header", "X-Forwarded-For: 203.0.113.1, 192.0.2.7"};
  const auto from = [&](std::string_view address, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--interface", std::string(address)});
    return site.status(more);
  };
  site.set({"allow_from=192.0.2.7"});
  REQUIRE(eventually([&] { return from("127.0.0.1", claim) == "403"; }));
  CHECK(from("127.0.0.3", claim) == "200");
  CHECK(from("127.0.0.3") == "403");
  site.set({"allow_from=127.0.0.4"});
  CHECK(eventually([&] { return from("127.0.0.4", {"--haproxy-protocol"}) == "200"; }));
  CHECK(from("127.0.0.4").starts_with("curl: "));
  site.unset({"allow_from"});
  CHECK(eventually([&] { return from("127.0.0.1") == "200"; }));
}

TEST_CASE("users of an app come in by their passwords, which nobody is shown") {
  NEEDS_PLATFORM();
  Site& site = Site::get();
  const Output added =
      site.berth.cli({"routing:users:add", "ada", "--app", "routed"}, "open sesame\n");
  REQUIRE(added.status.code == 0);
  CHECK(eventually([&] { return site.status() == "401"; }));
  CHECK(site.status({"--user", "ada:open sesame"}) == "200");
  CHECK(site.status({"--user", "ada:open door"}) == "401");
  CHECK(site.berth.must({"routing", "--app", "routed"}).find("ada") != std::string::npos);
  CHECK(site.berth.json_of({"routing", "--app", "routed"}).at("users") == json::array{"ada"});
  site.berth.must({"routing:users:remove", "ada", "--app", "routed"});
  CHECK(eventually([&] { return site.status() == "200"; }));
}

TEST_CASE("maintenance shows the app's own page to people, and JSON to programs") {
  NEEDS_PLATFORM();
  Site& site = Site::get();
  const auto page = site.berth.home() / "down.html";
  REQUIRE(write_file(page, "<h1>Back at noon ({{code}})</h1>").has_value());
  site.berth.must({"routing:pages:set", "maintenance", page.string(), "--app", "routed"});
  site.berth.must({"maintenance:on", "--app", "routed"});
  const std::vector<std::string> html{"--header", "Accept: text/html"};
  CHECK(eventually([&] { return site.ask(html) == "503 <h1>Back at noon (H80)</h1>"; }));
  CHECK(site.ask({"--header", "Accept: application/json"}).starts_with("503 {\"id\":\"H80\""));
  site.berth.must({"routing:pages:unset", "maintenance", "--app", "routed"});
  CHECK(eventually([&] { return site.ask(html).starts_with("503 <!doctype html>"); }));
  site.berth.must({"maintenance:off", "--app", "routed"});
  CHECK(eventually([&] { return site.status() == "200"; }));
}

TEST_CASE("a browser stays at its replica while that is there") {
  NEEDS_PLATFORM();
  Site& site = Site::get();
  site.berth.must({"ps:scale", "web=2", "--app", "routed"});
  site.set({"sticky=on"});
  const auto jar = (site.berth.home() / "cookies").string();
  const std::vector<std::string> browser{"--cookie", jar, "--cookie-jar", jar};
  const auto cookie = [&] {
    const auto text = read_file(jar, 1 << 16);
    const std::size_t at = text.has_value() ? text->find("berth_affinity\t") : std::string::npos;
    return at == std::string::npos ? "" : text->substr(at + 15, 16);
  };
  REQUIRE(eventually([&] { return site.status(browser) == "200" && !cookie().empty(); }));
  const std::string first = cookie();
  for (int i = 0; i < 20; ++i) CHECK(site.status(browser) == "200");
  CHECK(cookie() == first);
  // The replicas are replaced by others; the browser gets one of those.
  site.berth.must({"ps:restart", "--app", "routed"});
  CHECK(eventually([&] { return site.status(browser) == "200" && cookie() != first; }));
  site.unset({"sticky"});
  site.berth.must({"ps:scale", "web=1", "--app", "routed"});
}

}  // namespace
}  // namespace berth::test
