// SPDX-License-Identifier: Apache-2.0
//
// The link against a real router in this process: the table arrives, survives a reconnect, and what
// the router tells comes back.
#include "server/router_link.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "base/file.hpp"
#include "base/http_client.hpp"
#include "router/router.hpp"

namespace berth::server {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  TempDir directory = std::move(*TempDir::create("/tmp"));
  boost::asio::io_context context;
  RouterLink link{context.get_executor(), directory.path() / "router.sock"};

  std::unique_ptr<router::Router> start_router() {
    auto router = router::Router::start({.listen = {"127.0.0.1:0"},
                                         .control_socket = directory.path() / "router.sock",
                                         .table_file = directory.path() / "table.json",
                                         .threads = 1});
    REQUIRE(router.has_value());
    return std::move(*router);
  }

  /// Runs the strand until the condition holds.
  bool run_until(const std::function<bool()>& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < end;) {
      if (condition()) return true;
      context.restart();
      context.run_one_for(20ms);
    }
    return false;
  }

  int status_of(const router::Router& router, const std::string& host) {
    const auto response = http_request(
        {.url = {.scheme = "http", .host = "127.0.0.1", .port = router.ports()[0], .target = "/"},
         .headers = {{"Host", host}}});
    return response.has_value() ? response->status : 0;
  }

  void put_maintenance(const std::string& name) {
    link.put_app(name, {{"state", "maintenance"},
                        {"release", 1},
                        {"log", ""},
                        {"message", ""},
                        {"first_byte_timeout_ms", 1000},
                        {"idle_timeout_ms", 1000},
                        {"hold_timeout_ms", 1000},
                        {"replicas", json::array()}});
    link.put_host(name + ".test", name);
  }
};

TEST_CASE("the table reaches a router that was there first, and changes follow") {
  Fixture fixture;
  const auto router = fixture.start_router();
  fixture.put_maintenance("one");
  fixture.link.start({});
  CHECK(fixture.run_until([&] { return fixture.status_of(*router, "one.test") == 503; }));
  CHECK(fixture.status_of(*router, "two.test") == 404);
  fixture.put_maintenance("two");
  CHECK(fixture.run_until([&] { return fixture.status_of(*router, "two.test") == 503; }));
  fixture.link.remove_host("one.test");
  CHECK(fixture.run_until([&] { return fixture.status_of(*router, "one.test") == 404; }));
}

TEST_CASE("a router that comes later, or anew, is given the whole table") {
  Fixture fixture;
  fixture.put_maintenance("one");
  int connected = 0;
  fixture.link.start({.on_connected = [&](bool) { ++connected; }});
  auto router = fixture.start_router();
  CHECK(fixture.run_until([&] { return connected == 1; }));
  router.reset();
  CHECK(fixture.run_until([&] { return !fixture.link.connected(); }));
  fixture.put_maintenance("two");
  router = fixture.start_router();
  CHECK(fixture.run_until(
      [&] { return connected == 2 && fixture.status_of(*router, "two.test") == 503; }));
  CHECK(fixture.status_of(*router, "one.test") == 503);
}

}  // namespace
}  // namespace berth::server
