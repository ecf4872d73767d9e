// SPDX-License-Identifier: Apache-2.0
//
// Pages of an app's own in place of the router's.
#include <doctest/doctest.h>

#include "router/errors.hpp"
#include "tests/unit/router/harness.hpp"

namespace berth::router::test {

TEST_CASE("an app's own pages are for those who want HTML, with code and request id") {
  Bed bed;
  const json::object pages{
      {"error_page", "<h1>Oh no: {{code}}, {{request_id}}</h1>{{other}} {{code"},
      {"maintenance_page", "<h1>Back at noon</h1>"}};
  const auto ask = [&](std::string_view state, std::string_view accept) {
    bed.put(state, {}, pages);
    Peer client = bed.client();
    client.send(get("/", "Accept: " + std::string(accept) +
                             "\r\nX-Request-Id: 0123456789-0123456789\r\n"));
    return client.read_message();
  };
  const auto crashed = ask("crashed", "text/html");
  CHECK(crashed.status() == 503);
  CHECK(crashed.header("content-type") == "text/html; charset=utf-8");
  CHECK(crashed.header("x-berth-error") == "H10");
  CHECK(crashed.body == "<h1>Oh no: H10, 0123456789-0123456789</h1>{{other}} {{code");
  CHECK(ask("maintenance", "text/html,*/*").body == "<h1>Back at noon</h1>");
  CHECK(ask("maintenance", "application/json").body.starts_with("{\"id\":\"H80\""));
  CHECK(ask("maintenance", "*/*").body.starts_with("Maintenance mode (H80)"));
  // It is not for what the client did wrong.
  bed.put("running", {}, {{"error_page", "<h1>Oh no</h1>"},
                          {"rules", {{"allow_from", {"192.0.2.1"}}}}});
  Peer client = bed.client();
  client.send(get("/", "Accept: text/html\r\n"));
  CHECK(client.read_message().body.starts_with("<!doctype html>"));
}

TEST_CASE("a page of a maintained app survives the router's restart") {
  Bed bed;
  bed.put("maintenance", {}, {{"maintenance_page", "<h1>Back at noon</h1>"}});
  bed.restart();
  Peer client = bed.client();
  client.send(get("/", "Accept: text/html\r\n"));
  CHECK(client.read_message().body == "<h1>Back at noon</h1>");
}

}  // namespace berth::router::test
